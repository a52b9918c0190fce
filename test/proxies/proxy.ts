/**
 * nginx, HAProxy and Caddy as Debian has them, each run with its file in docker/ as it is committed: only the port it listens on,
 * the address behind it and the folder of the certificate are put in.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/server-process.ts'

const DOCKER = join(import.meta.dirname, '..', '..', 'docker')
const START_UP_MS = 30_000

interface Kind {
  /** Of docker/. */
  readonly file: string
  readonly debian: string
  readonly version: readonly string[]
  /** What is put in the place of what. Each must be there exactly once, certificates as often as they are. */
  readonly listen: readonly [string, (port: number) => string]
  readonly certificates: string
  command(file: string, scratch: string): readonly string[]
}

export type ProxyName = 'nginx' | 'HAProxy' | 'Caddy'

const KINDS: Readonly<Record<ProxyName, Kind>> = {
  nginx: {
    file: 'nginx.conf',
    debian: 'nginx-light',
    version: ['/usr/sbin/nginx', '-v'],
    listen: ['listen 443 ssl;', port => `listen 127.0.0.1:${port} ssl;`],
    certificates: '/etc/nginx/certificates',
    // The pid file's place is the package's own, and another nginx may have it.
    command: (file, scratch) => [
      '/usr/sbin/nginx',
      ...['-p', scratch, '-c', file, '-g', `daemon off; pid ${scratch}/pid;`],
    ],
  },
  HAProxy: {
    file: 'haproxy.cfg',
    debian: 'haproxy',
    version: ['/usr/sbin/haproxy', '-v'],
    listen: ['bind :443 ', port => `bind 127.0.0.1:${port} `],
    certificates: '/etc/haproxy/certificates',
    command: file => ['/usr/sbin/haproxy', '-db', '-f', file],
  },
  Caddy: {
    file: 'Caddyfile',
    debian: 'caddy',
    version: ['/usr/bin/caddy', 'version'],
    listen: ['https:// {', port => `https://:${port} {\n\tbind 127.0.0.1`],
    certificates: '/etc/caddy/certificates',
    command: file => ['/usr/bin/caddy', 'run', '--adapter', 'caddyfile', '--config', file],
  },
}

export const PROXIES = Object.keys(KINDS) as ProxyName[]

/** Installs what is missing; answers why a proxy cannot be had. */
export function installProxies(names: readonly ProxyName[] = PROXIES): string | undefined {
  for (const { debian, version } of names.map(name => KINDS[name])) {
    if (versionOf(version) !== undefined) continue
    console.log(`apt-get install ${debian}`)
    const install = ['install', '--yes', '--no-install-recommends', debian]
    if (spawnSync('apt-get', install).status === 0) continue
    spawnSync('apt-get', ['update'])
    const { status, stderr } = spawnSync('apt-get', install, { encoding: 'utf8' })
    if (status !== 0) return `${debian} cannot be installed: ${stderr}`
  }
  return undefined
}

export function proxyVersion(name: ProxyName): string {
  return versionOf(KINDS[name].version) ?? 'missing'
}

/** A certificate that this process trusts, and the proxies use: for localhost and 127.0.0.1, valid for a day. */
export class Certificate {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidemark-certificate-'))
  readonly pem: string

  constructor() {
    const [key, crt] = ['tidemark.key', 'tidemark.crt'].map(name => join(this.folder, name))
    const { status, stderr } = spawnSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ${key} -out ${crt}`.split(' '),
      { encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`no certificate: ${stderr}`)
    this.pem = readFileSync(join(this.folder, 'tidemark.crt'), 'utf8')
    // HAProxy wants both in one.
    const both = this.pem + readFileSync(join(this.folder, 'tidemark.key'), 'utf8')
    writeFileSync(join(this.folder, 'tidemark.pem'), both)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

export class FrontProxy {
  readonly name: ProxyName
  readonly port: number
  readonly url: string
  readonly #scratch = mkdtempSync(join(tmpdir(), 'tidemark-proxy-'))
  readonly #log = join(this.#scratch, 'log')
  readonly #child: ChildProcess

  /** Before the target port of the loopback; resolves when it listens. */
  static async start(
    name: ProxyName,
    target: number,
    { folder }: Pick<Certificate, 'folder'>,
    port?: number,
  ): Promise<FrontProxy> {
    const proxy = new FrontProxy(name, port ?? (await freePort()), target, folder)
    const deadline = Date.now() + START_UP_MS
    while (!(await listens(proxy.port))) {
      if (proxy.#child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${name} did not start:\n${proxy.output}`)
      }
      await sleep(50)
    }
    return proxy
  }

  private constructor(name: ProxyName, port: number, target: number, certificates: string) {
    const kind = KINDS[name]
    const committed = readFileSync(join(DOCKER, kind.file), 'utf8')
    const [place, listenOn] = kind.listen
    const listening = replaceOnce(committed, place, listenOn(port))
    const behind = replaceOnce(listening, 'tidemark:8080', `127.0.0.1:${target}`)
    const file = join(this.#scratch, kind.file)
    writeFileSync(file, behind.replaceAll(kind.certificates, certificates))

    this.name = name
    this.port = port
    this.url = `https://localhost:${port}`
    const [command = '', ...args] = kind.command(file, this.#scratch)
    // Caddy keeps state in its home.
    const env = { ...process.env, HOME: this.#scratch, XDG_DATA_HOME: '', XDG_CONFIG_HOME: '' }
    // A file: Node's pipes are sockets, which nginx cannot open as /dev/stdout.
    const log = openSync(this.#log, 'a')
    this.#child = spawn(command, args, { stdio: ['ignore', log, log], env })
    closeSync(log)
  }

  /** Its log, in whatever form it has. */
  get output(): string {
    return readFileSync(this.#log, 'utf8')
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'close')
      this.#child.kill('SIGTERM')
      await exited
    }
    rmSync(this.#scratch, { recursive: true, force: true })
  }
}

function replaceOnce(text: string, place: string, replacement: string): string {
  const [before = '', after, ...more] = text.split(place)
  if (after === undefined || more.length > 0) throw new Error(`not once in the file: ${place}`)
  return before + replacement + after
}

function versionOf([command = '', ...args]: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? (stdout + stderr).split('\n')[0] : undefined
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}
