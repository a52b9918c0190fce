/**
 * `matchGlob` (Objects: list): `*` and `?` stay within a `/`, `**` does not, `[a-z]`, `[!a]`, `{a,b}`, `\` before a character
 * that means itself. `**` with a slash behind it may be no folder at all: `a/ ** /b` (without the blanks) is also `a/b`.
 *
 * A pattern becomes a small machine that is in many states at once, so that no pattern takes more than its length times the
 * name's; backtracking over a client's stars could take for ever.
 */

import { type GlobNode, parseGlobNodes } from './glob-parser.ts'

export interface Glob {
  /** Every name that matches begins with it. */
  readonly prefix: string
  /** How many steps each character of a name may take. */
  readonly size: number
  matches(name: string): boolean
}

type Test = (character: string) => boolean

type State =
  /** Takes one character and goes on to the next state. */
  | { readonly kind: 'one'; readonly test: Test }
  /** Takes as many as there are, or none. */
  | { readonly kind: 'many'; readonly test: Test }
  /** Goes on at each of these, taking nothing. */
  | { readonly kind: 'fork'; readonly to: readonly number[] }

/** Refuses what is no pattern with 400. */
export function parseGlob(pattern: string): Glob {
  const nodes = parseGlobNodes(pattern)
  const machine = compile(nodes, 0)
  return {
    prefix: prefixOf(nodes),
    size: machine.length + 1,
    matches: name => runs(machine, name),
  }
}

/** Of a pattern without wildcards all but the end: what may stand for it in a listing is a prefix of its own. */
function prefixOf(nodes: readonly GlobNode[]): string {
  const end = nodes.findIndex(({ kind }) => kind !== 'text')
  const texts = nodes.slice(0, end < 0 ? nodes.length - 1 : end)
  return texts.map(node => (node.kind === 'text' ? node.character : '')).join('')
}

/** `at`: the number of its first state, by which forks name their targets. */
function compile(nodes: readonly GlobNode[], at: number): State[] {
  const states: State[] = []
  for (const node of nodes) states.push(...compileNode(node, at + states.length))
  return states
}

function compileNode(node: GlobNode, at: number): State[] {
  switch (node.kind) {
    case 'text':
      return [{ kind: 'one', test: character => character === node.character }]
    case 'class':
      return [{ kind: 'one', test: node.test }]
    case 'star':
      return [{ kind: 'many', test: isWithinSegment }]
    case 'deep star':
      return [{ kind: 'many', test: () => true }]
    case 'folders':
      return [
        { kind: 'fork', to: [at + 1, at + 3] },
        { kind: 'many', test: () => true },
        { kind: 'one', test: character => character === '/' },
      ]
    case 'either':
      return compileEither(node.branches, at)
  }
}

function compileEither(branches: readonly (readonly GlobNode[])[], at: number): State[] {
  const bodies: State[][] = []
  const starts: number[] = []
  let next = at + 1
  for (const branch of branches) {
    const body = compile(branch, next)
    bodies.push(body)
    starts.push(next)
    next += body.length + 1
  }
  // Behind each branch a fork to what follows them all.
  const exit: State = { kind: 'fork', to: [next] }
  return [{ kind: 'fork', to: starts }, ...bodies.flatMap(body => [...body, exit])]
}

function runs(machine: readonly State[], name: string): boolean {
  let current = new Set<number>()
  enter(machine, current, 0)
  for (const character of name) {
    const next = new Set<number>()
    for (const at of current) {
      const state = machine[at]
      if (state === undefined || state.kind === 'fork' || !state.test(character)) continue
      enter(machine, next, state.kind === 'many' ? at : at + 1)
    }
    if (next.size === 0) return false
    current = next
  }
  return current.has(machine.length)
}

/** With everything that can be reached from it without a character. */
function enter(machine: readonly State[], into: Set<number>, first: number): void {
  const pending = [first]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (into.has(at)) continue
    into.add(at)
    const state = machine[at]
    if (state?.kind === 'many') pending.push(at + 1)
    if (state?.kind === 'fork') pending.push(...state.to)
  }
}

function isWithinSegment(character: string): boolean {
  return character !== '/'
}
