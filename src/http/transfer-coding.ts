/**
 * Transfer codings: `chunked`, which Node takes off, and no other. RFC 9112 §6.1 has 501 for a server that does not know one;
 * Node itself would hand on what is below the chunks, and it would be stored as it came.
 */

import type { FastifyInstance } from 'fastify'

/** Answered by each door in its own form. */
export class UnknownTransferCoding extends Error {
  override readonly name = 'UnknownTransferCoding'

  constructor() {
    super('a transfer coding other than chunked')
  }
}

export function refuseTransferCodings(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const coding = request.headers['transfer-encoding']
    if (coding === undefined || coding.trim().toLowerCase() === 'chunked') done()
    else done(new UnknownTransferCoding())
  })
}
