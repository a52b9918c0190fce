/**
 * GCS-41: @google-cloud/storage with a key of ours where Google's access token would be, against the running program with
 * TIDEMARK_AUTH=keys: uploads of all kinds, reads, and what it says of refusals.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Storage } from '@google-cloud/storage'
import { OAuth2Client } from 'google-auth-library'
import { test } from 'tap'
import { formatKeyFile } from '../../src/keys/key-file.ts'
import { newKeyToken } from '../../src/keys/token.ts'
import { ALL, entriesOf } from '../support/keys.ts'
import { startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { bytesOf, MIB, send } from './node-client.ts'

test('with a key', async t => {
  const dataDir = join(t.testdir(), 'data')
  mkdirSync(dataDir)
  const tokens = { all: newKeyToken(), adder: newKeyToken(), none: newKeyToken() }
  const keys = { all: ALL, adder: { scopes: ['create'], prefix: 'added/' } } as const
  writeFileSync(join(dataDir, 'keys.json'), formatKeyFile(entriesOf(keys, tokens)), { mode: 0o600 })
  const server = await startServer(t, { dataDir, env: { TIDEMARK_AUTH: 'keys' } })
  const options = { apiEndpoint: server.url, projectId: 'any' }
  // As a header of every request, and as Google's access token. For uploads this client leaves that out at an endpoint of
  // another universe (8.4.0, startResumableUpload_), hence the domain.
  const bucketOf = (token: string) => {
    const storage = new Storage(options)
    storage.interceptors.push({
      // The client's own type asks for more than it hands in.
      request: asked => ({ ...asked, headers: { ...asked.headers, 'x-api-key': token } }) as never,
    })
    return storage.bucket('uploads')
  }
  const bearerOf = (token: string) => {
    const authClient = new OAuth2Client()
    authClient.setCredentials({ access_token: token })
    const own = { useAuthWithCustomEndpoint: true, universeDomain: '127.0.0.1' }
    return new Storage({ ...options, ...own, authClient }).bucket('uploads')
  }
  const source = new SourceBytes('keys')
  const bytes = source.bytes(0, 3 * MIB + 1)

  const bucket = bucketOf(tokens.all)
  for (const way of [bucketOf, bearerOf]) {
    for (const [name, options] of Object.entries({
      'one put': {},
      chunked: { chunkSize: MIB },
      multipart: { resumable: false },
    })) {
      const file = way(tokens.all).file(`a/${name}`)
      await send(file, source.slices(0, bytes.length), options)
      t.ok((await bytesOf(file)).equals(bytes), name)
    }
    t.equal((await way(tokens.all).getFiles({ prefix: 'a/' }))[0].length, 3)
  }
  await bucket.file('a/chunked').copy(bucket.file('b/copy'))
  await bucket.combine(['a/chunked', 'a/multipart'], bucket.file('b/both'))
  await bucket.file('b/both').setMetadata({ contentType: 'text/plain' })
  await bucket.file('b/copy').delete()
  t.same(await bucket.file('b/copy').exists(), [false])

  const adder = bucketOf(tokens.adder)
  for (const chunkSize of [undefined, MIB]) {
    const file = adder.file(`added/${chunkSize}`)
    await send(file, source.slices(0, bytes.length), chunkSize ? { chunkSize } : {})
    t.ok((await bytesOf(bucket.file(file.name))).equals(bytes))
    await t.rejects(bytesOf(file), { code: 403 })
    await t.rejects(send(file, [Buffer.from('x')]), { code: 403 }, 'no overwriting')
  }
  await t.rejects(send(adder.file('a/chunked'), [Buffer.from('x')]), { code: 404 })
  await t.rejects(bytesOf(adder.file('a/chunked')), { code: 404 })
  await t.rejects(adder.file('added/undefined').delete(), { code: 403 })

  const none = bucketOf(tokens.none)
  await t.rejects(bytesOf(none.file('a/chunked')), { code: 401 })
  await t.rejects(send(none.file('a/new'), [Buffer.from('x')]), { code: 401 })
})
