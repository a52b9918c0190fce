/**
 * The engine as doors call it, with an ear at its entrance: how requests to upload go, as their clients see it. What happens
 * within (bytes, take-overs, ends, sweeps) is told where it happens.
 */

import { Engine } from './engine.ts'
import { UploadError } from './failure.ts'

export class ObservedEngine extends Engine {
  override create(...args: Parameters<Engine['create']>): ReturnType<Engine['create']> {
    return this.#watch(super.create(...args))
  }

  override append(...args: Parameters<Engine['append']>): ReturnType<Engine['append']> {
    const [{ door }] = args
    const begin = performance.now()
    return this.#watch(super.append(...args), () => {
      this.observer.chunkTaken(door, performance.now() - begin)
    })
  }

  override find(...args: Parameters<Engine['find']>): ReturnType<Engine['find']> {
    return this.#watch(super.find(...args))
  }

  override status(...args: Parameters<Engine['status']>): ReturnType<Engine['status']> {
    return this.#watch(super.status(...args))
  }

  override finalize(...args: Parameters<Engine['finalize']>): ReturnType<Engine['finalize']> {
    return this.#watch(super.finalize(...args))
  }

  override cancel(...args: Parameters<Engine['cancel']>): ReturnType<Engine['cancel']> {
    return this.#watch(super.cancel(...args))
  }

  override put(...args: Parameters<Engine['put']>): ReturnType<Engine['put']> {
    const [{ door }] = args
    const begin = performance.now()
    return this.#watch(super.put(...args), () => {
      this.observer.chunkTaken(door, performance.now() - begin)
    })
  }

  async #watch<Result>(work: Promise<Result>, onDone = () => {}): Promise<Result> {
    try {
      const result = await work
      onDone()
      return result
    } catch (error) {
      if (error instanceof UploadError) this.observer.refused(error.failure.code)
      throw error
    }
  }
}
