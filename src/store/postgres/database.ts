// The connections to PostgreSQL: asked, lost and made again. Everything that goes through here ends within
// its time, whatever the database or the network do; what fails because the database is away is a
// StorageError, so that clients hear 451 and the queue waits. Nothing prepared, no state of a session: a
// pooler that hands connections around between transactions may stand in front. Of several hosts the one is used that
// may be written to.

import pg from 'pg';
import { messageOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { Row } from '../row.ts';
import { codeOf, isPassing, isRepeatable, sqlState, storageErrorOf } from './database-errors.ts';
import { Hosts } from './hosts.ts';

/** Whatever a value of a statement may be: octets, numbers, texts, or lists of them. */
export type Value = string | number | boolean | Uint8Array | null | readonly Value[];

/** Where statements are run: in a transaction of their own each, or in one that somebody holds. */
export interface Queries {
  rows(sql: string, values?: readonly Value[]): Promise<readonly Row[]>;
  /** How many rows were written. */
  run(sql: string, values?: readonly Value[]): Promise<number>;
}

/** Several statements that happen together, or not at all. */
export interface Transaction extends Queries {
  /** Afterwards, when it has been committed. */
  onCommit(action: () => void): void;
}

export interface DatabaseOptions {
  /** `postgres://user:password@host/database`, as libpq reads it. */
  readonly url: string | Hosts;
  readonly log: Log;
  /** What the database's own lists of connections call us. */
  readonly name?: string;
  readonly connectionsMax?: number;
  /** After so long an answer does not come any more, in milliseconds. */
  readonly patienceMs?: number;
  /**
   * Between us and the database connections are handed around: they take no settings of ours. The limits of
   * statements are then those of the role, and our own patience.
   */
  readonly isPooled?: boolean;
}

// Limit: connections of one node. A transaction has one for some milliseconds.
export const connectionsMaxDefault = 12;
// Limits. No statement of ours takes a second; who waits longer for a lock waits for somebody who hangs.
const statementMs = 30_000;
const lockMs = 10_000;
/** What is cut off within a transaction holds locks: for less time than others wait for them. */
const idleInTransactionMs = 5_000;
/** Beyond its own limit a statement is given up on this side: the network between is cut. */
const graceMs = 5_000;
const connectMs = 5_000;
/** After so long without a word the other side is asked whether it is there; the driver's default is two hours. */
const keepAliveMs = 10_000;
/** A connection that nobody used for so long is closed. */
const idleMs = 60_000;
/** Limit: how often a transaction is begun again that another one was in the way of. */
const attemptsMax = 5;

export class Database implements Queries, AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #hosts: Hosts;
  readonly #max: number;
  readonly #log: Log;
  #isAway = false;
  /** How often it was away so far. */
  #outages = 0;

  constructor(options: DatabaseOptions) {
    const { url, log, name = 'postrider', connectionsMax, patienceMs, isPooled } = options;
    this.#log = log;
    this.#max = connectionsMax ?? connectionsMaxDefault;
    const hosts = typeof url === 'string' ? new Hosts(url) : url;
    this.#hosts = hosts;
    this.#pool = new pg.Pool({
      ...connectionSettings(hosts.current, name, patienceMs),
      ...(isPooled && withoutState),
      Client: clientOf(hosts),
      ...(hosts.isChosen && { onConnect: assertWritable }),
      max: this.#max,
      idleTimeoutMillis: idleMs,
    });
    // A connection that nobody uses has ended: without this the process would.
    this.#pool.on('error', (error) => this.#failed(error));
  }

  async rows(sql: string, values?: readonly Value[]): Promise<readonly Row[]> {
    return (await this.#query(sql, values)).rows;
  }

  async run(sql: string, values?: readonly Value[]): Promise<number> {
    return (await this.#query(sql, values)).rowCount ?? 0;
  }

  /**
   * What `work` does happens together or not at all. It is run again when another transaction was in its
   * way: it must do nothing that cannot be done twice but by its statements.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#repeated(() => this.#attempt(work));
  }

  /** A connection beside the others, for whoever wants to listen; it is the caller's. */
  client(name: string): pg.Client {
    return new pg.Client(connectionSettings(this.#hosts.current, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }

  #query(sql: string, values: readonly Value[] = []): Promise<pg.QueryResult<Row>> {
    return this.#repeated(() =>
      this.#borrowed((client) => client.query<Row>(sql, values as Value[])),
    );
  }

  /** With a connection, which is used again unless it is broken, or to a host that may not be written to any more. */
  async #borrowed<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    const outages = this.#outages;
    let broken: Error | undefined;
    // It is lost while nobody waits for an answer: the next statement says so.
    const ignore = () => {};
    client.on('error', ignore);
    try {
      const result = await use(client);
      // What was asked before it went away says nothing of whether it is back.
      if (outages === this.#outages) this.#works();
      return result;
    } catch (error) {
      broken = whyBroken(error);
      if (codeOf(error) === sqlState.readOnly) this.#hosts.failed(this.#hosts.current);
      throw error;
    } finally {
      client.off('error', ignore);
      // A transaction that is not over is nobody else's.
      client.release(broken ?? client.getTransactionStatus() === 'T');
    }
  }

  /** Each host is tried once, beginning with the one that was right last time. */
  async #connect(): Promise<pg.PoolClient> {
    for (let tries = 1; ; tries += 1) {
      const { current } = this.#hosts;
      try {
        return await this.#pool.connect();
      } catch (error) {
        // Who waited in vain for a connection that others have knows nothing of the host.
        if (this.#pool.totalCount < this.#max) this.#hosts.failed(current);
        if (tries >= this.#hosts.urls.length) throw error;
      }
    }
  }

  /** Begun again when somebody else was in its way: of what failed nothing is there. */
  async #repeated<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await work();
      } catch (error) {
        if (attempt < attemptsMax && isRepeatable(error)) continue;
        throw this.#failed(error);
      }
  }

  async #attempt<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const afterwards: (() => void)[] = [];
    const result = await this.#borrowed(async (client) => {
      await client.query('BEGIN');
      try {
        const done = await work({
          rows: async (sql, values = []) => (await client.query<Row>(sql, values as Value[])).rows,
          run: async (sql, values = []) =>
            (await client.query(sql, values as Value[])).rowCount ?? 0,
          onCommit: (action) => afterwards.push(action),
        });
        assertCommitted(await client.query('COMMIT'));
        return done;
      } catch (error) {
        if (whyBroken(error) === undefined) await client.query('ROLLBACK');
        throw error;
      }
    });
    for (const action of afterwards) action();
    return result;
  }

  #works(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#log.info('database works again', {});
  }

  /** As who asked is to see it. Whether the database is there is told once, not for every statement. */
  #failed(error: unknown): unknown {
    if (error instanceof StorageError || !isPassing(error)) return error;
    if (!this.#isAway) {
      this.#isAway = true;
      this.#outages += 1;
      this.#log.error('database does not answer', { error: messageOf(error) });
    }
    return storageErrorOf(error);
  }
}

/** A transaction in which a statement failed ends by COMMIT without an error, and without anything done. */
function assertCommitted({ command }: pg.QueryResult): void {
  if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement failed');
}

/** Undefined when the connection may go on; otherwise why it is to be closed. */
function whyBroken(error: unknown): Error | undefined {
  if (!isPassing(error) || isRepeatable(error)) return undefined;
  return error instanceof Error ? error : new Error(messageOf(error));
}

/** Goes to the host that is to be asked when it is made. */
const clientOf = (hosts: Hosts) =>
  class extends pg.Client {
    constructor(settings: pg.ClientConfig = {}) {
      super({ ...settings, connectionString: hosts.current });
    }
  };

/** As libpq asks: https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS */
async function assertWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query('SHOW transaction_read_only');
  if (rows[0]?.transaction_read_only === 'off') return;
  throw new ReadOnlyError();
}

/** Said by us, in the database's words. */
class ReadOnlyError extends Error {
  readonly code = sqlState.readOnly;

  constructor() {
    super('none of its hosts may be written to');
  }
}

function connectionSettings(url: string, name: string, patienceMs = statementMs): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: Math.min(connectMs, patienceMs),
    statement_timeout: Math.ceil(patienceMs),
    lock_timeout: Math.min(lockMs, Math.ceil(patienceMs)),
    idle_in_transaction_session_timeout: Math.min(idleInTransactionMs, Math.ceil(patienceMs)),
    query_timeout: patienceMs + Math.min(graceMs, patienceMs),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    types: { getTypeParser },
  };
}

/** What a pooler refuses to pass on: https://www.pgbouncer.org/config.html#ignore_startup_parameters */
const withoutState = {
  statement_timeout: undefined,
  lock_timeout: undefined,
  idle_in_transaction_session_timeout: undefined,
};

const int8 = 20;

/** 64-bit integers as numbers: none of ours is beyond 2^53. */
const getTypeParser = ((oid: number, format: 'text') =>
  oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;
