// Accounts and their credentials at rest. Passwords are never readable from here.

import type { ScramKeys } from '../sasl/scram-keys.ts';

export interface Account {
  /** The primary address: lower-case A-label domain, as `addressKey()` of mail/fields/address.ts gives it. */
  readonly address: string;
  /** All addresses that belong to it, the primary one included, as keys. */
  readonly addresses: readonly string[];
  readonly created: number;
}

export interface Credential {
  /** '' is the account's own password; others are app passwords. */
  readonly name: string;
  /** PHC string `$argon2id$v=19$m=…`. */
  readonly argon2: string;
  readonly scram: ScramKeys;
  readonly created: number;
}

export interface AccountStore {
  /** False if the address is taken already. */
  add(address: string, credential: Credential | undefined, now: number): Promise<boolean>;
  /** By any of its addresses (key form). Answered from memory: it is asked for each RCPT. */
  find(address: string): Promise<Account | undefined>;
  list(): Promise<readonly Account[]>;
  /** The account, its credentials and its mail. False if there is none. */
  remove(address: string): Promise<boolean>;
  addAddress(account: string, address: string): Promise<boolean>;
  removeAddress(account: string, address: string): Promise<boolean>;
  credentials(account: string): Promise<readonly Credential[]>;
  /** Adds, or replaces the one of the same name. */
  putCredential(account: string, credential: Credential): Promise<boolean>;
  removeCredential(account: string, name: string): Promise<boolean>;
  /**
   * 32 octets by chance, made when they are first asked for and the same ever after: for what is
   * made up about users that there are not (RFC 5802 §9).
   */
  secret(): Promise<Uint8Array>;
}
