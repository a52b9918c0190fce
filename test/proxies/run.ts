/**
 * `npm run test:proxies`: the program behind nginx, HAProxy and Caddy, each with its configuration in docker/ as it is committed, over
 * TLS. `npm run test:proxies nginx names` plays one scene before one of them. Installs what is missing by apt-get, which takes root; without it the run says so and passes, except in CI.
 */

import { setDefaultCACertificates } from 'node:tls'
import { expect } from '../support/expect.ts'
import { googleClientCutOff, googleClientRestarted } from './google-client.ts'
import { Certificate, installProxies, PROXIES, type ProxyName, proxyVersion } from './proxy.ts'
import { play, type Setting, type Stage } from './stage.ts'
import {
  chunkedCoding,
  cutAndResumed,
  fullDisk,
  longSilence,
  refusedEarly,
  serverKilled,
  serverStopped,
} from './uploads.ts'
import { asItWent, bigHeaders, climbingNames, names, oneConnection, packedContent } from './wire.ts'

interface Play {
  readonly scene: (stage: Stage) => Promise<void>
  readonly env?: Readonly<Record<string, string>>
  /** Where it is known not to hold; the scene says why. */
  readonly except?: ProxyName
}

const PLAYS: readonly Play[] = [
  { scene: cutAndResumed },
  { scene: chunkedCoding },
  { scene: serverKilled },
  { scene: serverStopped },
  { scene: refusedEarly, env: { TIDEMARK_MAX_OBJECT_SIZE: '64MiB' } },
  { scene: fullDisk, env: { TIDEMARK_RESERVE: '5TiB' } },
  { scene: names },
  { scene: climbingNames },
  { scene: asItWent },
  { scene: oneConnection },
  { scene: packedContent },
  { scene: bigHeaders },
  { scene: googleClientCutOff },
  { scene: googleClientRestarted, except: 'nginx' },
]
/** Beside the others, and before all proxies at once: it only waits. The program must be as patient. */
const SILENCE: Play = { scene: longSilence, env: { TIDEMARK_BODY_IDLE: '5m' } }

const why = installProxies()
if (why !== undefined) {
  console.log(`SKIPPED: no proxy was tried: ${why}`)
  process.exit(process.env['CI'] === 'true' ? 1 : 0)
}
const certificate = new Certificate()
setDefaultCACertificates([certificate.pem])

const [onlyProxy = '', onlyScene = ''] = process.argv.slice(2)
const chosen = PROXIES.filter(proxy => proxy.includes(onlyProxy))
const isChosen = ({ scene }: Play) => scene.name.includes(onlyScene)

const silences = Promise.all(
  chosen
    .filter(() => isChosen(SILENCE))
    .map(async proxy => {
      const said: Parameters<Stage['expect']>[] = []
      await attempt(SILENCE, { proxy, certificate, expect: (...args) => said.push(args) })
      return { proxy, said }
    }),
)
for (const proxy of chosen) {
  console.log(`# ${proxyVersion(proxy)}`)
  for (const play of PLAYS.filter(isChosen)) {
    if (play.except !== proxy) await attempt(play, { proxy, certificate, expect: saying(proxy) })
  }
}
for (const { proxy, said } of await silences) {
  for (const [what, holds, found] of said) saying(proxy)(what, holds, found)
}
certificate.remove()
// Idle connections of the clients would hold the process.
process.exit()

async function attempt({ scene, env = {} }: Play, setting: Setting): Promise<void> {
  try {
    await play({ ...setting, env }, scene)
  } catch (error) {
    setting.expect(`${scene.name} is played to its end`, false, error)
  }
}

function saying(proxy: ProxyName): Stage['expect'] {
  return (what, holds, found) => expect(`${proxy}: ${what}`, holds, found)
}
