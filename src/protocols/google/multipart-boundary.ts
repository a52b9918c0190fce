/**
 * What separates the parts of a multipart body, as its Content-Type says (gcs.md §5.1): a token, a string in double quotes,
 * or, from apitools, a string in single quotes. Those are legal characters of a token, too, so there both readings are
 * answered and the body shows which one was meant.
 */

/** RFC 2046 §5.1.1 allows 70. */
const LONGEST = 256

const PARAMETER = /;\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)/g

/** The boundaries that the body may use; undefined where the type is not multipart/* or names none. */
export function boundariesOf(contentType: string | undefined): readonly string[] | undefined {
  if (contentType === undefined || !/^\s*multipart\/[^\s;]+\s*;/i.test(contentType)) {
    return undefined
  }
  for (const [, name = '', value = ''] of contentType.matchAll(PARAMETER)) {
    if (name.toLowerCase() !== 'boundary') continue
    const readings = readingsOf(value.trim())
    return readings.every(reading => reading !== '' && reading.length <= LONGEST)
      ? readings
      : undefined
  }
  return undefined
}

function readingsOf(value: string): readonly string[] {
  const [, quoted] = /^"(.*)"$/.exec(value) ?? []
  if (quoted !== undefined) return [quoted.replaceAll(/\\(.)/g, '$1')]
  const [, bare] = /^'(.+)'$/.exec(value) ?? []
  return bare === undefined ? [value] : [bare, value]
}
