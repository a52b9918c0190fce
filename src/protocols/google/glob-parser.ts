/**
 * A glob's text, taken apart (glob.ts).
 */

import { invalid } from './refusal.ts'

export type GlobNode =
  | { readonly kind: 'text'; readonly character: string }
  | { readonly kind: 'class'; readonly test: (character: string) => boolean }
  | { readonly kind: 'star' }
  | { readonly kind: 'deep star' }
  /** `**` and the slash behind it, at the beginning of a segment. */
  | { readonly kind: 'folders' }
  | { readonly kind: 'either'; readonly branches: readonly (readonly GlobNode[])[] }

const LENGTH = 1024
/** Braces within braces. */
const DEPTH = 10

export function parseGlobNodes(pattern: string): readonly GlobNode[] {
  if (pattern.length > LENGTH) throw malformed(`may have at most ${LENGTH} characters`)
  const characters = Array.from(pattern)
  const nodes = parseSequence(characters, 0, true)
  if (characters.length > 0) throw malformed('has a brace too many')
  return nodes
}

/** Takes from the front what does not belong to the braces around it: they take their own commas and ends. */
function parseSequence(characters: string[], depth: number, isFirst: boolean): readonly GlobNode[] {
  const nodes: GlobNode[] = []
  let isSegmentStart = isFirst
  while (characters.length > 0) {
    const [first] = characters
    if (depth > 0 && (first === ',' || first === '}')) break
    const node = parseNode(characters, depth, isSegmentStart)
    isSegmentStart = node.kind === 'folders' || (node.kind === 'text' && node.character === '/')
    nodes.push(node)
  }
  return nodes
}

function parseNode(characters: string[], depth: number, isSegmentStart: boolean): GlobNode {
  const character = characters.shift() ?? ''
  switch (character) {
    case '*':
      return parseStar(characters, isSegmentStart)
    case '?':
      return { kind: 'class', test: one => one !== '/' }
    case '[':
      return parseClass(characters)
    case '{':
      return parseBraces(characters, depth + 1, isSegmentStart)
    case '\\':
      return { kind: 'text', character: escaped(characters) }
    default:
      return { kind: 'text', character }
  }
}

function parseStar(characters: string[], isSegmentStart: boolean): GlobNode {
  if (characters[0] !== '*') return { kind: 'star' }
  while (characters[0] === '*') characters.shift()
  if (!isSegmentStart || characters[0] !== '/') return { kind: 'deep star' }
  characters.shift()
  return { kind: 'folders' }
}

/** `[abc]`, `[a-z]`, `[!abc]`, `[^abc]`; none of them is a slash. */
function parseClass(characters: string[]): GlobNode {
  const isNegated = characters[0] === '!' || characters[0] === '^'
  if (isNegated) characters.shift()
  const ranges: [number, number][] = []
  for (;;) {
    const from = taken(characters)
    if (from === ']' && ranges.length > 0) break
    const start = codeOf(from === '\\' ? escaped(characters) : from)
    let end = start
    if (characters[0] === '-' && characters[1] !== ']' && characters.length > 1) {
      characters.shift()
      const to = taken(characters)
      end = codeOf(to === '\\' ? escaped(characters) : to)
    }
    if (end < start) throw malformed('has a range from a greater to a smaller character')
    ranges.push([start, end])
  }
  const isListed = (code: number) => ranges.some(([start, end]) => code >= start && code <= end)
  return { kind: 'class', test: one => one !== '/' && isListed(codeOf(one)) !== isNegated }
}

function parseBraces(characters: string[], depth: number, isSegmentStart: boolean): GlobNode {
  if (depth > DEPTH) throw malformed('has too many braces within braces')
  const branches: (readonly GlobNode[])[] = []
  for (;;) {
    branches.push(parseSequence(characters, depth, isSegmentStart))
    const end = characters.shift()
    if (end === '}') return { kind: 'either', branches }
    if (end === undefined) throw malformed('has a brace without its end')
  }
}

function escaped(characters: string[]): string {
  const character = characters.shift()
  if (character === undefined) throw malformed('ends with a backslash')
  return character
}

function taken(characters: string[]): string {
  const character = characters.shift()
  if (character === undefined) throw malformed('has a bracket without its end')
  return character
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

function malformed(what: string) {
  return invalid(`Invalid argument: the glob ${what}.`, { type: 'parameter', name: 'matchGlob' })
}
