/**
 * What the door itself finds wrong with a request, before or instead of asking the engine: thrown by its parsers, answered
 * in one place (errors.ts) together with the engine's failures.
 */

/** An error as it goes out. */
export type Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
} & (
  | {
      /** The envelope of gcs.md §15. */
      readonly kind: 'json'
      readonly reason: string
      readonly message: string
      /** A second text, for clients that look for other words. */
      readonly debugInfo?: string
      /** The parameter or header to blame. */
      readonly location?: { readonly type: 'parameter' | 'header'; readonly name: string }
    }
  /** The upload front end's own errors, gcs.md §6.5: clients match on the exact text. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'empty' }
)

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly answer: Answer

  constructor(answer: Answer) {
    super(answer.kind === 'json' ? answer.message : String(answer.status))
    this.answer = answer
  }
}

export function invalid(message: string, location?: Location): Refusal {
  return new Refusal(json(400, 'invalid', message, location))
}

export function required(parameter: string): Refusal {
  const location = { type: 'parameter', name: parameter } as const
  return new Refusal(json(400, 'required', `Required parameter: ${parameter}`, location))
}

export function parseError(message: string): Refusal {
  return new Refusal(json(400, 'parseError', message))
}

export function notImplemented(what: string): Refusal {
  return new Refusal(json(501, 'notImplemented', `Not implemented: ${what}`))
}

export function methodNotAllowed(allow: string): Refusal {
  return new Refusal({
    ...json(405, 'methodNotAllowed', 'The specified method is not allowed against this resource.'),
    headers: { allow },
  })
}

export function lengthRequired(): Refusal {
  return new Refusal(
    json(411, 'lengthRequired', 'You must provide the Content-Length HTTP header.'),
  )
}

type Location = { readonly type: 'parameter' | 'header'; readonly name: string }

export function json(
  status: number,
  reason: string,
  message: string,
  location?: Location,
): Extract<Answer, { kind: 'json' }> {
  return { status, kind: 'json', reason, message, ...(location && { location }) }
}

export function text(status: number, body: string): Answer {
  return { status, kind: 'text', text: body }
}

/** The client stopped sending, or is gone: nothing more can be expected on this connection. */
export function brokenBody(): Answer {
  return {
    ...json(408, 'uploadBrokenConnection', 'The request timed out'),
    headers: { connection: 'close' },
  }
}

/** A body that does not hold to its own form (gcs.md §5.1, §10.4). */
export function badRequest(message: string): Refusal {
  return new Refusal(json(400, 'badRequest', message))
}

/** Not now; clients come back. */
export function backendError(retryAfterSeconds?: number): Answer {
  const answer = json(503, 'backendError', 'Backend error. Try again.')
  if (retryAfterSeconds === undefined) return answer
  return { ...answer, headers: { 'retry-after': String(retryAfterSeconds) } }
}
