/**
 * `@tus/server` on `@tus/file-store`, as its documentation shows it. It neither syncs nor hashes.
 *
 * Usage: node tus.mjs <port> <directory>
 */

import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const [port, directory] = process.argv.slice(2)

new Server({ path: '/files', datastore: new FileStore({ directory }) }).listen({
  host: '127.0.0.1',
  port: Number(port),
})
