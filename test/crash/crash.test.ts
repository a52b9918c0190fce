/** A short campaign of kills in every test run; `npm run test:crash` is the long one. */

import t from 'tap'
import { campaign, serverIn } from './campaign.ts'
import { CHECKS, type Check } from './tally.ts'

/** What five kills may not happen to come upon. */
const MAY_BE_MISSED: ReadonlySet<Check> = new Set(['cancelled', 'absent', 'replays'])

t.test('every acknowledged byte survives kill −9', { timeout: 110_000 }, async t => {
  const { server, dataDir } = await serverIn(t.testdir())
  t.teardown(() => server.kill())
  const seed = String(Date.now())
  const tally = await campaign({ server, dataDir, kills: 5, seed })
  t.comment(`seed ${seed}: ${tally.published} objects, ${tally.bytesCompared} bytes compared`)
  for (const check of Object.keys(CHECKS) as Check[]) {
    t.strictSame(tally.complaints(check), [], CHECKS[check])
    if (!MAY_BE_MISSED.has(check)) t.ok(tally.count(check) > 0, `checked: ${CHECKS[check]}`)
  }
})
