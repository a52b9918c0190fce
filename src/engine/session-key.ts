/**
 * Tokens and keys. A token opens a session to whoever has it, so it is 256 random bits and is written nowhere; what the
 * catalog and the log know is its key, a SHA-256 from which it cannot be had back (design P9). The door is part of the
 * key: an id that one protocol lets its clients choose opens nothing in another.
 */

import { hash, randomBytes } from 'node:crypto'
import type { DoorName } from './ports.ts'

/** 256 bits, URL-safe, 43 characters. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

export function keyOf(door: DoorName, token: string): string {
  return hash('sha256', `${door}:${token}`, 'base64url')
}

/** Enough of a key to find a session's lines in a log. */
export function shortKey(key: string): string {
  return key.slice(0, 10)
}
