/** The files of the MQTT listener: what is wrong with them ends the start-up, with one line for each. */

import { join } from 'node:path'
import t from 'tap'
import { runToExit } from '../support/server-process.ts'

t.test('files for MQTT that are no good are all named', async t => {
  const folder = t.testdir({ data: {}, 'note.txt': 'no certificate' })
  const env = (file: string) => ({
    TIDEMARK_DXL_MQTT_PORT: '0',
    TIDEMARK_DXL_MQTT_KEY: join(folder, file),
    TIDEMARK_DXL_MQTT_CERT: join(folder, file),
    TIDEMARK_DXL_MQTT_CA: join(folder, file),
  })
  const dataDir = join(folder, 'data')
  const missing = await runToExit({ dataDir, env: env('missing.pem') })
  t.equal(missing.code, 1)
  const lines = missing.stderr.trim().split('\n').sort()
  t.match(lines, [
    /^tidemark: TIDEMARK_DXL_MQTT_CA=".*missing.pem" cannot be read: ENOENT$/,
    /^tidemark: TIDEMARK_DXL_MQTT_CERT=/,
    /^tidemark: TIDEMARK_DXL_MQTT_KEY=/,
  ])
  const nonsense = await runToExit({ dataDir, env: env('note.txt') })
  t.equal(nonsense.code, 1)
  t.equal(nonsense.stderr, 'tidemark: TIDEMARK_DXL_MQTT_CERT is no certificate in PEM\n')
})
