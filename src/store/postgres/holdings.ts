// What one node has to itself for as long as nobody else wants it. A row says whose it is, and is as good as that node's
// session; whoever has it looks at the clock alone.

import type { Holdings } from '../nodes.ts';
import type { Database } from './database.ts';
import { takeDuty } from './turns.ts';

/** This one, among the nodes. */
interface OwnNode {
  /** Another one when it begins anew. */
  readonly session: number;
  /** Whether nobody can have taken us for dead. */
  readonly isHeard: boolean;
}

const nameOf = (what: string): string => `held ${what}`;

export class PostgresHoldings implements Holdings {
  readonly #database: Database;
  readonly #node: OwnNode;
  /** In which session it was taken. */
  readonly #held = new Map<string, number>();

  constructor(database: Database, node: OwnNode) {
    this.#database = database;
    this.#node = node;
  }

  has(what: string): boolean {
    const { session, isHeard } = this.#node;
    return isHeard && this.#held.get(what) === session;
  }

  async hold(what: string): Promise<boolean> {
    if (this.has(what)) return true;
    const { session } = this.#node;
    const isOurs = await takeDuty(this.#database, nameOf(what), session);
    if (isOurs) this.#held.set(what, session);
    else this.#held.delete(what);
    return isOurs && this.has(what);
  }

  async letGo(what: string): Promise<void> {
    const session = this.#held.get(what);
    if (session === undefined) return;
    this.#held.delete(what);
    const sql = 'DELETE FROM duty WHERE name = $1 AND session = $2';
    await this.#database.run(sql, [nameOf(what), session]);
  }
}

/** What nodes had whose sessions are over. */
export async function sweepHoldings(database: Database): Promise<void> {
  await database.run(
    `DELETE FROM duty WHERE name LIKE '${nameOf('%')}'
       AND NOT EXISTS (SELECT FROM node WHERE node.session = duty.session)`,
  );
}
