/**
 * The address under which the client reached us, for every URL in an answer: TIDEMARK_PUBLIC_URL, else what a trusted
 * proxy says (Fastify reads X-Forwarded-Proto and -Host where TIDEMARK_TRUST_PROXY allows it), else Host with its port.
 */

import type { FastifyRequest } from 'fastify'

export type BaseUrl = (request: FastifyRequest) => string

export function baseUrl(publicUrl: string | undefined): BaseUrl {
  if (publicUrl !== undefined) return () => publicUrl
  return request => `${request.protocol}://${request.host || localAddress(request)}`
}

/** HTTP/1.0 knows no Host. */
function localAddress({ socket }: FastifyRequest): string {
  return `${socket.localAddress}:${socket.localPort}`
}
