/**
 * Who may write which segment now. A lease writes nothing: one process owns the data directory, so the epochs it gave out are
 * true as long as it lives, and after it no writer is alive that could hold one. The rows keep the epochs that wrote them.
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

  /** The session has ended. What it leaves behind is guarded by its state. */
  drop(key: string): void {
    this.#sessions.delete(key)
  }
}
