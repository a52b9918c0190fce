/** What the door itself finds wrong with a request, answered in one place (errors.ts) together with the engine's failures. */

/** An error as it goes out (gws.md §2, §6.3). */
export interface Answer {
  readonly status: number
  /** Clients only show it. */
  readonly info: string
  /** Beside `status` and `error`. */
  readonly extra?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly answer: Answer

  constructor(answer: Answer) {
    super(answer.info)
    this.answer = answer
  }
}

export function badRequest(info: string): Refusal {
  return new Refusal({ status: 400, info })
}

export function notFound(info: string): Refusal {
  return new Refusal({ status: 404, info })
}

export function conflict(info: string): Refusal {
  return new Refusal({ status: 409, info })
}
