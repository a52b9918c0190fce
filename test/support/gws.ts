/** What GBD WebSuite's client says, in the bytes in which it says it. */

import { decode } from '@msgpack/msgpack'
import msgpack from '@ygoe/msgpack'
import type { Json, Response } from './conversation.ts'
import type { TestServer } from './server.ts'

export const JSON_TYPE = 'application/json'
export const MSGPACK_TYPE = 'application/msgpack'
/** axios' own. */
export const AXIOS_ACCEPT = 'application/json, text/plain, */*'

type Headers = Readonly<Record<string, string | number>>
type Values = Readonly<Record<string, unknown>>

/** The encoder's whole buffer, as axios sends it: the map, then zeros up to a power of two. */
export function packed(values: unknown): Buffer {
  return Buffer.from(msgpack.serialize(values).buffer)
}

/** A chunk's message: one chunk that is all of `a.bin`, but for what is given. */
export function chunk(values: Values = {}): Values {
  return {
    uploadUid: '',
    fileName: 'a.bin',
    totalSize: 3,
    chunkCount: 1,
    chunkNumber: 0,
    content: Buffer.from('abc'),
    ...values,
  }
}

/** A command in MessagePack, as `binaryRequest` sends it; its answer is in JSON. */
export function command(
  server: TestServer,
  name: string,
  values: unknown,
  headers: Headers = {},
): Promise<Response> {
  const all = { 'Content-Type': MSGPACK_TYPE, Accept: AXIOS_ACCEPT, ...headers }
  return server.ask(`POST /gws/_/${name}`, all, packed(values))
}

/** The same in JSON. */
export function jsonCommand(server: TestServer, name: string, values: unknown): Promise<Response> {
  const body = typeof values === 'string' ? values : JSON.stringify(values)
  return server.ask(`POST /gws/_/${name}`, { 'Content-Type': JSON_TYPE }, body)
}

export function unpacked({ body }: Response): Json {
  return decode(body)
}

/** An upload of chunks of any length, and what can be asked of it. The first chunk that is sent makes it. */
export class Upload {
  uid = ''
  readonly #server: TestServer
  readonly #values: Values

  constructor(server: TestServer, values: Values) {
    this.#server = server
    this.#values = values
  }

  async send(
    chunkNumber: number,
    content: string | Buffer,
    values: Values = {},
  ): Promise<Response> {
    const answer = await command(
      this.#server,
      'uploadChunk',
      chunk({
        ...this.#values,
        uploadUid: this.uid,
        chunkNumber,
        content: Buffer.from(content),
        ...values,
      }),
    )
    if (this.uid === '' && answer.status === 200) this.uid = answer.json().uploadUid
    return answer
  }

  get(): Promise<Response> {
    return command(this.#server, 'uploadGet', { uploadUid: this.uid })
  }

  status(): Promise<Response> {
    return command(this.#server, 'uploadStatus', { uploadUid: this.uid })
  }

  content(): Promise<Response> {
    return this.#server.ask(`GET /gws/_/uploadContent/uploadUid/${this.uid}`)
  }
}

/** The names of all objects, by Google's door. */
export async function objectNames(server: TestServer, bucket = 'bkt'): Promise<string[]> {
  const { items = [] } = (await server.ask(`GET /storage/v1/b/${bucket}/o`)).json()
  return items.map(({ name }: Json) => name)
}
