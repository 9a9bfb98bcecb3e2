// What one node does at a time. A node has its turn for as long as its session is that of a node; once another has
// begun, nothing that the first one still wants to write in that turn is written.

import type { Duty, InTurn, Turn } from '../nodes.ts';
import { TurnLostError } from '../nodes.ts';
import type { Database, Queries } from './database.ts';

export class Turns {
  readonly #database: Database;
  readonly #session: () => number;
  readonly #under = new Set<Duty>();

  /** `session`: of this process, among the nodes. */
  constructor(database: Database, session: () => number) {
    this.#database = database;
    this.#session = session;
  }

  readonly inTurn: InTurn = async (duty, work) => {
    if (this.#under.has(duty)) return undefined;
    this.#under.add(duty);
    try {
      const turn = await this.#take(duty);
      if (turn === undefined) return undefined;
      try {
        return await work(turn);
      } finally {
        // What is not given back is free when our session is over; until then it is ours to take again.
        await this.#giveBack(turn).catch(() => {});
      }
    } finally {
      this.#under.delete(duty);
    }
  };

  /** Only nodes take turns; of those that others took for dead none has one. */
  async #take(duty: Duty): Promise<Turn | undefined> {
    const session = this.#session();
    if (!(await takeDuty(this.#database, duty, session))) return undefined;
    const turn = { duty, session, confirm: () => assertHeld(this.#database, turn) };
    return turn;
  }

  async #giveBack({ duty, session }: Turn): Promise<void> {
    const sql = 'UPDATE duty SET session = NULL WHERE name = $1 AND session = $2';
    await this.#database.run(sql, [duty, session]);
  }
}

/** False when it is a node's that is there. */
export async function takeDuty(queries: Queries, name: string, session: number): Promise<boolean> {
  const taken = await queries.run(
    `INSERT INTO duty (name, session) SELECT $1, $2
     WHERE EXISTS (SELECT FROM node WHERE session = $2)
     ON CONFLICT (name) DO UPDATE SET session = excluded.session
     WHERE duty.session IS NULL OR duty.session = excluded.session
       OR NOT EXISTS (SELECT FROM node WHERE node.session = duty.session)`,
    [name, session],
  );
  return taken > 0;
}

/** In a transaction: it is held until that one ends. @throws TurnLostError */
export async function assertHeld(queries: Queries, { duty, session }: Turn): Promise<void> {
  const sql = 'SELECT FROM duty WHERE name = $1 AND session = $2 FOR SHARE';
  const rows = await queries.rows(sql, [duty, session]);
  if (rows.length === 0) throw new TurnLostError(duty);
}
