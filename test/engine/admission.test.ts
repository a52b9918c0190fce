import { test } from 'tap'
import { type Admission, admit } from '../../src/engine/admission.ts'
import type { Chunk } from '../../src/engine/chunk.ts'
import * as doors from '../../src/engine/door-rules.ts'
import type { Failure } from '../../src/engine/failure.ts'
import { UploadError } from '../../src/engine/failure.ts'

const G = 262_144
const MAX = 5 * 2 ** 40

type Request = Partial<Chunk> & { bodyLength?: number | undefined }

function ask(
  rules: doors.DoorRules,
  standing: { persisted: number; total?: number },
  { bodyLength, ...request }: Request,
): Admission | Failure {
  const body = { length: bodyLength, read: async () => 'end' as const }
  const chunk: Chunk = { offset: 0, last: false, ...request, body }
  try {
    return admit(rules, { persisted: standing.persisted, total: standing.total }, chunk, MAX)
  } catch (error) {
    if (error instanceof UploadError) return error.failure
    throw error
  }
}

test('a chunk of granules at the end is written whole', async t => {
  t.same(ask(doors.GOOGLE, { persisted: G }, { offset: G, length: 2 * G, bodyLength: 2 * G }), {
    kind: 'write',
    position: G,
    skip: 0,
    limit: 2 * G,
    total: undefined,
    granule: G,
    revocable: false,
  })
})

test('GCS-31: what is known already is skipped, what is new goes to the end', async t => {
  const chunk = { offset: G, length: 2 * G, bodyLength: 2 * G, total: 4 * G }
  t.match(ask(doors.GOOGLE, { persisted: 2 * G }, chunk), {
    kind: 'write',
    position: 2 * G,
    skip: G,
    limit: G,
    total: 4 * G,
  })
  t.match(ask(doors.GOOGLE, { persisted: 3 * G }, chunk), { kind: 'known', isFinal: false })
})

test('GCS-29: a gap is refused before sizes are looked at', async t => {
  t.same(ask(doors.GOOGLE, { persisted: 0 }, { offset: 4, length: 4, bodyLength: 4 }), {
    code: 'offset_gap',
    offset: 4,
    persisted: 0,
  })
})

test('GCS-27: a small chunk that is not the last', async t => {
  const small = { offset: 0, length: 1024, bodyLength: 1024 }
  t.same(ask(doors.GOOGLE, { persisted: 0 }, small), {
    code: 'chunk_too_small',
    granule: G,
    received: 1024,
  })
  t.match(ask(doors.GOOGLE, { persisted: 0 }, { ...small, last: true }), { kind: 'write' })
  t.match(
    ask(doors.GOOGLE, { persisted: 0, total: 2000 }, small),
    { kind: 'write', granule: 1 },
    'a total below the granule knows no chunk restriction',
  )
  t.match(ask(doors.TUS, { persisted: 0 }, small), { kind: 'write', granule: 1 })
})

test('GCS-32, GCS-33: lengths and totals that contradict each other', async t => {
  const G4 = { offset: 0, length: G, total: 4 * G }
  t.match(ask(doors.GOOGLE, { persisted: 0 }, { ...G4, bodyLength: G - 1 }), {
    code: 'length_mismatch',
    offset: 0,
    expected: G,
    received: G - 1,
  })
  t.same(ask(doors.GOOGLE, { persisted: 0, total: 5 * G }, { ...G4, bodyLength: G }), {
    code: 'total_mismatch',
    declared: 4 * G,
    total: 5 * G,
  })
  t.same(ask(doors.GOOGLE, { persisted: 0 }, { ...G4, length: 5 * G, bodyLength: 5 * G }), {
    code: 'past_total',
    end: 5 * G,
    total: 4 * G,
  })
  t.same(ask(doors.GOOGLE, { persisted: 5 * G }, { ...G4, bodyLength: G }), {
    code: 'past_total',
    end: 5 * G,
    total: 4 * G,
  })
  t.same(ask(doors.GOOGLE, { persisted: 0 }, { offset: 0, length: 10, total: MAX + 1 }), {
    code: 'too_large',
    limit: MAX,
  })
})

test('P7: only a body whose end cannot contradict its declaration is checkpointed', async t => {
  const revocable = (rules: doors.DoorRules, persisted: number, request: Request) => {
    const answer = ask(rules, { persisted }, request)
    return 'revocable' in answer ? answer.revocable : answer
  }
  const range = { offset: 0, length: G }
  t.equal(revocable(doors.GOOGLE, 0, { ...range, bodyLength: G }), false)
  t.equal(revocable(doors.GOOGLE, 0, range), true, 'chunked coding with a declared range')
  t.equal(revocable(doors.GOOGLE, 0, { offset: 0, total: 9 * G }), false, 'bytes 0-*/N')
  t.equal(revocable(doors.UCLOUD, 9, { offset: 'end', bodyLength: 9, whole: true }), true)
  t.equal(revocable(doors.UCLOUD, 9, { offset: 3, bodyLength: 9 }), true, 'a splice')
  t.equal(revocable(doors.DXL, 0, { offset: 0, bodyLength: 9 }), true)
})

test('bytes sent again, door by door', async t => {
  const again = { offset: 10, bodyLength: 20 }
  t.match(ask(doors.UCLOUD, { persisted: 40 }, again), { kind: 'write', position: 10, limit: 20 })
  t.match(ask(doors.TUS, { persisted: 40 }, again), { code: 'offset_behind' })
  t.match(ask(doors.IETF, { persisted: 40 }, again), { code: 'offset_behind' })
  t.match(ask(doors.DXL, { persisted: 40 }, again), { code: 'offset_behind' })
  t.match(ask(doors.UCLOUD, { persisted: 40 }, { offset: 40, bodyLength: 0 }), { kind: 'known' })
})

test('a last body without a declared end', async t => {
  t.match(ask(doors.GOOGLE, { persisted: G }, { offset: G, last: true }), {
    kind: 'write',
    limit: MAX - G,
    total: undefined,
  })
  t.match(ask(doors.GOOGLE, { persisted: G, total: 3 * G }, { offset: G, last: true }), {
    limit: 2 * G,
  })
})

test('the last chunk again, when everything is there', async t => {
  const last = { offset: G, length: 10, bodyLength: 10, total: G + 10 }
  t.match(ask(doors.GOOGLE, { persisted: G + 10, total: G + 10 }, last), {
    kind: 'known',
    isFinal: true,
  })
  t.match(
    ask(doors.GOOGLE, { persisted: 2 * G }, { offset: 0, bodyLength: 10, length: 10, last: true }),
    { code: 'past_total' },
    'a shorter end than what is there is no end',
  )
})
