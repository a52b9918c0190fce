/**
 * openapi.yaml at `/-/openapi.yaml`, and a page to read it at `/-/docs`: Swagger UI by its Fastify plugin, with nothing from
 * anywhere else. Both name the address that the client used.
 *
 * The page is a little server of its own, made when somebody first opens it: 0.1 s and some 15 MiB that a server whose
 * documentation nobody reads does without.
 */

import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { BaseUrl } from './base-url.ts'

/** Beside package.json, whether this runs from src/ or from dist/. */
const PATH = fileURLToPath(new URL('../../openapi.yaml', import.meta.url))

/** The address that the file itself names. */
const LISTED = 'http://127.0.0.1:8080'

/** Swagger UI styles its elements one by one. Nothing is loaded from, or sent to, another origin. */
const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

export interface DocumentSettings {
  readonly base: BaseUrl
  /** As of the whole server. */
  readonly trustProxy: boolean | string
}

export function serveDocument(app: FastifyInstance, settings: DocumentSettings): void {
  const { base } = settings
  const method = ['GET', 'HEAD']
  const config = { access: 'public' } as const

  app.route({
    method,
    url: '/-/openapi.yaml',
    config,
    handler: async (request, reply) => {
      const text = await readFile(PATH, 'utf8')
      const here = text.replace(`- url: ${LISTED}\n`, `- url: ${base(request)}\n`)
      // RFC 9512.
      return reply.type('application/yaml').header('cache-control', 'no-cache').send(here)
    },
  })

  let opened: Promise<FastifyInstance> | undefined
  for (const url of ['/-/docs', '/-/docs/*']) {
    app.route({
      method,
      url,
      config,
      handler: async (request, reply) => {
        opened ??= openPage(settings)
        const page = await opened
        reply.hijack()
        page.routing(request.raw, reply.raw)
      },
    })
  }
  app.addHook('onClose', async () => (await opened)?.close())
}

async function openPage({ base, trustProxy }: DocumentSettings): Promise<FastifyInstance> {
  const { default: swagger } = await import('@fastify/swagger')
  const { default: swaggerUi } = await import('@fastify/swagger-ui')
  const page = fastify({ trustProxy, exposeHeadRoutes: true })
  page.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
  })
  const sendNotFound = (reply: FastifyReply) =>
    reply.code(404).type('text/plain; charset=utf-8').send('Not Found')
  page.setNotFoundHandler((_request, reply) => sendNotFound(reply))
  page.setErrorHandler((_error, _request, reply) => sendNotFound(reply))
  await page.register(swagger, {
    mode: 'static',
    specification: { path: PATH, baseDir: dirname(PATH) },
  })
  await page.register(swaggerUi, {
    routePrefix: '/-/docs',
    staticCSP: POLICY,
    theme: { title: 'Tidemark' },
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: true,
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
    },
    uiHooks: {
      // The page's own links are relative to its path with the slash, and so is this: a proxy may have put something before it.
      onRequest: (request, reply, done) => {
        if (request.url.split('?', 1)[0] === '/-/docs') reply.redirect('docs/', 302)
        else done()
      },
    },
    transformSpecificationClone: false,
    transformSpecification: (document, request) => ({
      ...document,
      servers: [{ url: addressOf(base, request) }],
    }),
  })
  await page.ready()
  return page
}

function addressOf(base: BaseUrl, request: unknown): string {
  return base(request as FastifyRequest)
}
