/**
 * What a finished upload is called (gws.md §6.4). A file's name is what a client says, any text at all; of an object's name it is
 * only the last part, and only if that is a name.
 */

import { publicName } from './upload-uid.ts'

/** As much as a file system takes, in bytes of UTF-8. */
const LONGEST = 255

/** Behind the last slash or backslash; undefined where that is no name. */
function baseName(fileName: string): string | undefined {
  const [base = ''] = fileName.split(/[/\\]/).slice(-1)
  const isName = base !== '' && base !== '.' && base !== '..' && !/\p{Cc}/u.test(base)
  return isName ? shortened(base.toWellFormed()) : undefined
}

/** What the file is called where it is kept, and where it is downloaded to. */
export function safeName(fileName: string, uid: string): string {
  return baseName(fileName) ?? publicName(uid)
}

/** Two uploads never meet, whatever their files are called. */
export function objectName(folder: string, uid: string, fileName: string): string {
  return `${folder}${publicName(uid)}/${safeName(fileName, uid)}`
}

/** RFC 6266: an ASCII name for old clients, and the real one (RFC 5987). */
export function contentDisposition(name: string): string {
  const ascii = name.replaceAll(/[^ -~]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replaceAll(/['()*]/g, character => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  })
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

/** Cut between two characters. */
function shortened(name: string): string {
  let bytes = 0
  let end = 0
  for (const character of name) {
    bytes += Buffer.byteLength(character)
    if (bytes > LONGEST) return name.slice(0, end)
    end += character.length
  }
  return name
}
