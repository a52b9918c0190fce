/**
 * Customer-supplied encryption keys (gcs.md §9.3): refused on every request of the door, reads and copies too. Stored in clear
 * while pretending otherwise would be the worst answer.
 */

import type { FastifyInstance } from 'fastify'
import { invalid } from './refusal.ts'

const HEADERS = ['algorithm', 'key', 'key-sha256'].flatMap(part => [
  `x-goog-encryption-${part}`,
  `x-goog-copy-source-encryption-${part}`,
])

export function refuseCustomerKeys(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ headers }) => {
    const header = HEADERS.find(name => headers[name] !== undefined)
    if (header === undefined) return
    throw invalid(`Customer-supplied encryption keys are not supported: ${header}.`, {
      type: 'header',
      name: header,
    })
  })
}
