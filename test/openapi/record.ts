/**
 * Writes the answers of the conversation into openapi.yaml as examples, where there is none yet: for whoever has described a
 * new response. Run by hand: `npx node test/openapi/record.ts`, then read what it wrote.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMap, parseDocument } from 'yaml'
import { apiDocument, DOCUMENT_PATH } from '../support/openapi/document.ts'
import { Validator } from '../support/openapi/validator.ts'
import { converse } from './conversation.ts'
import { examplesOf, placeOf, placesOf } from './seen.ts'

const api = apiDocument()
const validator = new Validator(api)
const yaml = parseDocument(readFileSync(DOCUMENT_PATH, 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'tidemark-record-'))
const ends: (() => unknown)[] = []
const seen = await converse({
  testdir: () => folder,
  teardown: handler => {
    ends.push(handler)
  },
})
for (const { name, at, response } of placesOf(api)) {
  const here = seen.filter(one => placeOf(one) === name)
  for (const [mediaType, described] of Object.entries(response.content)) {
    if (examplesOf(described).length > 0) continue
    const found = here.find(one => one.mediaType === mediaType && one.exchange.method !== 'HEAD')
    if (found === undefined) {
      console.error(`${name}: no answer as ${mediaType}`)
      continue
    }
    const text = found.exchange.body.toString('utf8')
    const example = validator.parse(mediaType, described.schema ?? {}, text)
    yaml.setIn([...at, 'content', mediaType, 'example'], yaml.createNode(example))
    unfold([...at, 'content', mediaType])
  }
  for (const [header, described] of Object.entries(response.headers)) {
    const value = here.find(one => one.exchange.headers[header.toLowerCase()])?.exchange.headers[
      header.toLowerCase()
    ]
    const node = yaml.getIn([...at, 'headers', header])
    if (described.example !== undefined || value === undefined || !isMap(node)) continue
    const reference = node.get('$ref')
    if (typeof reference === 'string')
      yaml.setIn([...reference.slice(2).split('/'), 'example'], value)
    else node.set('example', value)
  }
}
for (const end of ends) await end()
rmSync(folder, { recursive: true })
writeFileSync(DOCUMENT_PATH, yaml.toString({ lineWidth: 110 }))

/** What has become longer than a line is written over several. */
function unfold(path: readonly string[]): void {
  for (const at of [path, path.slice(0, -1)]) {
    const node = yaml.getIn(at)
    if (isMap(node)) node.flow = false
  }
}
