import { test } from 'tap'
import { catalogContract } from '../contract/catalog.ts'
import { openCatalog } from '../support/sqlite-catalog.ts'

// Most of the time goes into waiting for the disk.
test('SqliteCatalog', { jobs: 8 }, t => {
  catalogContract(t, async t => {
    const directory = t.testdir()
    const catalog = await openCatalog(t, { directory })
    return {
      catalog,
      reopen: async () => {
        await catalog.close()
        return openCatalog(t, { directory })
      },
    }
  })
  t.end()
})
