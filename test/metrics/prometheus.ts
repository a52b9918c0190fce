/**
 * A real Prometheus, Debian's: from the system where it is installed, else from the package, unpacked and not installed, which
 * needs no root and starts no service. It runs with the committed configuration; only the target's address, the pace and the
 * place of the rules are other.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parseDocument } from 'yaml'
import { freePort } from '../support/server-process.ts'

const run = promisify(execFile)

export const CONFIGURATION = join(import.meta.dirname, '..', '..', 'docker', 'prometheus')

const START_UP_MS = 30_000

export interface Programs {
  readonly prometheus: string
  readonly promtool: string
}

/** Rejects with the reason why there are none. */
export async function getPrograms(scratch: string): Promise<Programs> {
  const installed = { prometheus: 'prometheus', promtool: 'promtool' }
  try {
    await run('promtool', ['--version'])
    await run('prometheus', ['--version'])
    return installed
  } catch {
    const folder = join(scratch, 'package')
    await mkdir(folder)
    await download(folder)
    const [archive = ''] = (await readdir(folder)).filter(name => name.endsWith('.deb'))
    await run('dpkg', ['--extract', join(folder, archive), folder])
    const bin = join(folder, 'usr', 'bin')
    return { prometheus: join(bin, 'prometheus'), promtool: join(bin, 'promtool') }
  }
}

async function download(folder: string): Promise<void> {
  const get = () => run('apt-get', ['download', '-q', 'prometheus'], { cwd: folder })
  try {
    await get()
  } catch {
    // Where the lists of packages are missing or old.
    await run('apt-get', ['update', '-q'])
    await get()
  }
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}

export interface Rule {
  readonly type: 'recording' | 'alerting'
  readonly name: string
  readonly query: string
  readonly health: string
  readonly lastError?: string
  /** Of an alert. */
  readonly state?: string
}

export class Prometheus {
  readonly #url: string
  readonly #child: ChildProcess
  #output = ''

  static async start(programs: Programs, scratch: string, target: string): Promise<Prometheus> {
    const config = join(scratch, 'prometheus.yml')
    await writeFile(config, await configFor(target))
    const prometheus = new Prometheus(programs, config, join(scratch, 'tsdb'), await freePort())
    const deadline = Date.now() + START_UP_MS
    while (!(await prometheus.#isReady())) {
      if (Date.now() > deadline || prometheus.#child.exitCode !== null) {
        throw new Error(`Prometheus did not start:\n${prometheus.#output}`)
      }
      await sleep(100)
    }
    return prometheus
  }

  private constructor({ prometheus }: Programs, config: string, data: string, port: number) {
    this.#url = `http://127.0.0.1:${port}`
    this.#child = spawn(
      prometheus,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${data}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const collect = (text: Buffer) => {
      this.#output += text
    }
    this.#child.stdout?.on('data', collect)
    this.#child.stderr?.on('data', collect)
  }

  /** Every sample of the answer; rejects where Prometheus cannot evaluate it. */
  async query(expression: string): Promise<readonly Sample[]> {
    const parameters = new URLSearchParams({ query: expression })
    const { result } = await this.#get<{ result: readonly Sample[] }>(`query?${parameters}`)
    return result
  }

  /** The sum of an instant vector; undefined where nothing is in it. */
  async sum(selector: string): Promise<number | undefined> {
    const [sample] = await this.query(`sum(${selector})`)
    return sample && Number(sample.value[1])
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#get<{ groups: ReadonlyArray<{ rules: readonly Rule[] }> }>(
      'rules',
    )
    return groups.flatMap(({ rules }) => rules)
  }

  /** Names of all series that it has. */
  async names(): Promise<ReadonlySet<string>> {
    return new Set(await this.#get<readonly string[]>('label/__name__/values'))
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
  }

  async #get<Data>(path: string): Promise<Data> {
    const response = await fetch(`${this.#url}/api/v1/${path}`)
    const answer = (await response.json()) as { status: string; data: Data; error?: string }
    if (answer.status !== 'success') throw new Error(answer.error)
    return answer.data
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/-/ready`)
      await response.arrayBuffer()
      return response.ok
    } catch {
      return false
    }
  }
}

async function configFor(target: string): Promise<string> {
  const text = await readFile(join(CONFIGURATION, 'prometheus.yml'), 'utf8')
  const config = parseDocument(text)
  config.setIn(['global', 'scrape_interval'], '1s')
  config.setIn(['global', 'evaluation_interval'], '1s')
  config.setIn(['rule_files', 0], join(CONFIGURATION, 'rules.yml'))
  config.setIn(['scrape_configs', 0, 'static_configs', 0, 'targets', 0], target)
  return String(config)
}
