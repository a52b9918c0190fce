/** CORS (§3): the web client posts from another origin; errors are for it to read, too. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** What the web client sends of its own. */
const HEADERS = [
  'authorization',
  'content-type',
  'chunked-upload-complete',
  'chunked-upload-offset',
  'chunked-upload-token',
  'chunked-upload-total-size',
  'ucloud-username',
  'upload-name',
]

const EXPOSED = 'Content-Disposition, Content-Length, Retry-After'

export function cors(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers
    reply.header('vary', 'Origin')
    if (origin !== undefined) {
      reply.header('access-control-allow-origin', origin)
      reply.header('access-control-expose-headers', EXPOSED)
    }
    if (request.method === 'OPTIONS') sendPreflight(request, reply)
    else done()
  })
}

/** Everything that is asked for, and what is known to be needed. */
function sendPreflight({ headers }: FastifyRequest, reply: FastifyReply): void {
  const asked = (headers['access-control-request-headers'] ?? '').split(',')
  const names = asked.map(name => name.trim().toLowerCase()).filter(name => name !== '')
  reply.header('access-control-allow-headers', [...new Set([...HEADERS, ...names])].join(', '))
  reply.header('access-control-allow-methods', 'GET, POST, OPTIONS')
  reply.header('access-control-max-age', '3600')
  // A public page may talk to a server on localhost.
  if (headers['access-control-request-private-network'] === 'true') {
    reply.header('access-control-allow-private-network', 'true')
  }
  reply.code(204).send()
}
