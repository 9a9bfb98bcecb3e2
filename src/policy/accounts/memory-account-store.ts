// Accounts in memory, for tests of what stands on the AccountStore.

import { randomBytes } from 'node:crypto';
import type { Account, AccountStore, Credential } from '../../store/account-store.ts';

interface Entry {
  readonly account: Account;
  readonly credentials: readonly Credential[];
}

export class MemoryAccountStore implements AccountStore {
  readonly #secret = randomBytes(32);
  readonly #entries = new Map<string, Entry>();

  async add(address: string, credential: Credential | undefined, now: number): Promise<boolean> {
    if ((await this.find(address)) !== undefined) return false;
    const account = { address, addresses: [address], created: now };
    this.#entries.set(address, { account, credentials: credential ? [credential] : [] });
    return true;
  }

  async find(address: string): Promise<Account | undefined> {
    return (await this.list()).find(({ addresses }) => addresses.includes(address));
  }

  async list(): Promise<readonly Account[]> {
    return [...this.#entries.values()].map(({ account }) => account);
  }

  async remove(address: string): Promise<boolean> {
    return this.#entries.delete(address);
  }

  async addAddress(account: string, address: string): Promise<boolean> {
    if ((await this.find(address)) !== undefined) return false;
    return this.#addresses(account, (all) => [...all, address]);
  }

  async removeAddress(account: string, address: string): Promise<boolean> {
    return this.#addresses(account, (all) => all.filter((each) => each !== address));
  }

  async credentials(account: string): Promise<readonly Credential[]> {
    return this.#entries.get(account)?.credentials ?? [];
  }

  async putCredential(account: string, credential: Credential): Promise<boolean> {
    return this.#credentials(account, (all) => [
      ...all.filter(({ name }) => name !== credential.name),
      credential,
    ]);
  }

  async removeCredential(account: string, name: string): Promise<boolean> {
    const had = (await this.credentials(account)).length;
    this.#credentials(account, (all) => all.filter((each) => each.name !== name));
    return (await this.credentials(account)).length < had;
  }

  async secret(): Promise<Uint8Array> {
    return this.#secret;
  }

  #addresses(address: string, change: (all: readonly string[]) => readonly string[]): boolean {
    const entry = this.#entries.get(address);
    if (entry === undefined) return false;
    const account = { ...entry.account, addresses: change(entry.account.addresses) };
    this.#entries.set(address, { ...entry, account });
    return true;
  }

  #credentials(
    address: string,
    change: (all: readonly Credential[]) => readonly Credential[],
  ): boolean {
    const entry = this.#entries.get(address);
    if (entry === undefined) return false;
    this.#entries.set(address, { ...entry, credentials: change(entry.credentials) });
    return true;
  }
}
