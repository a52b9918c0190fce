/** What concerns the same thing takes turns, in the order in which it came; all else goes side by side. */

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` once everything before it under this id is over, however it ended. */
  async take<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(id)
    const running = before === undefined ? work() : before.then(work)
    const over = running.catch(() => undefined)
    this.#last.set(id, over)
    try {
      return await running
    } finally {
      if (this.#last.get(id) === over) this.#last.delete(id)
    }
  }
}
