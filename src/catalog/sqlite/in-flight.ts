/**
 * Steps that were handed to the writer and are not answered yet, by what they touch. The writer answers in order: whoever
 * waits for the last step of a topic has waited for all of them.
 */

export class InFlight {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Answers the promise itself. */
  track<Value>(topic: string, step: Promise<Value>): Promise<Value> {
    this.#last.set(topic, step)
    const forget = () => {
      if (this.#last.get(topic) === step) this.#last.delete(topic)
    }
    step.then(forget, forget)
    return step
  }

  /** The topics of this beginning that have something under way. */
  topics(beginning: string): string[] {
    return [...this.#last.keys()].filter(topic => topic.startsWith(beginning))
  }

  /** Resolves when everything tracked so far has been answered, with whatever answer. */
  async settled(...topics: readonly string[]): Promise<void> {
    await Promise.allSettled(topics.map(topic => this.#last.get(topic)))
  }
}
