/**
 * Who may write which segment now. A lease writes nothing: one process owns the data directory, so the epochs it gave out are
 * true as long as it lives, and after it no writer is alive that could hold one. The rows keep the epochs that wrote them, so
 * what is remembered here is only what was given out and has not written yet.
 */

export class Epochs {
  readonly #sessions = new Map<string, Map<number, number>>()

  /** 0 where none was given out since the start. */
  current(key: string, segment: number): number {
    return this.#sessions.get(key)?.get(segment) ?? 0
  }

  /** A new epoch, above every earlier one; `written` is the one in the segment's row. */
  raise(key: string, segment: number, written: number): number {
    const epoch = Math.max(this.current(key, segment), written) + 1
    let segments = this.#sessions.get(key)
    if (segments === undefined) {
      segments = new Map()
      this.#sessions.set(key, segments)
    }
    segments.set(segment, epoch)
    return epoch
  }

  /** The segment's row has this epoch now, and turns older ones away itself. */
  written(key: string, segment: number, epoch: number): void {
    const segments = this.#sessions.get(key)
    if (segments?.get(segment) === epoch) segments.delete(segment)
    if (segments?.size === 0) this.#sessions.delete(key)
  }

  /** The session has ended. What it leaves behind is guarded by its state. */
  drop(key: string): void {
    this.#sessions.delete(key)
  }
}
