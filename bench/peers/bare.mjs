/**
 * The barest Node server that receives to disk and means it: PUT /name?offset=n writes the body there, syncs the file
 * and, when it is new, its directory, and answers 204. No sessions, no records, no checks, no hashes: the ceiling for
 * what Tidemark can reach with the same promise.
 *
 * Usage: node bare.mjs <port> <directory>
 */

import { close, fdatasync, fsync, open, openSync, writev } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'

const [port, directory] = process.argv.slice(2)
const directoryFd = openSync(directory, 'r')
const [openAsync, closeAsync, writeAsync] = [open, close, writev].map(f => promisify(f))
const [syncDataAsync, syncAsync] = [fdatasync, fsync].map(f => promisify(f))

const BATCH_BYTES = 4 * 1024 * 1024
const WRITES_IN_FLIGHT = 2
/** Sync behind the writes, so that the last sync has little left to do. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

createServer((request, response) => {
  receive(request).then(
    () => response.writeHead(204).end(),
    cause => response.destroy(cause),
  )
}).listen(Number(port), '127.0.0.1')

async function receive(request) {
  const [name, offset] = request.url.slice(1).split('?offset=')
  const isNew = offset === '0'
  const fd = await openAsync(join(directory, name), isNew ? 'w' : 'r+')
  try {
    await store(request, fd, Number(offset))
    await Promise.all([syncDataAsync(fd), isNew && syncAsync(directoryFd)])
  } finally {
    await closeAsync(fd)
  }
}

async function store(request, fd, offset) {
  const writes = []
  let syncing = Promise.resolve()
  let unsynced = 0
  let batch = []
  let batchLength = 0
  let at = offset

  const flush = async () => {
    if (writes.length === WRITES_IN_FLIGHT) await writes.shift()
    writes.push(writeWhole(fd, batch, batchLength, at))
    at += batchLength
    unsynced += batchLength
    batch = []
    batchLength = 0
    if (unsynced < SYNC_EVERY_BYTES) return
    unsynced = 0
    await syncing
    syncing = syncDataAsync(fd)
  }

  for await (const bytes of request) {
    batch.push(bytes)
    batchLength += bytes.length
    if (batchLength >= BATCH_BYTES) await flush()
  }
  if (batchLength > 0) await flush()
  await Promise.all([...writes, syncing])
}

async function writeWhole(fd, buffers, length, at) {
  const { bytesWritten } = await writeAsync(fd, buffers, at)
  if (bytesWritten !== length) throw new Error(`short write: ${bytesWritten} of ${length}`)
}
