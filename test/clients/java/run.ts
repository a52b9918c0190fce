/**
 * The Java suite: Maven fetches the pinned client and runs the tests, with this command's arguments
 * (such as `-Dtest=UploadTest`).
 *
 * Where a JDK, Maven or the packages cannot be had it says so and succeeds: the suite is for machines that can. With
 * CI=true that is a failure.
 */

import { spawnSync } from 'node:child_process'

const here = import.meta.dirname
const MAVEN = ['--batch-mode', '--no-transfer-progress']
const OLDEST_JAVA = 17

class Unavailable extends Error {}

function main(args: readonly string[]): number {
  requireJdk()
  // Only this step may be impossible here. What goes wrong after it, a compilation included, is a failure of the suite.
  run('mvn', [...MAVEN, '--quiet', 'dependency:resolve'])
  const maven = spawnSync('mvn', [...MAVEN, ...args, 'test'], {
    cwd: here,
    stdio: 'inherit',
    env: { ...process.env, NODE: process.execPath },
  })
  return maven.status ?? 1
}

/** The Java that Maven runs on is the one that compiles and runs the tests. */
function requireJdk(): void {
  const versions = run('mvn', ['--batch-mode', '--version'])
  const [, major = '0', home = ''] =
    versions.match(/^Java version: (\d+).*?(?:, runtime: (.*))?$/m) ?? []
  if (Number(major) < OLDEST_JAVA) {
    throw new Unavailable(`Maven runs on Java ${major}, and the suite needs ${OLDEST_JAVA}`)
  }
  run(home === '' ? 'javac' : `${home}/bin/javac`, ['-version'])
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: here,
    encoding: 'utf8',
  })
  if (status === 0) return stdout
  // Maven writes its errors to standard output.
  const reason = error?.message ?? (stdout.trim() || stderr.trim())
  throw new Unavailable(`${command} ${args.join(' ')}: ${reason}`)
}

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Unavailable)) throw error
  const isFailure = process.env['CI'] === 'true'
  console.error(`\n*** ${isFailure ? 'FAILED' : 'SKIPPED'}: the Java client was not tested.`)
  console.error(`*** ${error.message}\n`)
  process.exitCode = isFailure ? 1 : 0
}
