/**
 * The Python suite: installs its pinned clients into scratch folders once, then runs pytest, with this command's arguments.
 *
 * Where Python or the packages cannot be had it says so and succeeds: the suite is for machines that can. With CI=true that is
 * a failure.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname
const isCi = process.env['CI'] === 'true'

class Unavailable extends Error {}

/** How to start Python so that it finds the installed packages: those of a folder, or its own. */
interface Python {
  readonly command: string
  readonly path: string | undefined
}

function main(args: readonly string[]): number {
  const { command, path } = installed('requirements.txt')
  const pytest = spawnSync(command, ['-m', 'pytest', ...args], {
    cwd: here,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(path !== undefined && { PYTHONPATH: path }),
      ...gsutil(),
      PYTHONDONTWRITEBYTECODE: '1',
      NODE: process.execPath,
      NO_PROXY: '127.0.0.1',
      no_proxy: '127.0.0.1',
    },
  })
  return pytest.status ?? 1
}

/** Where the tests find it, or nothing: they skip themselves. */
function gsutil(): Record<string, string> {
  try {
    const { command, path = '' } = installed('requirements-gsutil.txt')
    return { GSUTIL_PYTHON: command, GSUTIL_PYTHONPATH: path }
  } catch (error) {
    if (!(error instanceof Unavailable) || isCi) throw error
    announce('SKIPPED: gsutil was not tested.', error)
    return {}
  }
}

function installed(list: string): Python {
  const requirements = join(here, list)
  const system = systemPython()
  const version = run(system, ['-c', 'import sys; print(sys.version, sys.prefix)'])
  // Another Python or other pins are another folder; what an interrupted installation left has no stamp.
  const key = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex')
  const folder = join(here, '..', '.scratch', `python-${key.slice(0, 12)}`)
  const stamp = join(folder, 'installed')
  if (!existsSync(stamp)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    install(system, folder, requirements)
    writeFileSync(stamp, version)
  }
  const inVenv = join(folder, 'venv', 'bin', 'python')
  if (existsSync(inVenv)) return { command: inVenv, path: undefined }
  return { command: system, path: join(folder, 'packages') }
}

function install(python: string, folder: string, requirements: string): void {
  const venv = join(folder, 'venv')
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]
  try {
    run(python, ['-m', 'venv', venv])
    run(join(venv, 'bin', 'python'), pip)
  } catch (cause) {
    // Debian's python3 has no venv without the package python3-venv, but pip can install anywhere.
    rmSync(venv, { recursive: true, force: true })
    if (spawnSync(python, ['-m', 'pip', '--version']).status !== 0) throw cause
    run(python, [...pip, '--target', join(folder, 'packages')])
  }
}

function systemPython(): string {
  const isNewEnough = 'import sys; sys.exit(sys.version_info < (3, 10))'
  for (const command of ['python3', 'python']) {
    if (spawnSync(command, ['-c', isNewEnough]).status === 0) return command
  }
  throw new Unavailable('there is no Python 3.10 or newer')
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return stdout
  const reason = error?.message ?? (stderr.trim() || stdout.trim())
  throw new Unavailable(`${command} ${args.join(' ')}: ${reason}`)
}

function announce(what: string, { message }: Error): void {
  console.error(`\n*** ${what}\n*** ${message}\n`)
}

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Unavailable)) throw error
  announce(`${isCi ? 'FAILED' : 'SKIPPED'}: the Python clients were not tested.`, error)
  process.exitCode = isCi ? 1 : 0
}
