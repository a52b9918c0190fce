/**
 * A prepared statement with the type of its rows beside its SQL. node:sqlite cannot know that type; this is the one place
 * that takes our word for it.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

export type Values = Record<string, SQLInputValue>

export class Query<Row> {
  readonly #statement: StatementSync

  constructor(database: DatabaseSync, sql: string) {
    this.#statement = database.prepare(sql)
  }

  first(values: Values = {}): Row | undefined {
    return this.#statement.get(values) as Row | undefined
  }

  all(values: Values = {}): Row[] {
    return this.#statement.all(values) as Row[]
  }

  /** Rows one at a time. The caller reads to the end or breaks off before the next statement. */
  each(values: Values = {}): IterableIterator<Row> {
    return this.#statement.iterate(values) as IterableIterator<unknown> as IterableIterator<Row>
  }

  /** Answers how many rows changed. */
  run(values: Values = {}): number {
    return Number(this.#statement.run(values).changes)
  }
}
