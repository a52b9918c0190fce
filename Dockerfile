# The program with what it needs to run, and nothing that was needed to build it.
#
#   docker build -t tidemark .
#   docker run --read-only -e TIDEMARK_AUTH=none -p 127.0.0.1:8080:8080 -v tidemark:/data tidemark
#
# It starts as any --user. Its root may be read-only: all that is ever written is in /data.
#
# What npm has to be told to reach its registry is the builder's and stays out of the image:
#   docker build --secret id=npmrc,src=$HOME/.npmrc --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt …
# An npmrc finds that certificate file by the line cafile=/run/secrets/ca.

# One Node for all stages, the one it is developed on. Any with npm and a shell does, of any architecture.
ARG NODE_IMAGE=docker.io/library/node:26-slim

# What it imports at run time. No package's scripts are run: none of these needs them.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca,target=/run/secrets/ca \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier
# npm's note of where it fetched from is the builder's, too; the rest is for debuggers and compilers, a quarter of it.
RUN rm node_modules/.package-lock.json \
    && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete

# TypeScript to JavaScript: Node would strip the types at every start.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca,target=/run/secrets/ca \
    npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json --sourceMap false
COPY LICENSE openapi.yaml docker/healthcheck.mjs ./
# Readable for every uid, whatever the checkout's modes were.
RUN mkdir /image && cp -r dist package.json LICENSE openapi.yaml healthcheck.mjs /image/ \
    && chmod -R a+rX /image

FROM ${NODE_IMAGE}
# Package managers have no work here, and are most of what scanners find. A fresh volume takes over the directory's mode:
# whoever --user names may write, and nobody may remove another one's files.
RUN rm -rf /usr/local/lib/node_modules /usr/local/include /opt/yarn-* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
    && mkdir -m 1777 /data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /image ./

# 0.0.0.0 is the container's own; who may come in is decided by -p. Without TIDEMARK_AUTH it does not start: that word is
# the user's. `docker stop` waits 10 s before it kills, so the drain takes less.
ENV NODE_ENV=production \
    TIDEMARK_HOST=0.0.0.0 \
    TIDEMARK_PORT=8080 \
    TIDEMARK_DATA_DIR=/data \
    TIDEMARK_DRAIN=8s

EXPOSE 8080
VOLUME /data
USER 10001:10001
STOPSIGNAL SIGTERM
# Node itself is process 1 and gets the signal: no shell, no init between.
ENTRYPOINT ["node", "dist/main.js"]
# The start period covers the scan of a large data directory, before which nothing listens.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5m --retries=3 CMD ["node", "healthcheck.mjs"]

# Last: they change with every build, and nothing before them has to be made again.
ARG NODE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Tidemark" \
      org.opencontainers.image.description="A standalone resumable-upload server: every acknowledged byte survives a crash" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
