// Accounts on PostgreSQL. All of them are kept in memory, since find() is asked for each RCPT; what another node
// or a command changed is heard of at once, and noticed within a second.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Account, AccountStore, Credential } from '../account-store.ts';
import type { Row } from '../row.ts';
import { blob, integer, text } from '../row.ts';
import type { Changes } from './changes.ts';
import type { Database, Transaction } from './database.ts';
import { isDuplicate } from './database-errors.ts';

/** How old what is in memory may be before the database is asked whether it still holds, in milliseconds. */
const freshMs = 1000;
/** The same where the answer would be no. Limit: strangers ask for who is not there, as fast as they can. */
const freshMsOfUnknown = 200;
const secretBytes = 32;
const topic = 'accounts';

export interface PostgresAccountStoreParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly changes: Changes;
  /** What an account leaves elsewhere goes with it, in the same transaction. */
  readonly onRemove: (transaction: Transaction, address: string) => Promise<void>;
}

export class PostgresAccountStore implements AccountStore {
  readonly #parts: PostgresAccountStoreParts;
  #accounts: readonly Account[] = [];
  #byAddress: ReadonlyMap<string, Account> = new Map();
  #version = -1;
  #secret: Promise<Uint8Array> | undefined;
  #checking: Promise<void> | undefined;
  #checked = Number.NEGATIVE_INFINITY;

  constructor(parts: PostgresAccountStoreParts) {
    this.#parts = parts;
  }

  /** By a server: what others change is known soon, whether anybody asks or not. */
  watch(): void {
    this.#parts.changes.watch(topic, () => void this.load().catch(() => {})); // seen by #check()
  }

  /** One statement, so that the version is that of what comes with it. */
  async load(): Promise<void> {
    const rows = await this.#parts.database.rows(`
      SELECT meta.value AS version, account.address, account.created,
        (SELECT array_agg(a.address ORDER BY a.address) FROM account_address a
         WHERE a.account = account.id) AS addresses
      FROM meta LEFT JOIN account ON true WHERE meta.name = 'accounts' ORDER BY account.address`);
    this.#checked = this.#parts.clock.now();
    const version = integer(rows[0]?.version);
    if (version < this.#version) return; // a later answer was faster
    this.#version = version;
    this.#accounts = rows.flatMap((row) => (row.address === null ? [] : [accountOf(row)]));
    this.#byAddress = new Map(
      this.#accounts.flatMap((account) => account.addresses.map((address) => [address, account])),
    );
  }

  async add(address: string, credential: Credential | undefined, now: number): Promise<boolean> {
    return this.#change(async (transaction) => {
      const [row] = await transaction.rows(
        `WITH added AS (INSERT INTO account (address, created) VALUES ($1, $2) RETURNING id)
         INSERT INTO account_address (address, account) SELECT $1, id FROM added RETURNING account`,
        [address, now],
      );
      if (credential !== undefined) await put(transaction, integer(row?.account), credential);
      return true;
    });
  }

  /** Nobody is told that there is no such account because another node made it a moment ago. */
  async find(address: string): Promise<Account | undefined> {
    const checking = this.#check(this.#byAddress.has(address) ? freshMs : freshMsOfUnknown);
    if (!this.#byAddress.has(address)) await checking;
    return this.#byAddress.get(address);
  }

  async list(): Promise<readonly Account[]> {
    await this.load();
    return this.#accounts;
  }

  remove(address: string): Promise<boolean> {
    return this.#change(async (transaction) => {
      const id = await idOf(transaction, address);
      if (id === undefined) return false;
      await this.#parts.onRemove(transaction, address);
      await transaction.run('DELETE FROM credential WHERE account = $1', [id]);
      await transaction.run('DELETE FROM account_address WHERE account = $1', [id]);
      await transaction.run('DELETE FROM account WHERE id = $1', [id]);
      return true;
    });
  }

  addAddress(account: string, address: string): Promise<boolean> {
    return this.#change(async (transaction) => {
      const id = await idOf(transaction, account);
      if (id === undefined) return false;
      const sql = 'INSERT INTO account_address (address, account) VALUES ($1, $2)';
      return (await transaction.run(sql, [address, id])) > 0;
    });
  }

  async removeAddress(account: string, address: string): Promise<boolean> {
    if (account === address) return false;
    return this.#change(async (transaction) => {
      const id = await idOf(transaction, account);
      if (id === undefined) return false;
      const sql = 'DELETE FROM account_address WHERE address = $1 AND account = $2';
      return (await transaction.run(sql, [address, id])) > 0;
    });
  }

  async credentials(account: string): Promise<readonly Credential[]> {
    const rows = await this.#parts.database.rows(
      `SELECT credential.* FROM credential JOIN account ON account.id = credential.account
       WHERE account.address = $1 ORDER BY name`,
      [account],
    );
    return rows.map((row) => ({
      name: text(row.name),
      argon2: text(row.argon2),
      scram: {
        iterations: integer(row.iterations),
        salt: blob(row.salt),
        storedKey: blob(row.stored_key),
        serverKey: blob(row.server_key),
      },
      created: integer(row.created),
    }));
  }

  putCredential(account: string, credential: Credential): Promise<boolean> {
    return this.#parts.database.transaction(async (transaction) => {
      const id = await idOf(transaction, account);
      if (id === undefined) return false;
      await put(transaction, id, credential);
      return true;
    });
  }

  async removeCredential(account: string, name: string): Promise<boolean> {
    const removed = await this.#parts.database.run(
      `DELETE FROM credential USING account
       WHERE account.address = $1 AND credential.account = account.id AND credential.name = $2`,
      [account, name],
    );
    return removed > 0;
  }

  secret(): Promise<Uint8Array> {
    this.#secret ??= this.#readSecret();
    const secret = this.#secret;
    secret.catch(() => {
      if (this.#secret === secret) this.#secret = undefined; // whoever asks next asks anew
    });
    return secret;
  }

  async #readSecret(): Promise<Uint8Array> {
    const { database } = this.#parts;
    await database.run(
      `INSERT INTO secret (name, value) VALUES ('login', $1) ON CONFLICT DO NOTHING`,
      [randomBytes(secretBytes)],
    );
    const [row] = await database.rows(`SELECT value FROM secret WHERE name = 'login'`);
    return blob(row?.value);
  }

  /** False, too, when an address is taken. */
  async #change(work: (transaction: Transaction) => Promise<boolean>): Promise<boolean> {
    const { database, changes } = this.#parts;
    try {
      const done = await database.transaction(async (transaction) => {
        if (!(await work(transaction))) return false;
        await changes.raise(transaction, [topic]);
        return true;
      });
      if (!done) return false;
      changes.announce(topic);
      await this.load();
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  /** Asks the database whether what is known still holds, if it was asked longer ago than that. @throws StorageError */
  #check(olderThanMs: number): Promise<void> {
    const { clock, database } = this.#parts;
    const now = clock.now();
    if (this.#checking !== undefined || now - this.#checked < olderThanMs)
      return this.#checking ?? Promise.resolve();
    this.#checked = now;
    const checking = database
      .rows(`SELECT value FROM meta WHERE name = 'accounts'`)
      .then(([row]) => (integer(row?.value) === this.#version ? undefined : this.load()))
      .catch((error: unknown) => {
        this.#checked = Number.NEGATIVE_INFINITY;
        throw error;
      })
      .finally(() => {
        this.#checking = undefined;
      });
    checking.catch(() => {}); // whoever needs the answer waits for it
    this.#checking = checking;
    return checking;
  }
}

/** Locked: what depends on it is not removed meanwhile. */
async function idOf(transaction: Transaction, address: string): Promise<number | undefined> {
  const sql = 'SELECT id FROM account WHERE address = $1 FOR UPDATE';
  const [row] = await transaction.rows(sql, [address]);
  return row === undefined ? undefined : integer(row.id);
}

async function put(transaction: Transaction, account: number, credential: Credential) {
  const { name, argon2, scram, created } = credential;
  await transaction.run(
    `INSERT INTO credential
       (account, name, argon2, iterations, salt, stored_key, server_key, created)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (account, name) DO UPDATE SET argon2 = excluded.argon2,
       iterations = excluded.iterations, salt = excluded.salt, stored_key = excluded.stored_key,
       server_key = excluded.server_key, created = excluded.created`,
    [
      ...[account, name, argon2, scram.iterations, scram.salt, scram.storedKey, scram.serverKey],
      created,
    ],
  );
}

function accountOf(row: Row): Account {
  const { addresses } = row;
  return {
    address: text(row.address),
    addresses: Array.isArray(addresses) ? addresses.map(text) : [],
    created: integer(row.created),
  };
}
