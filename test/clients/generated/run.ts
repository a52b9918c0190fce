/**
 * Clients generated from openapi.yaml, freshly, each driving a resumable upload whose network breaks in the middle, while the
 * server behind it is killed and started again: TypeScript by openapi-typescript, Python, Go and Java by openapi-generator.
 *
 * What cannot be had is said, the rest is run, and that is a success: the suite is for machines that can. With CI=true it is
 * a failure. Arguments choose among the clients by name.
 */

import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProxy } from '../../support/cutting-proxy.ts'
import { startServer } from '../../support/server-process.ts'

const here = import.meta.dirname
const openapi = join(here, '..', '..', '..', 'openapi.yaml')
const GENERATOR = '7.25.0'
/** In the middle of the second chunk, whatever heads come before it. */
const CUT_AFTER = 1_500_000
/**
 * Of the generator's warnings those that say nothing about the document: OpenAPI 3.1 is "beta" to it; words that Go and Java
 * reserve (`range`, `Object`) get other names; objects of any fields have no name of their own; a Java example of several fields.
 */
const EXPLAINED =
  /OpenAPI 3\.1 support is still in beta|\(reserved word\) cannot be used as|Failed to get the schema name: null|Ignoring complex example|Codegen property is null/

class Unavailable extends Error {}

interface Client {
  /** Generates and compiles it in a folder; answers the command that runs it, to which the server's address is added. */
  readonly prepare: (folder: string) => readonly string[]
  readonly env?: (folder: string) => NodeJS.ProcessEnv
}

const clients: Readonly<Record<string, Client>> = {
  typescript: { prepare: prepareTypeScript },
  python: { prepare: preparePython },
  go: { prepare: prepareGo },
  java: { prepare: prepareJava },
}

async function main(names: readonly string[]): Promise<number> {
  const isCi = process.env['CI'] === 'true'
  let failures = 0
  for (const [name, client] of Object.entries(clients)) {
    if (names.length > 0 && !names.includes(name)) continue
    const folder = mkdtempSync(join(tmpdir(), `tidemark-${name}-`))
    try {
      await drive(client.prepare(folder), folder)
      console.log(
        `ok - the generated ${name} client uploads through a break and reads the same bytes`,
      )
    } catch (error) {
      const isMissing = error instanceof Unavailable
      const said = error instanceof Error ? error.message : String(error)
      if (isMissing && !isCi) console.error(`\n*** SKIPPED: ${name} was not tested.\n*** ${said}\n`)
      else console.log(`not ok - the generated ${name} client\n${said}`)
      if (!isMissing || isCi) failures += 1
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return failures === 0 ? 0 : 1
}

/** Runs the client against a server of its own, whose network breaks and which is killed at that moment. */
async function drive([command = '', ...args]: readonly string[], folder: string): Promise<void> {
  const ends: (() => unknown)[] = []
  const scene = { teardown: (end: () => unknown) => void ends.push(end) }
  try {
    const server = await startServer(scene as never, { dataDir: join(folder, 'data') })
    const proxy = await startProxy(scene as never, server.port)
    const broken = proxy.cutAfter(CUT_AFTER).then(async () => {
      proxy.hold()
      await server.kill()
      await server.start()
      proxy.release()
    })
    const { code, output } = await finished(command, [...args, proxy.url], folder)
    if (code !== 0) throw new Error(output)
    await broken
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

function finished(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    code: number | null
    output: string
  }>()
  const env = { ...process.env, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' }
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', bytes => {
      output += bytes
    })
  }
  child.once('error', reject)
  child.once('close', code => resolve({ code, output }))
  return promise
}

function prepareTypeScript(folder: string): readonly string[] {
  cpSync(join(here, 'typescript'), folder, { recursive: true })
  need('npm', ['ci', '--no-audit', '--no-fund'], folder)
  run(process.execPath, ['generate.mjs', openapi, 'client.ts'], folder)
  run(process.execPath, ['node_modules/typescript/bin/tsc'], folder)
  return [process.execPath, 'upload.ts']
}

function preparePython(folder: string): readonly string[] {
  need('python3', ['-m', 'venv', 'venv'], folder)
  generate('python', folder, ['--additional-properties=packageName=tidemark_client'])
  const python = join(folder, 'venv', 'bin', 'python')
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  need(python, [...pip, '-r', 'client/requirements.txt', './client'], folder)
  copyFileSync(join(here, 'python', 'upload.py'), join(folder, 'upload.py'))
  return [python, 'upload.py']
}

function prepareGo(folder: string): readonly string[] {
  need('go', ['version'], folder)
  // A chunk is a slice of bytes, not a file.
  const bytes = ['--type-mappings=binary=[]byte,file=[]byte']
  generate('go', folder, [...bytes, '--additional-properties=packageName=tidemark'])
  for (const name of ['go.mod', 'go.sum', 'test'])
    rmSync(join(folder, 'client', name), { recursive: true, force: true })
  copyFileSync(join(here, 'go', 'main.go'), join(folder, 'main.go'))
  run('go', ['mod', 'init', 'tidemark'], folder)
  need('go', ['mod', 'tidy'], folder)
  run('go', ['vet', '.'], folder)
  run('go', ['build', '-o', 'upload', '.'], folder)
  return [join(folder, 'upload')]
}

function prepareJava(folder: string): readonly string[] {
  const packages = 'apiPackage=tidemark,modelPackage=tidemark.model,invokerPackage=tidemark'
  generate('java', folder, [
    '--type-mappings=binary=byte[],file=byte[]',
    `--additional-properties=${packages},useSingleRequestParameter=true,hideGenerationTimestamp=true`,
  ])
  const client = join(folder, 'client')
  const maven = ['--batch-mode', '--no-transfer-progress', '--quiet']
  need('mvn', [...maven, 'dependency:copy-dependencies', '-DincludeScope=runtime'], client)
  run('mvn', [...maven, 'compiler:compile'], client)
  const path = `${client}/target/classes:${client}/target/dependency/*`
  run('javac', ['-cp', path, '-d', folder, join(here, 'java', 'src', 'Upload.java')], folder)
  return ['java', '-cp', `${folder}:${path}`, 'Upload']
}

/** A client in `client/` below the folder. */
function generate(language: string, folder: string, options: readonly string[]): void {
  const jar = generator()
  const args = ['generate', '-i', openapi, '-g', language, '-o', 'client', ...options]
  const said = run('java', ['-jar', jar, ...args], folder)
  const warnings = said.split('\n').filter(line => /WARN|ERROR/.test(line) && !EXPLAINED.test(line))
  if (warnings.length > 0) throw new Error(warnings.join('\n'))
}

/** Maven keeps it. */
function generator(): string {
  const artifact = `org.openapitools:openapi-generator-cli:${GENERATOR}`
  need(
    'mvn',
    ['--batch-mode', '--quiet', 'dependency:get', `-Dartifact=${artifact}`, '-Dtransitive=false'],
    here,
  )
  const name = `openapi-generator-cli-${GENERATOR}.jar`
  const jar = join(
    homedir(),
    '.m2/repository/org/openapitools/openapi-generator-cli',
    GENERATOR,
    name,
  )
  if (!existsSync(jar)) throw new Unavailable(`${jar} is not there`)
  return jar
}

/** A step that may be impossible here. */
function need(command: string, args: readonly string[], cwd: string): void {
  try {
    run(command, args, cwd)
  } catch (error) {
    throw new Unavailable(error instanceof Error ? error.message : String(error))
  }
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' },
  })
  if (status === 0) return `${stdout}${stderr}`
  throw new Error(
    `${command} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim().slice(-4000)}`,
  )
}

process.exitCode = await main(process.argv.slice(2))
