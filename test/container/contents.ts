/**
 * What is in the image, and what must not be: nothing to build with, no package that only development needs, nothing unreadable,
 * and nothing of the machine that built it.
 */

import { existsSync, lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { Image } from './container.ts'

const PROJECT = join(import.meta.dirname, '..', '..')
const TOOLS =
  /^(gcc|g\+\+|cc|c\+\+|cpp|clang|tcc|as|ld|make|cmake|python[\d.]*|pip\d?|npm|npx|corepack|yarn|tsc|git)(-[\d.]+)?$/
const MIB = 1024 * 1024

export type Expect = (what: string, holds: boolean, found?: unknown) => void

interface Entry {
  /** From the image's root, with a slash before it. */
  readonly path: string
  readonly stats: Stats
}

export function printContents({ root }: Image): void {
  console.log('# what is in it')
  const entries = [...walk(root)]
  const debian = packagesOfDebian(root)
  console.log(`${mebibytes(entries, '/')} in all, ${debian.length} packages of Debian`)
  const parts = [
    ['/usr/local/bin/node', 'Node'],
    ['/app/node_modules', 'production dependencies'],
    ['/app/dist', 'Tidemark'],
    ['/usr/lib', 'Debian'],
    ['/usr/bin', 'Debian'],
    ['/usr/share', 'Debian'],
    ['/var', 'Debian'],
  ] as const
  for (const [path, what] of parts) console.log(`  ${mebibytes(entries, path)}  ${path} (${what})`)
  const names = installedPackages(root).map(place => `${nameOf(place)} ${versionOf(root, place)}`)
  console.log(`  ${names.length} packages of npm: ${names.join(', ')}`)
}

export function checkContents({ root, config }: Image, expect: Expect): void {
  const entries = [...walk(root)]
  const paths = entries.map(({ path }) => path)

  const tools = paths.filter(
    path => /\/s?bin\//.test(path) && TOOLS.test(path.split('/').at(-1) ?? ''),
  )
  expect('no compiler, no linker, no Python, no npm', tools.length === 0, tools)

  const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'))
  const places = installedPackages(root)
  const strangers = places.filter(place => packages[place] === undefined || packages[place].dev)
  const missing = Object.keys(packages).filter(
    place =>
      place !== '' && !packages[place].dev && !packages[place].optional && !places.includes(place),
  )
  expect(
    `the ${places.length} packages are those of package-lock.json that are not for development`,
    strangers.length === 0 && missing.length === 0 && places.length > 20,
    { strangers, missing },
  )

  const app = entries.filter(({ path }) => path.startsWith('/app'))
  const sources = app.filter(({ path, stats }) => stats.isFile() && /\.([mc]?ts|map)$/.test(path))
  expect(
    'no sources, no source maps, no type declarations',
    sources.length === 0,
    sources.map(({ path }) => path),
  )

  const closed = app.filter(({ stats }) => (stats.mode & (stats.isDirectory() ? 0o5 : 0o4)) === 0)
  expect(
    'every user can read all of it',
    app.length > 500 && closed.length === 0,
    closed.map(({ path }) => path),
  )

  const own = app
    .map(({ path }) => path)
    .filter(path => !/^\/app\/(node_modules|dist)\//.test(path))
  const expected = [
    '/app',
    '/app/LICENSE',
    '/app/dist',
    '/app/healthcheck.mjs',
    '/app/node_modules',
    '/app/openapi.yaml',
    '/app/package.json',
  ]
  expect(
    'beside them only what is served, run or owed',
    own.sort().join() === expected.sort().join(),
    own,
  )

  const traces = [
    '/root/.npmrc',
    '/run/secrets',
    '/app/node_modules/.package-lock.json',
    '/app/.git',
    '/app/data',
  ]
  expect(
    'nothing of the machine that built it',
    traces.every(path => !paths.includes(path)),
    traces.filter(path => paths.includes(path)),
  )

  const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))
  const labels = Object.entries(config.Labels).filter(([name]) =>
    name.startsWith('org.opencontainers.image.'),
  )
  for (const [name, value] of labels) console.log(`  ${name}=${value}`)
  expect(
    'labels say what it is and of which version',
    labels.length >= 7 && config.Labels['org.opencontainers.image.version'] === version,
    config.Labels,
  )

  const { User, Volumes, ExposedPorts, StopSignal, Env } = config
  expect('its user is a number, and not 0', /^[1-9]\d*:\d+$/.test(User), User)
  expect(
    'one volume, one port',
    `${Object.keys(Volumes)} ${Object.keys(ExposedPorts)}` === '/data 8080/tcp',
  )
  expect('it is stopped by SIGTERM', StopSignal === 'SIGTERM', StopSignal)
  expect(
    'it leaves the word on authentication to the user',
    !Env.some(line => line.startsWith('TIDEMARK_AUTH=')),
    Env,
  )
}

function* walk(root: string, path = ''): Generator<Entry> {
  for (const name of readdirSync(join(root, path))) {
    const inner = `${path}/${name}`
    const stats = lstatSync(join(root, inner))
    yield { path: inner, stats }
    if (stats.isDirectory()) yield* walk(root, inner)
  }
}

/** As package-lock.json calls them: `node_modules/a/node_modules/b`. */
function installedPackages(root: string, place = 'node_modules'): string[] {
  const folder = join(root, 'app', place)
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap(name => {
    if (name.startsWith('.')) return []
    if (name.startsWith('@') && !place.includes('@', place.lastIndexOf('/'))) {
      return installedPackages(root, `${place}/${name}`)
    }
    const own = `${place}/${name}`
    return [own, ...installedPackages(root, `${own}/node_modules`)]
  })
}

function nameOf(place: string): string {
  return place.split('node_modules/').at(-1) ?? place
}

function versionOf(root: string, place: string): string {
  return JSON.parse(readFileSync(join(root, 'app', place, 'package.json'), 'utf8')).version
}

function packagesOfDebian(root: string): string[] {
  const status = join(root, 'var/lib/dpkg/status')
  if (!existsSync(status)) return []
  return readFileSync(status, 'utf8').match(/^Package: .*$/gm) ?? []
}

function mebibytes(entries: readonly Entry[], path: string): string {
  const inside = path === '/' ? '/' : `${path}/`
  const own = entries.filter(entry => entry.path === path || entry.path.startsWith(inside))
  const bytes = own.reduce((sum, { stats }) => sum + (stats.isFile() ? stats.size : 0), 0)
  return `${(bytes / MIB).toFixed(1).padStart(6)} MiB`
}
