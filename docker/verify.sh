#!/usr/bin/env bash
#
# Builds the image from the Dockerfile and runs it: what it holds, as which users it starts, and what becomes of its uploads when
# they are cut, killed and stopped. No container engine is needed. Debian's buildah builds, on a base made by debootstrap and the
# Node of package-lock.json, which stands in for the official image; test/container/ runs the result by namespaces.
#
# Takes root, and a Debian mirror and npm registry as this machine is set up to reach them. Everything it makes is in one temporary
# directory. NODE_IMAGE=… builds on another base, which is then pulled.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PWD/node_modules/.bin:$PATH"

unavailable() {
  printf '\n*** %s: the container image was not verified.\n*** %s\n\n' \
    "$([[ ${CI:-} == true ]] && echo FAILED || echo SKIPPED)" "$1" >&2
  [[ ${CI:-} == true ]] && exit 1
  exit 0
}

((EUID == 0)) || unavailable 'this takes root'

scratch=$(mktemp -d)
# Before anything is mounted: what stays mounted must not be deleted through.
finish() {
  local status=$?
  if command -v buildah >/dev/null; then
    image umount --all >/dev/null 2>&1 || true
    image rm --all >/dev/null 2>&1 || true
    # overlay's own mount, where buildah leaves one
    if mountpoint -q "$scratch/storage/overlay"; then umount "$scratch/storage/overlay" || true; fi
  fi
  if ! grep -q " $scratch/" /proc/self/mounts; then rm -rf "$scratch"; else echo "still mounted: $scratch" >&2; fi
  exit "$status"
}
trap finish EXIT

image() { buildah --root "$scratch/storage" --runroot "$scratch/run" "$@"; }

# --- Tools --------------------------------------------------------------------------------------------------------------

missing=()
for tool in buildah debootstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if ((${#missing[@]} > 0)); then
  command -v apt-get >/dev/null || unavailable "missing, and no apt-get to install them: ${missing[*]}"
  echo "apt-get install ${missing[*]}"
  install=(apt-get install --yes --no-install-recommends "${missing[@]}")
  "${install[@]}" >"$scratch/apt" 2>&1 || { apt-get update >>"$scratch/apt" 2>&1 && "${install[@]}" >>"$scratch/apt" 2>&1; } ||
    unavailable "$(tail -n 3 "$scratch/apt")"
fi

# --- A base: a small Debian and Node ------------------------------------------------------------------------------------

if [[ -z ${NODE_IMAGE:-} ]]; then
  NODE_IMAGE=localhost/tidemark-node
  mirror=$(apt-get indextargets --format '$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI)' |
    awk '$1 == "Packages" && $2 == "main" && $3 == "bookworm" { print $4; exit }')
  echo "base: Debian bookworm, minbase, and Node $(node --version)"
  base=$(image from scratch)
  root=$(image mount "$base")
  debootstrap --variant=minbase --include=libatomic1 bookworm "$root" "${mirror:-http://deb.debian.org/debian}" \
    >"$scratch/debootstrap" 2>&1 || unavailable "debootstrap: $(tail -n 3 "$scratch/debootstrap")"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  # The machine's npm, on the pinned Node, in the places of the official image.
  cp node_modules/node/bin/node "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -r "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  image umount "$base" >/dev/null
  image config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$base"
  image commit --quiet "$base" "$NODE_IMAGE" >/dev/null
  image rm "$base" >/dev/null
fi

# --- The image ----------------------------------------------------------------------------------------------------------

# How this machine reaches its registry, as secrets of the build: settings of npm, and certificates that they name.
umask 077
certificates=$(npm config get cafile)
[[ -f $certificates ]] || certificates=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
for file in "$(npm config get globalconfig)" "$(npm config get userconfig)"; do
  if [[ -f $file ]]; then grep -v '^ *cafile *=' "$file" || true; fi
done >"$scratch/npmrc"
printf '\nregistry=%s\n' "$(npm config get registry)" >>"$scratch/npmrc"
if [[ -f $certificates ]]; then
  cp "$certificates" "$scratch/ca"
  echo 'cafile=/run/secrets/ca' >>"$scratch/npmrc"
else
  : >"$scratch/ca"
fi
umask 022

revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
image bud --isolation chroot --format docker --quiet \
  --build-arg NODE_IMAGE="$NODE_IMAGE" --build-arg REVISION="$revision" \
  --secret id=npmrc,src="$scratch/npmrc" --secret id=ca,src="$scratch/ca" \
  --tag localhost/tidemark . >"$scratch/build" 2>&1 || { cat "$scratch/build"; echo 'not ok - the Dockerfile builds'; exit 1; }
echo 'ok - the Dockerfile builds'

container=$(image from localhost/tidemark)
image inspect --type image localhost/tidemark >"$scratch/image.json"
node test/container/run.ts "$(image mount "$container")" "$scratch/image.json"
