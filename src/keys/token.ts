/**
 * API keys as their holders have them: 256 random bits behind a prefix by which scanners for leaked secrets know them. The
 * server knows only their SHA-256: there is nothing to guess, so nothing slower is needed.
 */

import { hash, randomBytes } from 'node:crypto'

const FORM = /^tm_[A-Za-z0-9_-]{43}$/

/** 46 characters, all of them fit for a header and a shell. */
export function newKeyToken(): string {
  return `tm_${randomBytes(32).toString('base64url')}`
}

/** Undefined for what no key ever was. */
export function hashOfKeyToken(token: string): string | undefined {
  return FORM.test(token) ? hash('sha256', token, 'hex') : undefined
}
