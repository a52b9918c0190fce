/**
 * The suite of clients written in Go: Google's own library, rclone and restic. Go gets the first as the tests' dependency and
 * builds the last, both at the versions of a go.mod; rclone is the system's, and Debian's package where there is none. What
 * this command is given goes to `go test`.
 *
 * What cannot be had is said, the rest is run, and that is a success: the suite is for machines that can. With CI=true it is
 * a failure.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname
const resticModule = join(here, 'programs', 'restic')

class Unavailable extends Error {}

/** The packages of tests, with what each needs: an environment for it, or a reason why there is none. */
const suites: readonly { name: string; folder: string; prepare: () => Environment }[] = [
  { name: 'cloud.google.com/go/storage', folder: './storage', prepare: () => ({}) },
  { name: 'rclone', folder: './rclone', prepare: rclone },
  { name: 'restic', folder: './restic', prepare: restic },
]

type Environment = Readonly<Record<string, string>>

// Go finds what it needs, at the versions of go.mod, whatever the user's own settings are.
const go: Environment = { GOFLAGS: '-mod=readonly', GOWORK: 'off' }

function main(args: readonly string[]): number {
  const missing: string[] = []
  const environment: Record<string, string> = { ...go, NODE: process.execPath }
  const folders: string[] = []
  const isThere = attempt(missing, 'Go and its modules', () => {
    run('go', ['version'])
    run('go', ['mod', 'download'])
    return {}
  })
  for (const { name, folder, prepare } of isThere ? suites : []) {
    const settings = attempt(missing, name, prepare)
    if (settings === undefined) continue
    Object.assign(environment, settings)
    folders.push(folder)
  }
  // One after the other: each of them has a server, and some of them kill it.
  const order = ['-count', '1', '-p', '1', '-timeout', '30m', '-v']
  const status = folders.length === 0 ? 0 : goTest([...order, ...args, ...folders], environment)
  return report(missing) && status === 0 ? 0 : 1
}

function attempt(
  missing: string[],
  name: string,
  prepare: () => Environment,
): Environment | undefined {
  try {
    return prepare()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    missing.push(`${name} (${error.message})`)
    return undefined
  }
}

function goTest(args: readonly string[], environment: Environment): number {
  const env = { ...process.env, ...environment }
  return spawnSync('go', ['test', ...args], { cwd: here, stdio: 'inherit', env }).status ?? 1
}

/** Whether that is a success. */
function report(missing: readonly string[]): boolean {
  const isFailure = process.env['CI'] === 'true'
  for (const what of missing) {
    console.error(`\n*** ${isFailure ? 'FAILED' : 'SKIPPED'}: not tested: ${what}\n`)
  }
  return missing.length === 0 || !isFailure
}

function rclone(): Environment {
  const command = process.env['RCLONE'] ?? 'rclone'
  if (!isInstalled(command)) installPackage('rclone')
  console.log(run(command, ['version']).split('\n')[0])
  return { RCLONE: command }
}

/** Debian's is too old to be told of another endpoint. */
function restic(): Environment {
  const built = process.env['RESTIC'] ?? buildRestic()
  console.log(run(built, ['version']).trim())
  return { RESTIC: built }
}

/** As its own releases are built. */
function buildRestic(): string {
  const key = createHash('sha256')
    .update(readFileSync(join(resticModule, 'go.sum')))
    .digest('hex')
  const program = join(here, '..', '.scratch', `restic-${key.slice(0, 12)}`)
  if (!existsSync(program)) {
    console.log('building restic; this takes a few minutes, once')
    const tags = ['-tags', 'disable_grpc_modules', '-p', '1']
    const main = 'github.com/restic/restic/cmd/restic'
    run('go', ['build', ...tags, '-o', program, main], resticModule)
  }
  return program
}

function isInstalled(command: string): boolean {
  return spawnSync(command, ['version']).error === undefined
}

function installPackage(name: string): void {
  const install = ['install', '-y', '--no-install-recommends', name]
  try {
    run('apt-get', install)
  } catch {
    // Where the lists of packages are missing or old.
    run('apt-get', ['update'])
    run('apt-get', install)
  }
}

function run(command: string, args: readonly string[], cwd = here): string {
  const env = { ...process.env, ...go, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', env })
  if (status === 0) return stdout
  const reason = error?.message ?? (stderr.trim() || stdout.trim())
  throw new Unavailable(`${command} ${args.join(' ')}: ${reason}`)
}

process.exitCode = main(process.argv.slice(2))
