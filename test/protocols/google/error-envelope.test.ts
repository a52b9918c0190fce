import { fastify } from 'fastify'
import { test } from 'tap'
import { type Failure, UploadError } from '../../../src/engine/failure.ts'
import { answerError } from '../../../src/protocols/google/errors.ts'
import { startServer } from '../../support/server.ts'

test('GCS-75: the envelope, exactly', async t => {
  const server = await startServer(t)
  const missing = await server.ask('GET /storage/v1/b/bkt/o/x')
  t.equal(missing.headers['content-type'], 'application/json; charset=UTF-8')
  t.strictSame(missing.json(), {
    error: {
      code: 404,
      message: 'No such object: bkt/x',
      errors: [{ message: 'No such object: bkt/x', domain: 'global', reason: 'notFound' }],
    },
  })
  const nameless = await server.ask('POST /upload/storage/v1/b/bkt/o?uploadType=media', {}, 'x')
  t.strictSame(nameless.json(), {
    error: {
      code: 400,
      message: 'Required parameter: name',
      errors: [
        {
          message: 'Required parameter: name',
          domain: 'global',
          reason: 'required',
          locationType: 'parameter',
          location: 'name',
        },
      ],
    },
  })
  const twice = await server.ask('POST /storage/v1/b', {}, '{"name":"bkt"}')
  t.equal(twice.json().error.code, 409)
  t.strictSame(Object.keys(twice.json().error), ['code', 'message', 'errors'])
})

test('failures that are hard to provoke', async t => {
  const answers: ReadonlyArray<readonly [Failure, number, string | undefined]> = [
    [{ code: 'no_space' }, 503, 'backendError'],
    [{ code: 'storage_failed' }, 503, 'backendError'],
    [{ code: 'catalog_failed' }, 503, 'backendError'],
    [{ code: 'shutting_down' }, 503, 'backendError'],
    [{ code: 'superseded' }, 503, 'backendError'],
    [{ code: 'segment_busy' }, 503, 'backendError'],
    [{ code: 'blob_short', blob: 'b' }, 503, 'backendError'],
    [{ code: 'body_idle', idleMs: 1 }, 408, 'uploadBrokenConnection'],
    [{ code: 'session_exists' }, 409, 'conflict'],
    [{ code: 'session_ended' }, 410, 'gone'],
    [{ code: 'session_invalid', reason: { code: 'storage_failed' } }, 410, 'gone'],
    [{ code: 'session_invalid', reason: { code: 'blob_short', blob: 'b' } }, 410, 'gone'],
    [{ code: 'offset_behind', offset: 1, persisted: 2 }, 400, undefined],
    [{ code: 'incomplete', persisted: 1, total: 2 }, 400, undefined],
  ]
  const app = fastify()
  app.setErrorHandler(answerError)
  app.get<{ Params: { at: string } }>('/:at', async ({ params }) => {
    throw new UploadError((answers[Number(params.at)] as (typeof answers)[number])[0])
  })
  app.get('/bug', async () => {
    throw new TypeError('secret internals')
  })
  for (const [at, [failure, status, reason]] of answers.entries()) {
    const response = await app.inject(`/${at}`)
    t.equal(response.statusCode, status, failure.code)
    if (reason === undefined) t.match(response.headers['content-type'], 'text/plain')
    else t.equal(response.json().error.errors[0].reason, reason)
    // §6.5: Java gives up on a text that speaks of the Content-Range; these are to be tried again.
    if (status >= 500) t.notMatch(response.body.toLowerCase(), 'content-range')
  }
  const bug = await app.inject('/bug')
  t.equal(bug.statusCode, 500)
  t.notMatch(bug.body, 'secret')
  t.equal((await app.inject('/0')).headers['retry-after'], '30')
})
