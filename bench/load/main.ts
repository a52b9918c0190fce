/**
 * The load client: a process of its own that does one job after another for the bench, on a core of its own. It ends
 * when the bench does.
 */

import { Connection } from './connection.ts'
import { drivers } from './drivers.ts'
import type { Job, JobReply, JobResult } from './job.ts'

process.on('disconnect', () => process.exit())
process.on('message', message => {
  const job = message as Job
  run(job).then(
    result => answer({ result }),
    (cause: unknown) => answer({ error: String(cause) }),
  )
})

function answer(reply: JobReply): void {
  process.send?.(reply)
}

async function run(job: Job): Promise<JobResult> {
  const connections = await Promise.all(
    Array.from({ length: job.concurrency }, () => Connection.open(job.port)),
  )
  const stored: (readonly string[])[] = new Array(job.count)
  let next = 0

  const work = async (connection: Connection): Promise<void> => {
    while (next < job.count) {
      const index = next++
      stored[index] = await drivers[job.driver](connection, {
        name: `${job.prefix}${index}`,
        index,
        length: job.length,
        chunkLength: job.chunkLength,
        oneRequest: job.oneRequest,
      })
    }
  }

  try {
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    await Promise.all(connections.map(work))
    const seconds = (performance.now() - startedAt) / 1000
    const cpu = process.cpuUsage(cpuBefore)
    return { seconds, clientCpuSeconds: (cpu.user + cpu.system) / 1e6, stored }
  } finally {
    for (const connection of connections) connection.close()
  }
}
