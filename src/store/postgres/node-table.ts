// The rows of nodes in the database: what each says of itself, and what others say of those that are silent. See nodes.ts
// for who says what when.

import { version } from '../../base/version.ts';
import type { NodeFacts, NodeState } from '../nodes.ts';
import { nodesMax } from '../nodes.ts';
import { StoreOpenError } from '../open-error.ts';
import type { Row } from '../row.ts';
import { integer, integerOrNull, text, textOrNull } from '../row.ts';
import type { OtherNode } from '../shares.ts';
import type { Database, Queries, Transaction } from './database.ts';
import { newestVersion, tooNew } from './migrations.ts';
import type { SaidOfShares } from './node-shares.ts';
import type { Joined, NodeStanding, NodeTable } from './nodes.ts';

export interface PostgresNodeTableParts {
  readonly database: Database;
  /** A connection of its own: a node whose connections all wait for something is alive. */
  readonly beats: Queries;
  /** After so long without a word a node is taken for dead, in milliseconds. */
  readonly timeoutMs: number;
  /** What a session had claimed is due; returns how many recipients. */
  readonly giveBack: (queries: Queries, session: number) => Promise<number>;
  /** That is committed: everybody may look. Whoever looked before that saw nothing of it. */
  readonly onGivenBack: () => void;
}

export class PostgresNodeTable implements NodeTable {
  readonly #parts: PostgresNodeTableParts;
  readonly #tables = newestVersion();

  constructor(parts: PostgresNodeTableParts) {
    this.#parts = parts;
  }

  join(name: string): Promise<Joined> {
    return this.#giving(async (transaction, giveBack) => {
      await transaction.run('LOCK TABLE node IN SHARE ROW EXCLUSIVE MODE');
      const sql = 'SELECT number, session FROM node WHERE name = $1';
      const [known] = await transaction.rows(sql, [name]);
      const number = known === undefined ? await freeNumber(transaction) : integer(known.number);
      const before = integerOrNull(known?.session ?? null);
      const [row] = await transaction.rows(
        `INSERT INTO node (number, name, session, version, started, seen, members)
         VALUES ($1, $2, nextval('node_session'), $3, clock_timestamp(), clock_timestamp(), '')
         ON CONFLICT (number) DO UPDATE SET session = excluded.session, draining = false,
           version = excluded.version, started = excluded.started, seen = excluded.seen,
           members = excluded.members, exceeding = '[]'
         RETURNING session`,
        [number, name, version],
      );
      const given = before === null ? 0 : await giveBack(before);
      return { number, session: integer(row?.session), given };
    });
  }

  /** Below 0: of no node. */
  async visit(): Promise<number> {
    const sql = `SELECT -nextval('node_session') AS session`;
    const [row] = await this.#parts.database.rows(sql);
    return integer(row?.session);
  }

  /** @throws StoreOpenError when tables were changed that this version would misread */
  async beat(session: number, said: SaidOfShares): Promise<'heard' | 'draining' | 'gone'> {
    const [row] = await this.#parts.beats.rows(
      `UPDATE node SET seen = clock_timestamp(), members = $2, exceeding = $3
       FROM schema_version tables
       WHERE session = $1 RETURNING draining, tables.version AS tables, oldest`,
      [session, said.members, JSON.stringify(said.exceeding)],
    );
    if (row === undefined) return 'gone';
    if (integer(row.oldest) > this.#tables) throw tooNew(integer(row.tables));
    return row.draining === true ? 'draining' : 'heard';
  }

  /** Who joins owes no beat yet, which this could hold up, and waits as long as for everything else at a start. */
  async others(session: number, isJoining = false): Promise<readonly OtherNode[]> {
    const { beats, database } = this.#parts;
    const sql =
      'SELECT session, members, exceeding FROM node WHERE session IS NOT NULL AND session <> $1';
    return (await (isJoining ? database : beats).rows(sql, [session])).map(otherOf);
  }

  async standing(name: string): Promise<NodeStanding> {
    const sql = 'SELECT session FROM node WHERE name = $1';
    const [row] = await this.#parts.database.rows(sql, [name]);
    if (row === undefined) return 'removed';
    return row.session === null ? 'free' : 'taken';
  }

  bury(): Promise<readonly { readonly node: string; readonly recipients: number }[]> {
    const { timeoutMs } = this.#parts;
    return this.#giving(async (transaction, giveBack) => {
      const dead = await transaction.rows(
        `SELECT name, session FROM node
         WHERE session IS NOT NULL AND seen < clock_timestamp() - $1 * interval '1 millisecond'
         FOR UPDATE SKIP LOCKED`,
        [timeoutMs],
      );
      const buried: { node: string; recipients: number }[] = [];
      for (const { name, session } of dead) {
        await transaction.run('UPDATE node SET session = NULL WHERE name = $1', [text(name)]);
        const recipients = await giveBack(integer(session));
        buried.push({ node: text(name), recipients });
      }
      return buried;
    });
  }

  async leave(session: number): Promise<void> {
    await this.#giving(async (transaction, giveBack) => {
      const sql = 'UPDATE node SET session = NULL WHERE session = $1';
      if ((await transaction.run(sql, [session])) > 0) await giveBack(session);
    });
  }

  async list(): Promise<readonly NodeFacts[]> {
    const rows = await this.#parts.database.rows(
      `SELECT n.*, extract(epoch FROM n.started) * 1000 AS began,
         extract(epoch FROM n.seen) * 1000 AS heard,
         coalesce(n.seen < clock_timestamp() - $1 * interval '1 millisecond', true) AS late,
         (SELECT count(*) FROM recipient r WHERE r.owner = n.session) AS leased
       FROM node n ORDER BY number`,
      [this.#parts.timeoutMs],
    );
    return rows.map(factsOf);
  }

  /** A process that begins under that name begins without. */
  async drain(name: string): Promise<boolean> {
    const sql = 'UPDATE node SET draining = true WHERE name = $1';
    return (await this.#parts.database.run(sql, [name])) > 0;
  }

  /** What it had claimed goes to the others; a process that still runs under that name ends. */
  remove(name: string): Promise<boolean> {
    return this.#giving(async (transaction, giveBack) => {
      const [row] = await transaction.rows('DELETE FROM node WHERE name = $1 RETURNING session', [
        name,
      ]);
      if (row === undefined) return false;
      const session = integerOrNull(row.session);
      if (session !== null) await giveBack(session);
      return true;
    });
  }

  async #giving<T>(
    work: (transaction: Transaction, giveBack: (session: number) => Promise<number>) => Promise<T>,
  ): Promise<T> {
    const { database, giveBack, onGivenBack } = this.#parts;
    let recipients = 0;
    const result = await database.transaction((transaction) => {
      recipients = 0;
      return work(transaction, async (session) => {
        const given = await giveBack(transaction, session);
        recipients += given;
        return given;
      });
    });
    if (recipients > 0) onGivenBack();
    return result;
  }
}

const otherOf = ({ session, members, exceeding }: Row): OtherNode => ({
  session: integer(session),
  members: textOrNull(members) ?? undefined,
  exceeding: namesIn(text(exceeding)),
});

function namesIn(said: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(said);
    return Array.isArray(names) ? names.map(String) : [];
  } catch {
    return [];
  }
}

async function freeNumber(transaction: Transaction): Promise<number> {
  const [row] = await transaction.rows(
    `SELECT min(n) AS number FROM generate_series(1, ${nodesMax - 1}) AS n
     WHERE n NOT IN (SELECT number FROM node)`,
  );
  const number = integerOrNull(row?.number ?? null);
  if (number !== null) return number;
  throw new StoreOpenError(
    'in-use',
    `the database has ${nodesMax - 1} nodes: remove those that are gone with \`postrider node remove\``,
  );
}

function factsOf(row: Row): NodeFacts {
  const state: NodeState =
    row.session === null || row.late === true
      ? 'gone'
      : row.draining === true
        ? 'draining'
        : 'active';
  return {
    number: integer(row.number),
    name: text(row.name),
    state,
    version: text(row.version),
    started: row.began === null ? undefined : Math.floor(Number(row.began)),
    seen: row.heard === null ? undefined : Math.floor(Number(row.heard)),
    leased: integer(row.leased),
  };
}
