/** What the suites beyond tap find to hold or not, a line each; `.ci/run` counts them. One that does not hold fails the run. */
export function expect(what: string, holds: boolean, found?: unknown): void {
  console.log(`${holds ? 'ok' : 'not ok'} - ${what}`)
  if (holds) return
  console.log(found)
  process.exitCode = 1
}
