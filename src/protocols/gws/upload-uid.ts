/**
 * The uid of an upload (gws.md §2): 64 letters and digits. Its beginning is the upload's name in public, part of the name of what
 * it becomes; what is behind that opens it, and is 256 random bits or more (design P9).
 */

import { randomBytes } from 'node:crypto'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const LENGTH = 64
/** 119 bits of the public name, 261 bits of secret. */
const PUBLIC = 20

export function newUid(): string {
  let uid = ''
  while (uid.length < LENGTH) {
    for (const byte of randomBytes(LENGTH)) {
      // The largest multiple of 62: every character is as likely.
      if (byte < 248 && uid.length < LENGTH) uid += ALPHABET[byte % 62]
    }
  }
  return uid
}

export function isUid(text: string): boolean {
  return /^[A-Za-z0-9]{64}$/.test(text)
}

export function publicName(uid: string): string {
  return uid.slice(0, PUBLIC)
}
