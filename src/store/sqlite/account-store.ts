// The embedded AccountStore. All accounts are kept in memory, since find() is asked for each RCPT;
// a change by another process (a command, while the server runs) is noticed within seconds.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Account, AccountStore, Credential } from '../account-store.ts';
import type { GroupCommit } from './group-commit.ts';
import type { CredentialRow } from './requests.ts';

// How old what is in memory may be before the store is asked whether it still holds.
const freshMs = 1000;
const secretBytes = 32;

export interface SqliteAccountStoreParts {
  readonly commit: GroupCommit;
  readonly clock: Clock;
}

export class SqliteAccountStore implements AccountStore {
  readonly #parts: SqliteAccountStoreParts;
  #accounts: readonly Account[] = [];
  #byAddress: ReadonlyMap<string, Account> = new Map();
  #version = -1;
  #secret: Promise<Uint8Array> | undefined;
  #checked = Number.NEGATIVE_INFINITY;

  constructor(parts: SqliteAccountStoreParts) {
    this.#parts = parts;
  }

  async load(): Promise<void> {
    const { version, accounts } = await this.#parts.commit.call('accounts', []);
    this.#checked = this.#parts.clock.now();
    if (version < this.#version) return; // a later answer was faster
    this.#version = version;
    this.#accounts = accounts;
    this.#byAddress = new Map(
      accounts.flatMap((account) => account.addresses.map((address) => [address, account])),
    );
  }

  async add(address: string, credential: Credential | undefined, now: number): Promise<boolean> {
    const row = credential === undefined ? undefined : credentialRow(credential);
    return this.#changed(await this.#parts.commit.call('addAccount', [address, row, now]));
  }

  async find(address: string): Promise<Account | undefined> {
    this.#check();
    return this.#byAddress.get(address);
  }

  async list(): Promise<readonly Account[]> {
    await this.load();
    return this.#accounts;
  }

  async remove(address: string): Promise<boolean> {
    return this.#changed(await this.#parts.commit.call('removeAccount', [address]));
  }

  async addAddress(account: string, address: string): Promise<boolean> {
    return this.#changed(await this.#parts.commit.call('addAddress', [account, address]));
  }

  async removeAddress(account: string, address: string): Promise<boolean> {
    return this.#changed(await this.#parts.commit.call('removeAddress', [account, address]));
  }

  async credentials(account: string): Promise<readonly Credential[]> {
    const rows = await this.#parts.commit.call('credentials', [account]);
    return rows.map(({ name, argon2, created, iterations, salt, storedKey, serverKey }) => ({
      ...{ name, argon2, created, scram: { iterations, salt, storedKey, serverKey } },
    }));
  }

  putCredential(account: string, credential: Credential): Promise<boolean> {
    return this.#parts.commit.call('putCredential', [account, credentialRow(credential)]);
  }

  removeCredential(account: string, name: string): Promise<boolean> {
    return this.#parts.commit.call('removeCredential', [account, name]);
  }

  secret(): Promise<Uint8Array> {
    this.#secret ??= this.#parts.commit.call('secret', ['login', randomBytes(secretBytes)]);
    const secret = this.#secret;
    secret.catch(() => {
      if (this.#secret === secret) this.#secret = undefined; // whoever asks next asks anew
    });
    return secret;
  }

  async #changed(done: boolean): Promise<boolean> {
    if (done) await this.load();
    return done;
  }

  /** In the background: who asks now gets what is known. */
  #check(): void {
    const now = this.#parts.clock.now();
    if (now - this.#checked < freshMs) return;
    this.#checked = now;
    this.#parts.commit
      .call('accountsVersion', [])
      .then((version) => (version === this.#version ? undefined : this.load()))
      .catch(() => {}); // asked again in a second
  }
}

function credentialRow({ name, argon2, scram, created }: Credential): CredentialRow {
  const { iterations, salt, storedKey, serverKey } = scram;
  return { name, argon2, iterations, salt, storedKey, serverKey, created };
}
