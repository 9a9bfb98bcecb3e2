// The embedded AccountStore. All accounts are kept in memory, since find() is asked for each RCPT;
// a change by another process (a command, while the server runs) is noticed within seconds.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Account, AccountStore, Credential } from '../account-store.ts';
import type { GroupCommit } from './group-commit.ts';
import { Remembered } from './remembered.ts';
import type { CredentialRow } from './requests.ts';

// How old what is in memory may be before the store is asked whether it still holds.
const freshMs = 1000;
const secretBytes = 32;
// Limit: accounts whose credentials are in memory, each for as long as what is in memory of accounts.
const credentialsMax = 1000;

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
  /** For phones, which log in with each request. What this process changes holds at once. */
  readonly #credentials = new Remembered<CredentialsRead>(credentialsMax);

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
    return this.#changed(
      await this.#changing(address, () =>
        this.#parts.commit.call('addAccount', [address, row, now]),
      ),
    );
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
    return this.#changed(
      await this.#changing(address, () => this.#parts.commit.call('removeAccount', [address])),
    );
  }

  async addAddress(account: string, address: string): Promise<boolean> {
    return this.#changed(await this.#parts.commit.call('addAddress', [account, address]));
  }

  async removeAddress(account: string, address: string): Promise<boolean> {
    return this.#changed(await this.#parts.commit.call('removeAddress', [account, address]));
  }

  async credentials(account: string): Promise<readonly Credential[]> {
    const now = this.#parts.clock.now();
    const read = async () => ({
      credentials: (await this.#parts.commit.call('credentials', [account])).map(credentialOf),
      until: now + freshMs,
    });
    const known = await this.#credentials.get(account, read);
    if (known !== undefined && now < known.until) return known.credentials;
    this.#credentials.forget(account);
    return (await this.#credentials.get(account, read))?.credentials ?? [];
  }

  putCredential(account: string, credential: Credential): Promise<boolean> {
    const row = credentialRow(credential);
    return this.#changing(account, () => this.#parts.commit.call('putCredential', [account, row]));
  }

  removeCredential(account: string, name: string): Promise<boolean> {
    return this.#changing(account, () =>
      this.#parts.commit.call('removeCredential', [account, name]),
    );
  }

  async #changing<T>(account: string, change: () => Promise<T>): Promise<T> {
    this.#credentials.forget(account);
    try {
      return await change();
    } finally {
      this.#credentials.forget(account);
    }
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

interface CredentialsRead {
  readonly credentials: readonly Credential[];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

const credentialOf = (row: CredentialRow): Credential => {
  const { name, argon2, created, iterations, salt, storedKey, serverKey } = row;
  return { name, argon2, created, scram: { iterations, salt, storedKey, serverKey } };
};

function credentialRow({ name, argon2, scram, created }: Credential): CredentialRow {
  const { iterations, salt, storedKey, serverKey } = scram;
  return { name, argon2, iterations, salt, storedKey, serverKey, created };
}
