/**
 * The image's HEALTHCHECK: exit code 0 while the server in this container answers. JavaScript, not TypeScript: it is started every
 * few seconds.
 *
 * It asks /-/livez, not /-/readyz: who hears "unhealthy" starts the container anew, which cuts every upload and mends neither a
 * full disk nor a stopping server. Readiness is a question for whoever shares out requests between servers.
 */

import { request } from 'node:http'

const { TIDEMARK_HOST: host = '', TIDEMARK_PORT: port = '8080' } = process.env
const isAnywhere = host === '0.0.0.0' || host === '::' || host === ''
const target = { host: isAnywhere ? '127.0.0.1' : host, port, path: '/-/livez', timeout: 4000 }

const asking = request(target, response => process.exit(response.statusCode === 200 ? 0 : 1))
asking.on('timeout', () => asking.destroy(new Error('no answer')))
asking.on('error', error => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
asking.end()
