/**
 * The README's "Run it for real", word for word but for the port: its commands in one shell, each answer held against the one it shows.
 *
 * There is no engine here, so `docker compose` is a stand-in that hands its words to this process. That knows the four sentences
 * which the section uses, and does what they mean with the image that docker/verify.sh has built, the settings of
 * docker/compose.proxy.yaml and Debian's nginx with docker/nginx.conf.
 */

import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseMs } from '../../src/config/values.ts'
import { FrontProxy, installProxies } from '../proxies/proxy.ts'
import { blocksOf, inOneShell, missingFrom } from '../support/readme.ts'
import { freePort } from '../support/server-process.ts'
import { composed } from './compose-file.ts'
import { Container, type Image, Volume } from './container.ts'
import type { Expect } from './contents.ts'

/** curl says how a command of the stand-in ended by its own exit code. */
const STAND_IN = (port: number) => `#!/bin/sh
exec curl -sS --fail-with-body --data-binary "\${COMPOSE_FILE:-none} $*" http://127.0.0.1:${port}/
`

export async function forReal(image: Image, expect: Expect): Promise<void> {
  const why = installProxies(['nginx'])
  if (why !== undefined) throw new Error(why)
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-for-real-'))
  const volume = await Volume.of(image)
  const engine = new StandIn(image, volume, folder, await freePort())
  const control = createServer((request, response) => {
    text(request)
      .then(words => engine.obey(words))
      .then(
        answer => response.end(answer),
        error => response.writeHead(500).end(String(error)),
      )
  }).listen(0, '127.0.0.1')
  await once(control, 'listening')
  try {
    mkdirSync(join(folder, 'bin'))
    const docker = join(folder, 'bin', 'docker')
    writeFileSync(docker, STAND_IN((control.address() as AddressInfo).port))
    chmodSync(docker, 0o755)

    const here = (words: string) => words.replaceAll('https://localhost/', `${engine.url}/`)
    const blocks = blocksOf('Run it for real')
    const commands = blocks.filter(({ language }) => language === 'sh')
    const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }
    const outputs = await inOneShell(
      commands.map(({ text }) => here(text)),
      folder,
      env,
    )
    expect('its commands are there', commands.length === 5, commands.length)
    for (const [n, command] of commands.entries()) {
      const next = blocks[blocks.indexOf(command) + 1]
      const [first = ''] = command.text.split('\n')
      if (next?.language !== 'text') continue
      const missing = missingFrom(outputs[n] ?? '', here(next.text).trim())
      expect(`“${first}” and what follows answer as shown`, missing.length === 0, outputs[n])
    }
    expect('the stand-in was asked for nothing else', engine.refused.length === 0, engine.refused)
  } finally {
    control.close()
    control.closeAllConnections()
    await engine.stop()
    volume.remove()
    rmSync(folder, { recursive: true })
  }
}

const RUN = /^run --rm -T --entrypoint (\S+) tidemark (.*)$/

class StandIn {
  readonly url: string
  readonly refused: string[] = []
  readonly #image: Image
  readonly #volume: Volume
  readonly #folder: string
  readonly #port: number
  readonly #service = composed('compose.proxy.yaml', {})['tidemark']
  #container: Container | undefined
  #nginx: FrontProxy | undefined

  constructor(image: Image, volume: Volume, folder: string, port: number) {
    this.#image = image
    this.#volume = volume
    this.#folder = folder
    this.#port = port
    this.url = `https://localhost:${port}`
  }

  async obey(words: string): Promise<string> {
    const [, file = '', command = ''] = /^(\S+) compose (.*)$/.exec(words) ?? []
    const [, entrypoint, inside] = RUN.exec(command) ?? []
    if (basename(file) !== 'compose.proxy.yaml') return this.#refuse(words)
    if (command === 'build') return ''
    if (command === 'up -d --wait') return this.#up()
    if (command === 'restart tidemark') return this.#restart()
    if (inside !== undefined) return this.#run(`${entrypoint} ${inside}`.split(' '))
    return this.#refuse(words)
  }

  async stop(): Promise<void> {
    await this.#nginx?.stop()
    await this.#container?.kill()
  }

  async #up(): Promise<string> {
    const container = await this.#made()
    await container.start()
    const certificates = { folder: join(this.#folder, 'docker', 'certificates') }
    const { port } = new URL(container.url)
    this.#nginx ??= await FrontProxy.start('nginx', Number(port), certificates, this.#port)
    return ''
  }

  async #restart(): Promise<string> {
    const graceMs = parseMs(this.#service?.stop_grace_period ?? '')
    const { code, output } = (await this.#container?.stop(graceMs)) ?? {}
    if (code !== 0) throw new Error(`stopped with ${code}: ${output}`)
    return ''
  }

  async #run(command: readonly string[]): Promise<string> {
    const { code, output, stdout } = await (await this.#made()).run(command)
    if (code !== 0) throw new Error(output)
    return stdout
  }

  async #made(): Promise<Container> {
    const env = this.#service?.environment ?? {}
    this.#container ??= await Container.of(this.#image, this.#volume, { env })
    return this.#container
  }

  #refuse(words: string): never {
    this.refused.push(words)
    throw new Error(`not known here: ${words}`)
  }
}
