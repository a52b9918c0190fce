/**
 * What strace wrote, as a list of system calls in the order in which they began. A call during which other threads made
 * theirs is written in two halves (`<unfinished ...>`, `<... resumed>`), so every call has two places in the log: where it
 * began and where it had returned. Only the second one proves anything about what had happened.
 */

export interface Call {
  readonly name: string
  /** All between the parentheses. */
  readonly args: string
  /** −1 for an error, and for a call that the process did not live to return from. */
  readonly result: number
  /** Line numbers, the trace's only clock. */
  readonly began: number
  readonly returned: number
}

/** `<pid> <time> ` before everything else. */
const LINE = /^(\d+)\s+[\d:.]+ (.*)$/
const WHOLE = /^(\w+)\((.*)\)\s+= (-?\d+|\?)/s
const FIRST_HALF = /^(\w+)\((.*?)\s*<unfinished \.\.\.>$/s
const SECOND_HALF = /^<\.\.\. (\w+) resumed>(.*)$/s

export function parseTrace(text: string): Call[] {
  const calls: Call[] = []
  /** By thread: what it began and has not returned from. */
  const halves = new Map<string, { readonly head: string; readonly began: number }>()
  for (const [line, content] of text.split('\n').entries()) {
    const [, pid = '', event = ''] = LINE.exec(content) ?? []
    const [, name, args] = FIRST_HALF.exec(event) ?? []
    if (name !== undefined) {
      halves.set(pid, { head: `${name}(${args}`, began: line })
      continue
    }
    const [, , rest] = SECOND_HALF.exec(event) ?? []
    const half = rest === undefined ? undefined : halves.get(pid)
    if (half !== undefined) halves.delete(pid)
    const call = wholeCall(half === undefined ? event : half.head + rest, half?.began ?? line, line)
    if (call !== undefined) calls.push(call)
  }
  return calls.sort((a, b) => a.began - b.began)
}

/** The path behind the first argument: `17</path>`. */
export function pathOf({ args }: Call): string {
  const [, path = ''] = /^\d+<([^>]*)>/.exec(args) ?? []
  return path
}

/** The peer's port, where the first argument is a TCP connection. */
export function peerPortOf({ args }: Call): number | undefined {
  const [, port] = /^\d+<TCP(?:v6)?:\[.*?->.*?:(\d+)\]>/.exec(args) ?? []
  return port === undefined ? undefined : Number(port)
}

function wholeCall(text: string, began: number, returned: number): Call | undefined {
  const [, name, args, result] = WHOLE.exec(text) ?? []
  if (name === undefined || args === undefined) return undefined
  return { name, args, result: result === '?' ? -1 : Number(result), began, returned }
}
