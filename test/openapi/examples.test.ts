/**
 * The examples of openapi.yaml: every response has one, each holds to its schema, and each is what the server answers.
 */

import { test } from 'tap'
import { apiDocument, type MediaType, type Parameter } from '../support/openapi/document.ts'
import { Validator } from '../support/openapi/validator.ts'
import { converse, type Seen } from './conversation.ts'
import { examplesOf, placeOf, placesOf, steady } from './seen.ts'

const api = apiDocument()
const validator = new Validator(api)
const places = placesOf(api)
const BINARY = /^application\/(?:msgpack|x-dxl-message)$/

test('every response has an example, which holds to its schema', t => {
  for (const { name, response } of places) {
    for (const [mediaType, described] of Object.entries(response.content)) {
      const examples = examplesOf(described)
      // Bytes that are no text have none.
      if (BINARY.test(mediaType)) continue
      t.ok(examples.length > 0, `${name}, ${mediaType}: has an example`)
      for (const example of examples) {
        t.equal(validator.checkValue(described.schema ?? {}, example), undefined, name)
      }
    }
    for (const [header, { example, schema }] of Object.entries(response.headers)) {
      t.not(example, undefined, `${name}: the header ${header} has an example`)
      t.equal(validator.checkValue(schema, example), undefined, `${name}: ${header}`)
    }
  }
  t.end()
})

test('so have parameters that are required, and bodies of requests', t => {
  for (const { id, parameters, requestBody } of api.operations) {
    for (const { name, required, schema, example } of parameters as readonly Parameter[]) {
      if (required) t.not(example, undefined, `${id}: ${name} has an example`)
      if (example === undefined) continue
      t.equal(validator.checkValue(schema, example), undefined, `${id}: ${name}`)
    }
    for (const [mediaType, described] of Object.entries(requestBody?.content ?? {})) {
      if (mediaType === 'application/octet-stream' || BINARY.test(mediaType)) continue
      for (const example of examplesOf(described)) {
        t.equal(validator.checkValue(described.schema ?? {}, example), undefined, id)
      }
      t.ok(examplesOf(described).length > 0, `${id}, ${mediaType}: has an example`)
    }
  }
  t.end()
})

test('the server answers what the examples show, and everything that is described', async t => {
  const seen = await converse(t)
  const answered = new Set(seen.map(({ operation }) => operation?.id))
  for (const { id } of api.operations) t.ok(answered.has(id), `${id} was called`)
  for (const { name, response } of places) {
    const here = seen.filter(one => placeOf(one) === name)
    t.ok(here.length > 0, `${name} was answered`)
    for (const [mediaType, described] of Object.entries(response.content)) {
      const answers = here.filter(one => one.mediaType === mediaType)
      for (const example of examplesOf(described)) {
        const isShown = answers.some(one => isAnswer(one, mediaType, described, example))
        t.ok(isShown, `${name}, ${mediaType}: is a real answer`, { example })
      }
    }
  }
})

function isAnswer(
  { exchange }: Seen,
  mediaType: string,
  described: MediaType,
  example: unknown,
): boolean {
  const text = exchange.body.toString('utf8')
  const answer = validator.parse(mediaType, described.schema ?? {}, text)
  const isAbridged = 'x-tidemark-abridged' in described
  return holds(steady(answer), steady(example), isAbridged)
}

/** The same value, or of an abridged example: everything that is in it. */
function holds(answer: unknown, example: unknown, isAbridged: boolean): boolean {
  if (isAbridged && typeof example === 'string') return String(answer).includes(example)
  if (typeof example !== 'object' || example === null) return answer === example
  if (typeof answer !== 'object' || answer === null) return false
  const mine = Object.entries(example)
  const theirs = new Map(Object.entries(answer))
  if (!isAbridged && mine.length !== theirs.size) return false
  return mine.every(([name, value]) => holds(theirs.get(name), value, isAbridged))
}
