// The accounts' SQL: what AccountStore promises, inside a transaction that somebody else holds.
// Every change raises a version that other processes see.

import type { DatabaseSync } from 'node:sqlite';
import { blob, integer, text } from '../row.ts';
import type { AccountRequests, AccountRow, CredentialRow } from './requests.ts';

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    version: prepare(`SELECT value FROM meta WHERE name = 'accounts'`),
    changed: prepare(`UPDATE meta SET value = value + 1 WHERE name = 'accounts'`),
    account: prepare('SELECT id FROM account WHERE address = ?'),
    accounts: prepare('SELECT id, address, created FROM account ORDER BY address'),
    insertAccount: prepare('INSERT INTO account (address, created) VALUES (?, ?)'),
    deleteAccount: prepare('DELETE FROM account WHERE id = ?'),
    owner: prepare('SELECT account FROM account_address WHERE address = ?'),
    addresses: prepare('SELECT account, address FROM account_address ORDER BY account, address'),
    insertAddress: prepare('INSERT INTO account_address (address, account) VALUES (?, ?)'),
    deleteAddress: prepare('DELETE FROM account_address WHERE address = ? AND account = ?'),
    deleteAddresses: prepare('DELETE FROM account_address WHERE account = ?'),
    credentials: prepare('SELECT * FROM credential WHERE account = ? ORDER BY name'),
    putCredential: prepare(`
      INSERT OR REPLACE INTO credential
        (account, name, argon2, iterations, salt, stored_key, server_key, created)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    deleteCredential: prepare('DELETE FROM credential WHERE account = ? AND name = ?'),
    addSecret: prepare('INSERT OR IGNORE INTO secret (name, value) VALUES (?, ?)'),
    secret: prepare('SELECT value FROM secret WHERE name = ?'),
    deleteCredentials: prepare('DELETE FROM credential WHERE account = ?'),
  };
}

export class AccountTables implements AccountRequests {
  readonly #sql: ReturnType<typeof prepareStatements>;
  readonly #removeMailbox: (account: string) => void;

  constructor(database: DatabaseSync, removeMailbox: (account: string) => void) {
    this.#sql = prepareStatements(database);
    this.#removeMailbox = removeMailbox;
  }

  addAccount(address: string, credential: CredentialRow | undefined, now: number): boolean {
    if (this.#sql.owner.get(address) !== undefined) return false;
    const account = Number(this.#sql.insertAccount.run(address, now).lastInsertRowid);
    this.#sql.insertAddress.run(address, account);
    if (credential !== undefined) this.#put(account, credential);
    this.#sql.changed.run();
    return true;
  }

  accounts(): { readonly version: number; readonly accounts: readonly AccountRow[] } {
    const addresses = new Map<number, string[]>();
    for (const row of this.#sql.addresses.all()) {
      const account = integer(row.account);
      const found = addresses.get(account);
      if (found === undefined) addresses.set(account, [text(row.address)]);
      else found.push(text(row.address));
    }
    const accounts = this.#sql.accounts.all().map((row) => ({
      address: text(row.address),
      addresses: addresses.get(integer(row.id)) ?? [],
      created: integer(row.created),
    }));
    return { version: this.accountsVersion(), accounts };
  }

  accountsVersion(): number {
    return integer(this.#sql.version.get()?.value);
  }

  removeAccount(address: string): boolean {
    const account = this.#account(address);
    if (account === undefined) return false;
    this.#removeMailbox(address);
    this.#sql.deleteCredentials.run(account);
    this.#sql.deleteAddresses.run(account);
    this.#sql.deleteAccount.run(account);
    this.#sql.changed.run();
    return true;
  }

  addAddress(address: string, added: string): boolean {
    const account = this.#account(address);
    if (account === undefined || this.#sql.owner.get(added) !== undefined) return false;
    this.#sql.insertAddress.run(added, account);
    this.#sql.changed.run();
    return true;
  }

  removeAddress(address: string, removed: string): boolean {
    const account = this.#account(address);
    if (account === undefined || address === removed) return false;
    if (this.#sql.deleteAddress.run(removed, account).changes === 0) return false;
    this.#sql.changed.run();
    return true;
  }

  credentials(address: string): readonly CredentialRow[] {
    const account = this.#account(address);
    if (account === undefined) return [];
    return this.#sql.credentials.all(account).map((row) => ({
      name: text(row.name),
      argon2: text(row.argon2),
      iterations: integer(row.iterations),
      salt: blob(row.salt),
      storedKey: blob(row.stored_key),
      serverKey: blob(row.server_key),
      created: integer(row.created),
    }));
  }

  putCredential(address: string, credential: CredentialRow): boolean {
    const account = this.#account(address);
    if (account === undefined) return false;
    this.#put(account, credential);
    return true;
  }

  removeCredential(address: string, name: string): boolean {
    const account = this.#account(address);
    if (account === undefined) return false;
    return this.#sql.deleteCredential.run(account, name).changes !== 0;
  }

  secret(name: string, otherwise: Uint8Array): Uint8Array {
    this.#sql.addSecret.run(name, otherwise);
    return blob(this.#sql.secret.get(name)?.value);
  }

  #account(address: string): number | undefined {
    const row = this.#sql.account.get(address);
    return row === undefined ? undefined : integer(row.id);
  }

  #put(account: number, credential: CredentialRow): void {
    const { name, argon2, iterations, salt, storedKey, serverKey, created } = credential;
    this.#sql.putCredential.run(
      ...[account, name, argon2, iterations, salt, storedKey, serverKey, created],
    );
  }
}
