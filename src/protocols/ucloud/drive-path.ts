/**
 * UCloud's paths (§8.2): `/{drive}/{folder…}/{name}`. Normalised first, then the drive's number is looked up; what is left is
 * the object's name behind the drive's prefix, so that no path ever leaves its drive.
 */

import { refuse } from './refusal.ts'

/** By number. */
export type Drives = Readonly<Record<string, Drive>>

export interface Drive {
  readonly bucket: string
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string
}

/** A file as both sides name it. */
export interface DrivePath {
  /** Normalised, as the client knows it. */
  readonly id: string
  readonly bucket: string
  readonly name: string
}

const COMPONENT_BYTES = 255

/** Throws a Refusal: `INVALID_PATH`, or `NOT_FOUND` for a drive that nobody has. */
export function resolvePath(drives: Drives, id: string): DrivePath {
  if (id.includes('\0')) throw invalidPath('it has a NUL in it')
  const components = normalise(id)
  const [drive, ...below] = components
  if (drive === undefined || below.length === 0) throw invalidPath('a drive and a name are needed')
  if (components.some(component => Buffer.byteLength(component) > COMPONENT_BYTES)) {
    throw invalidPath(`a component has more than ${COMPONENT_BYTES} bytes`)
  }
  const place = Object.hasOwn(drives, drive) ? drives[drive] : undefined
  if (place === undefined) throw refuse(404, 'NOT_FOUND', 'There is no such drive.')
  const name = [...(place.prefix === '' ? [] : [place.prefix]), ...below].join('/')
  return { id: `/${components.join('/')}`, bucket: place.bucket, name }
}

/** `name(k).ext` for k from 1: the number goes before the last dot (§2). */
export function renamed(path: DrivePath, k: number): DrivePath {
  return { ...path, id: numbered(path.id, k), name: numbered(path.name, k) }
}

/** The last component of a path or of an object's name. */
export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function numbered(path: string, k: number): string {
  const slash = path.lastIndexOf('/')
  const dot = path.lastIndexOf('.')
  const at = dot > slash ? dot : path.length
  return `${path.slice(0, at)}(${k})${path.slice(at)}`
}

/** `..` takes the component before it away, at the root nothing. */
function normalise(path: string): string[] {
  const components: string[] = []
  for (const component of path.split('/')) {
    if (component === '..') components.pop()
    else if (component !== '' && component !== '.') components.push(component)
  }
  return components
}

function invalidPath(why: string): ReturnType<typeof refuse> {
  return refuse(400, 'INVALID_PATH', `The path is not allowed: ${why}.`)
}
