// Which processes share the queue, and which of them are alive. A node says so every few seconds, by the
// database's clock; one that has not for too long has lost what it claimed, and others go on with it. It finds
// that out itself when it comes back, and begins anew.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { version } from '../../base/version.ts';
import type { InTurn, NodeFacts, NodeState, Nodes } from '../nodes.ts';
import { nodesMax } from '../nodes.ts';
import { StoreOpenError } from '../open-error.ts';
import type { Row } from '../row.ts';
import { integer, integerOrNull, text } from '../row.ts';
import type { Database, Queries, Transaction } from './database.ts';
import { Turns } from './turns.ts';

export interface PostgresNodesParts {
  readonly database: Database;
  /** A connection of its own: a node whose connections all wait for something is alive. */
  readonly beats: Queries;
  readonly clock: Clock;
  readonly log: Log;
  /** What this node is called. */
  readonly name: string;
  /** After so long without a word a node is taken for dead, in milliseconds. */
  readonly timeoutMs: number;
  /** What a session had claimed is due; returns how many recipients. */
  readonly giveBack: (queries: Queries, session: number) => Promise<number>;
  /** So is what was claimed in the name of sessions that were over by then. */
  readonly giveBackOrphans: () => Promise<void>;
  /** Nobody could be sure of us, and now the database has heard us again. */
  readonly onHeard: () => void;
  /** Another process goes on under our name, or an operator removed us: this one has to end. */
  readonly onReplaced: (error: Error) => void;
}

/** A node speaks so often within the time after which it is taken for dead. */
export const beatsPerTimeout = 4;

export class PostgresNodes implements Nodes {
  readonly inTurn: InTurn;
  readonly #parts: PostgresNodesParts;
  #number = 0;
  #session = 0;
  #onDrained: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  #isBurying = false;
  /**
   * When we last said what the database heard, by the monotonic clock; others are judged only by who was heard
   * himself.
   */
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(parts: PostgresNodesParts) {
    this.#parts = parts;
    this.inTurn = new Turns(parts.database, () => this.#session).inTurn;
  }

  get number(): number {
    return this.#number;
  }

  get session(): number {
    return this.#session;
  }

  /** Whether nobody can have taken us for dead: not for so long after what the database has heard. */
  get isHeard(): boolean {
    return this.#parts.clock.now() - this.#heardAt < this.#parts.timeoutMs;
  }

  whenDrained(listener: () => void): void {
    this.#onDrained = listener;
  }

  /** Takes our place among the nodes. What the process before us had claimed is due again. */
  async join(): Promise<void> {
    const given = await this.#joinNow();
    if (given > 0) this.#parts.log.info('store-recovered', { recipients: given });
    this.#beatLater();
  }

  /** For a command: it claims in a name of its own, below 0, and is on no list. */
  async visit(): Promise<void> {
    const [row] = await this.#parts.database.rows(`SELECT -nextval('node_session') AS session`);
    this.#session = integer(row?.session);
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
    return this.#parts.database.transaction(async (transaction) => {
      const [row] = await transaction.rows('DELETE FROM node WHERE name = $1 RETURNING session', [
        name,
      ]);
      if (row === undefined) return false;
      const session = integerOrNull(row.session);
      if (session !== null) await this.#parts.giveBack(transaction, session);
      return true;
    });
  }

  /** Leaves in order: nothing of ours is claimed any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    if (this.#number === 0) return;
    await this.#parts.database
      .transaction(async (transaction) => {
        const left = await transaction.run('UPDATE node SET session = NULL WHERE session = $1', [
          this.#session,
        ]);
        if (left > 0) await this.#parts.giveBack(transaction, this.#session);
      })
      .catch(() => {}); // the others notice
  }

  async #join(transaction: Transaction): Promise<number> {
    const { name, giveBack } = this.#parts;
    await transaction.run('LOCK TABLE node IN SHARE ROW EXCLUSIVE MODE');
    const [known] = await transaction.rows('SELECT number, session FROM node WHERE name = $1', [
      name,
    ]);
    const number = known === undefined ? await freeNumber(transaction) : integer(known.number);
    const before = integerOrNull(known?.session ?? null);
    const [row] = await transaction.rows(
      `INSERT INTO node (number, name, session, version, started, seen)
       VALUES ($1, $2, nextval('node_session'), $3, clock_timestamp(), clock_timestamp())
       ON CONFLICT (number) DO UPDATE SET session = excluded.session, draining = false,
         version = excluded.version, started = excluded.started, seen = excluded.seen
       RETURNING session`,
      [number, name, version],
    );
    this.#number = number;
    this.#session = integer(row?.session);
    return before === null ? 0 : giveBack(transaction, before);
  }

  #beatLater(): void {
    if (this.#isStopped) return;
    const { clock, timeoutMs } = this.#parts;
    this.#cancel = clock.after(timeoutMs / beatsPerTimeout, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    const { beats, clock, timeoutMs } = this.#parts;
    const saidAt = clock.now();
    const wasHeard = saidAt - this.#heardAt < timeoutMs / 2;
    try {
      const [row] = await beats.rows(
        'UPDATE node SET seen = clock_timestamp() WHERE session = $1 RETURNING draining',
        [this.#session],
      );
      if (this.#isStopped) return;
      if (row === undefined) await this.#comeBack();
      else if (row.draining === true) this.#drained();
      if (row !== undefined) this.#heard(saidAt);
      // When the database was away for everybody, everybody has been silent.
      if (wasHeard) void this.#bury();
    } catch {
      // The database is away, which is told where that matters.
    }
    this.#beatLater();
  }

  #heard(saidAt: number): void {
    const { isHeard } = this;
    this.#heardAt = saidAt;
    if (!isHeard && this.isHeard) this.#parts.onHeard();
  }

  async #joinNow(): Promise<number> {
    const saidAt = this.#parts.clock.now();
    const given = await this.#parts.database.transaction((transaction) => this.#join(transaction));
    this.#heard(saidAt);
    return given;
  }

  #drained(): void {
    const listener = this.#onDrained;
    this.#onDrained = undefined;
    listener?.();
  }

  /** Others took us for dead: what we had claimed is theirs. */
  async #comeBack(): Promise<void> {
    const { database, name, log, onReplaced } = this.#parts;
    const [row] = await database.rows('SELECT session FROM node WHERE name = $1', [name]);
    if (row === undefined || row.session !== null) {
      this.#isStopped = true;
      const why = row === undefined ? 'was removed' : 'is another process now';
      onReplaced(new Error(`node ${name} ${why}: this one ends`));
      return;
    }
    await this.#joinNow();
    log.warn('node was taken for dead', {});
  }

  /** Our own beats do not wait for it. */
  async #bury(): Promise<void> {
    if (this.#isBurying) return;
    this.#isBurying = true;
    try {
      await this.#buryDead();
      await this.#parts.giveBackOrphans();
    } catch {
      // As above: the next beat tries again, and so do others.
    }
    this.#isBurying = false;
  }

  #buryDead(): Promise<void> {
    const { database, timeoutMs, giveBack, log } = this.#parts;
    return database.transaction(async (transaction) => {
      const dead = await transaction.rows(
        `SELECT name, session FROM node
         WHERE session IS NOT NULL AND seen < clock_timestamp() - $1 * interval '1 millisecond'
         FOR UPDATE SKIP LOCKED`,
        [timeoutMs],
      );
      for (const { name, session } of dead) {
        await transaction.run('UPDATE node SET session = NULL WHERE name = $1', [text(name)]);
        const recipients = await giveBack(transaction, integer(session));
        transaction.onCommit(() => log.warn('node is dead', { node: text(name), recipients }));
      }
    });
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
