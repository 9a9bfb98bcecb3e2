// What accounts remember, for a time and within bounds: whom they answered, which messages they have
// seen. Written with settlements only, so that it is true of what was settled.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { rememberedMax } from '../../queue-store.ts';
import type { RememberedRow } from '../requests.ts';

export class MemoryTable {
  readonly #has: StatementSync;
  readonly #add: StatementSync;
  readonly #forgetOver: StatementSync;
  readonly #forgetMost: StatementSync;
  readonly #forgetAll: StatementSync;

  constructor(database: DatabaseSync) {
    const prepare = (sql: string) => database.prepare(sql);
    this.#has = prepare('SELECT 1 FROM remembered WHERE account = ? AND key = ? AND until > ?');
    this.#add = prepare(`
      INSERT INTO remembered (account, key, until) VALUES (?, ?, ?)
      ON CONFLICT (account, key) DO UPDATE SET until = excluded.until`);
    this.#forgetOver = prepare('DELETE FROM remembered WHERE account = ? AND until <= ?');
    this.#forgetMost = prepare(`
      DELETE FROM remembered WHERE account = ?1 AND key IN (
        SELECT key FROM remembered WHERE account = ?1 ORDER BY until DESC LIMIT -1 OFFSET ?2)`);
    this.#forgetAll = prepare('DELETE FROM remembered WHERE account = ?');
  }

  has(account: string, key: string, now: number): boolean {
    return this.#has.get(account, key, now) !== undefined;
  }

  add({ account, key, until }: RememberedRow, now: number): void {
    this.#forgetOver.run(account, now);
    this.#add.run(account, key, until);
    this.#forgetMost.run(account, rememberedMax);
  }

  /** Whoever has the address next remembers nothing. */
  remove(account: string): void {
    this.#forgetAll.run(account);
  }
}
