/**
 * A catalog that misbehaves at a chosen call, over one that does not. `wrap` goes where the catalog would; what is planned
 * counts calls of one method, from 1 and from the wrapping on.
 */

import { type Failure, UploadError } from '../../src/engine/failure.ts'
import type { Catalog } from '../../src/engine/ports.ts'

export type CatalogMethod = keyof Catalog

/** A call on its way that waits for the test. */
export interface HeldCall {
  /** Resolves when the call has come. */
  readonly reached: Promise<void>
  /** Lets it go on to the catalog. */
  release(): void
}

type Call = () => Promise<unknown>

export class FaultyCatalog {
  readonly #plans = new Map<string, (call: Call) => Promise<unknown>>()
  readonly #calls = new Map<CatalogMethod, number>()

  readonly wrap = (catalog: Catalog): Catalog =>
    new Proxy(catalog, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property)
        if (typeof member !== 'function') return member
        const method = property as CatalogMethod
        return (...args: unknown[]) =>
          this.#run(method, async () => member.apply(target, args) as unknown)
      },
    })

  /** How often a method was called so far. */
  calls(method: CatalogMethod): number {
    return this.#calls.get(method) ?? 0
  }

  /** The call never reaches the catalog. */
  fail(method: CatalogMethod, call = 1, failure: Failure = { code: 'catalog_failed' }): void {
    this.#plan(method, call, async () => {
      throw new UploadError(failure, { cause: new Error('injected before the call') })
    })
  }

  /** The catalog does it, but the caller hears that it failed. */
  loseAnswer(method: CatalogMethod, call = 1): void {
    this.#plan(method, call, async proceed => {
      await proceed()
      const cause = new Error('injected after the call')
      throw new UploadError({ code: 'catalog_failed' }, { cause })
    })
  }

  /** The call waits before it reaches the catalog. */
  hold(method: CatalogMethod, call = 1): HeldCall {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.#plan(method, call, async proceed => {
      reached.resolve()
      await released.promise
      return proceed()
    })
    return { reached: reached.promise, release: () => released.resolve() }
  }

  /** The catalog does it at once, but the caller hears of it only when released. */
  holdAnswer(method: CatalogMethod, call = 1): HeldCall {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.#plan(method, call, async proceed => {
      const answer = await proceed()
      reached.resolve()
      await released.promise
      return answer
    })
    return { reached: reached.promise, release: () => released.resolve() }
  }

  #plan(method: CatalogMethod, call: number, run: (proceed: Call) => Promise<unknown>): void {
    this.#plans.set(`${method} ${call}`, run)
  }

  #run(method: CatalogMethod, proceed: Call): Promise<unknown> {
    const call = this.calls(method) + 1
    this.#calls.set(method, call)
    const plan = this.#plans.get(`${method} ${call}`)
    return plan === undefined ? proceed() : plan(proceed)
  }
}
