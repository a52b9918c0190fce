/**
 * The compose files, as far as they can be held without an engine: what they name exists, what they set Tidemark accepts, and they
 * agree with the Dockerfile.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parseMs } from '../../src/config/values.ts'
import { ConfigError, loadConfig } from '../../src/config.ts'
import { composed } from './compose-file.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')

/** The ENV of the image. */
function imageEnv(): Record<string, string> {
  const [, lines = ''] = /^ENV ((?:.*\\\n)*.*)/m.exec(dockerfile) ?? []
  return Object.fromEntries(
    [...lines.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  )
}

for (const file of ['compose.yaml', 'compose.proxy.yaml']) {
  test(file, async t => {
    const services = composed(file, {})
    const { tidemark } = services
    if (tidemark === undefined) throw new Error('no service tidemark')

    const config = loadConfig({ ...imageEnv(), ...tidemark.environment })
    t.match(config, { host: '0.0.0.0', auth: 'keys' }, 'who says nothing needs keys')
    t.equal(
      composed(file, { TIDEMARK_AUTH: 'none' })['tidemark']?.environment?.['TIDEMARK_AUTH'],
      'none',
    )
    t.ok(parseMs(tidemark.stop_grace_period) > config.drainMs, 'drained before it is killed')
    t.ok(tidemark.volumes.includes(`data:${config.dataDir}`), 'the volume is where the data goes')

    const { context = '', args = {} } = tidemark.build ?? {}
    t.equal(join(ROOT, 'docker', context), join(ROOT, '.'), 'built from this repository')
    t.ok(dockerfile.includes(`\nARG NODE_IMAGE=${args['NODE_IMAGE']}\n`), 'on the same Node')

    for (const [name, service] of Object.entries(services)) {
      t.match(
        service,
        {
          read_only: true,
          cap_drop: ['ALL'],
          security_opt: ['no-new-privileges:true'],
          restart: 'unless-stopped',
        },
        name,
      )
      for (const mount of service.volumes) {
        const [from = ''] = mount.split(':')
        // Certificates are the user's.
        if (!from.startsWith('./') || from === './certificates') continue
        t.ok(existsSync(join(ROOT, 'docker', from)), `${name}: ${from}`)
      }
    }
  })
}

test('alone, it is on loopback; behind the proxy, nobody else reaches it', async t => {
  t.strictSame(composed('compose.yaml', {})['tidemark']?.ports, ['127.0.0.1:8080:8080'])
  const { tidemark, nginx } = composed('compose.proxy.yaml', {})
  t.equal(tidemark?.ports, undefined)
  t.strictSame(tidemark?.networks, ['inside'])
  t.strictSame(nginx?.ports, ['443:443'])
})

test('the image itself', async t => {
  const env = imageEnv()
  t.throws(() => loadConfig(env), ConfigError, 'does not start before someone says who may come in')
  const config = loadConfig({ ...env, TIDEMARK_AUTH: 'none' })
  t.match(config, { host: '0.0.0.0', port: 8080, dataDir: '/data' })
  t.ok(config.drainMs < 10_000, 'drained before `docker stop` kills it')
  t.match(dockerfile, `\nVOLUME ${config.dataDir}\n`)
  t.match(dockerfile, `\nEXPOSE ${config.port}\n`)
  const bases = [...dockerfile.matchAll(/^FROM \$\{(\w+)\}/gm)].map(([, base]) => base)
  t.equal(bases.length, dockerfile.match(/^FROM /gm)?.length)
  t.strictSame([...new Set(bases)], ['NODE_IMAGE'], 'one Node for every stage')
  const { version, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  t.match(dockerfile, `\nARG VERSION=${version}\n`)
  const [major] = devDependencies.node.split('.')
  t.match(dockerfile, `/node:${major}-slim\n`, 'the Node that it is developed on')
})
