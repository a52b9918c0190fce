/**
 * `@uploadx/core` on its disk storage, behind a plain `node:http` server. It neither syncs nor, unless a client sends a
 * checksum, hashes.
 *
 * Usage: node uploadx.mjs <port> <directory>
 */

import { createServer } from 'node:http'
import { uploadx } from '@uploadx/core'

const [port, directory] = process.argv.slice(2)

createServer(uploadx({ uploadDir: directory })).listen(Number(port), '127.0.0.1')
