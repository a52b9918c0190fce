/**
 * A container without an engine: what `docker run --read-only --user … -v …:/data` does with an image, done with namespaces on the
 * image's unpacked root. Entrypoint, environment, working directory, volume and health check are the image's own, read from it.
 */

import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../support/server-process.ts'

const ENTER = join(import.meta.dirname, 'enter.sh')
const UNSHARE = ['--mount', '--pid', '--fork', '--kill-child']
const START_UP_MS = 60_000
/** What `docker stop` waits before it kills. */
const GRACE_MS = 10_000

/** `buildah inspect --type image`, the part called Docker.config. */
export interface ImageConfig {
  readonly User: string
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Cmd?: readonly string[]
  readonly WorkingDir: string
  readonly Volumes: Readonly<Record<string, object>>
  readonly ExposedPorts: Readonly<Record<string, object>>
  readonly StopSignal: string
  readonly Healthcheck: { readonly Test: readonly string[] }
  readonly Labels: Readonly<Record<string, string>>
}

export interface Image {
  /** Where it is unpacked. */
  readonly root: string
  readonly config: ImageConfig
}

export interface End {
  readonly code: number | null
  readonly output: string
}

/** Of a command, whose standard output is also there alone. */
export interface CommandEnd extends End {
  readonly stdout: string
}

export interface ContainerOptions {
  /** `--user`; the image's own where there is none. */
  readonly uid?: number
  /** `-e`. */
  readonly env?: Readonly<Record<string, string>>
}

/** A fresh named volume: an empty directory with the mode that the image's has. */
export class Volume {
  readonly path: string
  readonly #scratch = mkdtempSync(join(tmpdir(), 'tidemark-volume-'))

  static async of({ root, config }: Image): Promise<Volume> {
    const volume = new Volume()
    const [inside = ''] = Object.keys(config.Volumes)
    await chmod(volume.path, statSync(join(root, inside)).mode & 0o7777)
    return volume
  }

  private constructor() {
    this.path = join(this.#scratch, 'volume')
    mkdirSync(this.path)
  }

  remove(): void {
    rmSync(this.#scratch, { recursive: true })
  }
}

export class Container {
  readonly url: string
  readonly #image: Image
  readonly #volume: Volume
  readonly #uid: number
  readonly #env: readonly string[]
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined
  #output = ''

  static async of(image: Image, volume: Volume, options: ContainerOptions = {}) {
    // The network is the machine's: a free port takes the place of `-p`.
    return new Container(image, volume, options, await freePort())
  }

  private constructor(image: Image, volume: Volume, options: ContainerOptions, port: number) {
    this.#image = image
    this.#volume = volume
    this.#uid = options.uid ?? Number(image.config.User.split(':')[0])
    const env = { TIDEMARK_PORT: String(port), ...options.env }
    this.#env = [...image.config.Env, ...Object.entries(env).map(pair => pair.join('='))]
    this.url = `http://127.0.0.1:${port}`
  }

  get output(): string {
    return this.#output
  }

  /** Starts it, if it does not run, and waits until it is healthy by the image's own check. */
  async start(): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null) this.launch()
    const deadline = Date.now() + START_UP_MS
    while ((await this.checkHealth()) !== 0) {
      if (this.#child?.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the container did not start:\n${this.#output}`)
      }
      await sleep(100)
    }
  }

  /** Starts it and waits for nothing. */
  launch(command?: readonly string[]): void {
    const { Entrypoint, Cmd } = this.#image.config
    const args = this.#arguments(command ?? [...Entrypoint, ...(Cmd ?? [])])
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const collect = (text: Buffer) => {
      this.#output += text
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    this.#child = child
  }

  /** To its own end. */
  async ended(): Promise<End> {
    const child = this.#child
    if (child === undefined) throw new Error('not launched')
    if (child.exitCode === null) await once(child, 'close')
    return { code: child.exitCode, output: this.#output }
  }

  /** Another command in the same image and volume. */
  async run(command: readonly string[], uid = this.#uid): Promise<CommandEnd> {
    try {
      const run = promisify(execFile)
      const { stdout, stderr } = await run('unshare', this.#arguments(command, uid))
      return { code: 0, stdout, output: stdout + stderr }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { code, stdout, output: stdout + stderr }
    }
  }

  /** What the engine's health check exits with. */
  async checkHealth(): Promise<number | null> {
    const [kind, ...command] = this.#image.config.Healthcheck.Test
    if (kind !== 'CMD') throw new Error(`a health check by ${kind}`)
    return (await this.run(command)).code
  }

  /** `docker stop`: the image's signal, then, after the grace time, the one that cannot be heard. */
  async stop(graceMs = GRACE_MS): Promise<End> {
    this.#signal(this.#image.config.StopSignal)
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs)
    const end = await this.ended()
    clearTimeout(timer)
    return end
  }

  async kill(): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null) return
    this.#signal('SIGKILL')
    await this.ended()
  }

  /** Fields of /proc/PID/status of the container's process 1. */
  status(field: string): string {
    const status = readFileSync(`/proc/${this.#processOne}/status`, 'utf8')
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
  }

  /** As the machine sees it: the only child of `unshare`, which waits for it and hands on its exit code. */
  get #processOne(): number {
    const { pid } = this.#child ?? {}
    const children = `/proc/${pid}/task/${pid}/children`
    return existsSync(children) ? Number(readFileSync(children, 'utf8').trim()) : 0
  }

  #signal(signal: string): void {
    const pid = this.#processOne
    if (pid > 0) process.kill(pid, signal as NodeJS.Signals)
  }

  #arguments(command: readonly string[], uid = this.#uid): string[] {
    const { root, config } = this.#image
    const place = [root, this.#volume.path, String(uid), config.WorkingDir]
    return [...UNSHARE, 'sh', ENTER, ...place, ...this.#env, ...command]
  }
}
