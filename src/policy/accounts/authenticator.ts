// Who may log in, over the account store: any address of an account and one of its passwords, a
// bearer token, or a TLS client certificate. Wrong passwords and unknown users cost the same time and
// get the same answer. The store is asked each time, so that a changed password holds at once.

import { createHmac, randomBytes } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { addressKey, completeAddress } from '../../mail/fields/address.ts';
import { certificateNameKey } from '../../net/certificate-names.ts';
import type { Authenticator, TokenTarget } from '../../sasl/mechanism.ts';
import { saslprep } from '../../sasl/saslprep.ts';
import type { ScramKeys } from '../../sasl/scram-keys.ts';
import type { Account, AccountStore, Credential } from '../../store/account-store.ts';
import { findPassword, preparePassword, scramIterations } from './passwords.ts';

export interface AuthenticatorOptions {
  readonly accounts: Pick<AccountStore, 'find' | 'credentials' | 'secret'>;
  /**
   * Checks a bearer token: the account's address, or undefined. `user` is '' if none was named.
   * Looked at anew each time: a reload may give another or take it away.
   */
  readonly tokenVerifier?:
    | ((
        user: string,
        token: string,
        target?: TokenTarget,
      ) => string | undefined | Promise<string | undefined>)
    | undefined;
  /**
   * Names in client certificates that are not addresses of an account themselves, to addresses; names
   * as certificateNameKey() has them. Looked at anew each time.
   */
  readonly certificateAccounts?: ReadonlyMap<string, string> | undefined;
  /** Looked at anew each time. */
  readonly channelBinding?: boolean;
  readonly clock: Clock;
}

type AccountAuthenticator = Required<Omit<Authenticator, 'verifyToken'>> &
  Pick<Authenticator, 'verifyToken'>;

export function createAuthenticator(options: AuthenticatorOptions): AccountAuthenticator {
  const { accounts, clock } = options;
  const recent = new RecentLogins(clock);
  const pending = new PendingComparisons();
  void accounts.secret().catch(() => {}); // made before it is needed: nobody waits longer for it

  const find = (name: string) => accountCalled(name, accounts);
  const addressOf = async (name: string | undefined): Promise<string | undefined> =>
    name === undefined ? undefined : (await find(name))?.address;
  // For nobody the store is asked too: it takes as long.
  const credentialsOf = (account: Account | undefined): Promise<readonly Credential[]> =>
    accounts.credentials(account?.address ?? '');

  return {
    async verifyPassword(user, password) {
      const prepared = preparePassword(password);
      const account = await find(user);
      const credentials = await credentialsOf(account);
      if (account !== undefined && prepared !== undefined) {
        const known = recent.get(account.address, prepared);
        if (credentials.some(({ argon2 }) => argon2 === known)) return account.address;
      }
      // What nobody can have as a password is compared all the same: it takes as long.
      const name = userKey(user) ?? user;
      const found = await pending.find(name, prepared ?? password, credentials);
      if (account === undefined || prepared === undefined || found === undefined) return undefined;
      recent.add(account.address, prepared, found.argon2);
      return account.address;
    },

    async scramKeys(user) {
      const account = await find(user);
      const found = keysIn(await credentialsOf(account));
      if (account === undefined || found === undefined)
        return {
          account: undefined,
          keys: madeUpKeys(await accounts.secret(), userKey(user) ?? user),
        };
      return { account: account.address, ...found };
    },

    get channelBinding() {
      return options.channelBinding ?? true;
    },

    // Without a verifier no mechanism with tokens is offered.
    get verifyToken() {
      const { tokenVerifier } = options;
      if (tokenVerifier === undefined) return undefined;
      return async (user: string, token: string, target?: TokenTarget) =>
        addressOf(await tokenVerifier(user, token, target));
    },

    async accountOfCertificate(names) {
      for (const name of names) {
        const account = await addressOf(
          options.certificateAccounts?.get(certificateNameKey(name)) ?? name,
        );
        if (account !== undefined) return account;
      }
      return undefined;
    },

    // RFC 4422 §3.4.1: nobody acts as anybody else; but every address of an account is that account.
    async mayActAs(account, authorization) {
      return (await addressOf(authorization)) === account;
    },
  };
}

async function accountCalled(
  name: string,
  accounts: AuthenticatorOptions['accounts'],
): Promise<Account | undefined> {
  const key = userKey(name);
  return key === undefined ? undefined : accounts.find(key);
}

/** Of the main password, or of the first; and of all others with the same salt. */
function keysIn(credentials: readonly Credential[]) {
  const main = credentials.find(({ name }) => name === '') ?? credentials[0];
  if (main === undefined) return undefined;
  const keys = main.scram;
  const others = credentials
    .filter((each) => each !== main && isSameSalt(each.scram, keys))
    .map(({ scram }) => scram);
  return { keys, others };
}

export interface DevLogins {
  readonly localDomain: string;
  /** Inboxes with a login of their own. */
  readonly inboxes?:
    | {
        inboxOf(user: string): string | undefined;
        verify(user: string, password: string): string | undefined;
      }
    | undefined;
}

/**
 * `postrider dev`: any password is right, and the user name is the address of the inbox, one in
 * `localDomain` where it names no domain; but an inbox with a login of its own has one password, and nobody
 * else becomes it.
 */
export function createDevAuthenticator({ localDomain, inboxes }: DevLogins): Authenticator {
  return {
    verifyPassword: async (user, password) => {
      if (inboxes?.inboxOf(user) !== undefined) return inboxes.verify(user, password);
      const key = userKey(user);
      return key === undefined ? undefined : completeAddress(key, localDomain);
    },
    mayActAs: async (account, authorization) => {
      const own = inboxes?.inboxOf(authorization);
      return own === undefined || own === account;
    },
  };
}

/** User names are addresses, and equal where these are: case, and U-labels and A-labels. */
function userKey(name: string): string | undefined {
  const prepared = saslprep(name);
  return prepared === undefined || prepared === '' ? undefined : addressKey(prepared);
}

/** The same for the same name, also after a restart, so that asking twice gives nobody away. */
function madeUpKeys(secret: Uint8Array, name: string): ScramKeys {
  const salt = createHmac('sha256', secret).update(name).digest().subarray(0, 16);
  return {
    iterations: scramIterations(),
    salt,
    storedKey: randomBytes(32),
    serverKey: randomBytes(32),
  };
}

const isSameSalt = (a: ScramKeys, b: ScramKeys): boolean =>
  a.iterations === b.iterations && Buffer.compare(a.salt, b.salt) === 0;

/**
 * The connections of one program log in at the same moment, hundreds after a restart: the same password with the same
 * hashes is compared once for all. For users there are none of, too: it takes as long.
 */
class PendingComparisons {
  readonly #names = new PasswordNames();
  readonly #pending = new Map<string, Promise<Credential | undefined>>();

  /** @throws HashingBusy */
  find(
    user: string,
    password: string,
    credentials: readonly Credential[],
  ): Promise<Credential | undefined> {
    const name = this.#names.of(user, password, ...credentials.map(({ argon2 }) => argon2));
    const same = this.#pending.get(name);
    if (same !== undefined) return same;
    const found = findPassword(credentials, password).finally(() => this.#pending.delete(name));
    this.#pending.set(name, found);
    return found;
  }
}

/** Of passwords only a keyed hash is held, and the key is known to this process alone. */
class PasswordNames {
  readonly #key = randomBytes(32);

  of(...parts: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64');
  }
}

/** Limit: logins within a few minutes. */
const recentMax = 10_000;
const recentMs = 5 * 60_000;

/**
 * Logins that were right a moment ago, for clients that log in for each message: which hash they
 * matched. Whoever changes the password changes the hash, so that an entry can never outlive it.
 */
class RecentLogins {
  readonly #names = new PasswordNames();
  readonly #entries = new BoundedMap<string, { readonly argon2: string; readonly until: number }>(
    recentMax,
  );
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(account: string, password: string): string | undefined {
    const entry = this.#entries.get(this.#names.of(account, password));
    return entry === undefined || entry.until <= this.#clock.now() ? undefined : entry.argon2;
  }

  add(account: string, password: string, argon2: string): void {
    this.#entries.set(this.#names.of(account, password), {
      argon2,
      until: this.#clock.now() + recentMs,
    });
  }
}
