/**
 * Names of stored files: paths below a directory that does not exist here. They become names of objects, which are data and
 * never a path on the disk; what the reference refuses as leading out of its directory is refused all the same, because
 * clients and tests rely on it (DXL-14), and what it takes for the same file is the same object.
 */

import { checkObjectName } from '../../engine/names.ts'
import { refused } from './refusal.ts'

/** The reference keeps what is on its way there. */
const RESERVED = '.workdir'
/** In bytes: what file systems allow. */
const LONGEST_COMPONENT = 255

/** The object's name. Refuses 400, and what no object can be called (`object_name_invalid`). */
export function parseFileName(path: string): string {
  if (/[\\\0]/.test(path)) throw refused(400, `invalid file name: no backslash and no NUL`)
  const kept: string[] = []
  for (const component of path.split('/')) {
    if (component === '') throw refused(400, 'invalid file name: an empty component')
    if (component === '.') continue
    if (component === '..') {
      if (kept.pop() === undefined) throw refused(400, 'invalid file name: it leads outside')
      continue
    }
    if (Buffer.byteLength(component) > LONGEST_COMPONENT) {
      throw refused(400, `invalid file name: a component over ${LONGEST_COMPONENT} bytes`)
    }
    kept.push(component)
  }
  if (kept.length === 0) throw refused(400, 'invalid file name: a directory')
  if (kept[0] === RESERVED) throw refused(400, `invalid file name: ${RESERVED} is reserved`)
  const name = kept.join('/')
  checkObjectName(name)
  return name
}
