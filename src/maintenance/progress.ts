/**
 * What somebody who waits wants to know, on standard error: where it stands, every few seconds.
 */

const EVERY_MS = 5000

/** Says what it is told, but not more often than every five seconds, and not in the first. */
export function everyFewSeconds(): (text: () => string) => void {
  let last = performance.now()
  return text => {
    if (performance.now() - last < EVERY_MS) return
    last = performance.now()
    process.stderr.write(`${text()}\n`)
  }
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function inBytes(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10))
  const amount = bytes / 1024 ** unit
  return `${unit === 0 ? amount : amount.toFixed(1)} ${UNITS[unit]}`
}
