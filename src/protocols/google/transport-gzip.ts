/**
 * Request bodies compressed for the way (gcs.md §2, §0.1 number 16): decoded before anything counts or hashes them, unless
 * the client said that the stored bytes are the compressed ones.
 */

import type { FastifyRequest } from 'fastify'
import { UploadError } from '../../engine/failure.ts'
import type { Body } from '../../engine/ports.ts'
import { GunzipBody } from '../../http/gunzip-body.ts'
import { invalid } from './refusal.ts'

export function isCompressed({ headers }: FastifyRequest): boolean {
  const encoding = headers['content-encoding']
  return encoding !== undefined && encoding.trim().toLowerCase() === 'gzip'
}

/** Runs `take` on the decoded body; 400 where the body turns out not to be gzip. */
export async function decompressed<T>(body: Body, take: (body: Body) => Promise<T>): Promise<T> {
  const decoded = new GunzipBody(body)
  try {
    return await take(decoded)
  } catch (error) {
    if (error instanceof UploadError && decoded.isMalformed) {
      throw invalid('Malformed gzip in the request body.', {
        type: 'header',
        name: 'Content-Encoding',
      })
    }
    throw error
  } finally {
    decoded.destroy()
  }
}
