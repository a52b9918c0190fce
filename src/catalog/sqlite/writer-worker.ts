/**
 * Where the writer's thread begins: node:worker_threads runs this file.
 */

import { parentPort, workerData } from 'node:worker_threads'
import type { WriterSettings } from './messages.ts'
import { WriterThread } from './writer-thread.ts'

if (parentPort === null) throw new Error('this file is run by the catalog, as a worker')
WriterThread.start(parentPort, workerData as WriterSettings)
