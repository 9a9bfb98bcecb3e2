// What happens to those who guess passwords. An address that fails waits longer each time, and a
// network that goes on is cut off for a while. Guesses at one account from many networks slow down
// logins to it from networks that never logged in to it; from those that did, its owner notices
// nothing, and nobody can lock an owner out. The same wrong password by another mechanism is no other
// guess: programs try one by each. All tables are bounded: with more guessers than entries, the oldest are
// forgotten.

import { createHmac, randomBytes } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { addressKey } from '../../mail/fields/address.ts';
import { clientNetwork, wideNetwork } from '../../net/client-network.ts';
import type { Told } from '../../store/nodes.ts';

/** The names of the configuration's `login`; times in milliseconds. */
export interface LoginThrottleOptions {
  readonly clock: Clock;
  /** Failures within `window` before a network (IPv4 /24, IPv6 /64) is cut off. */
  readonly failuresPerNetwork?: number;
  readonly window?: number;
  readonly blockFor?: number;
  /** The wait after the first failure of an address; doubles with each. */
  readonly delay?: number;
  readonly delayMax?: number;
}

export type ThrottleVerdict =
  | { readonly kind: 'go'; readonly delayMs: number }
  | { readonly kind: 'blocked' };

export interface LoginThrottle {
  /** Before an attempt: how long to wait first. Attempts made side by side wait in line. */
  check(address: string): ThrottleVerdict;
  /** Cut off by now: asked again before a guess is looked at, for it may be one of many at once. */
  isBlocked(address: string): boolean;
  /** How long to wait before a password for `user` is looked at; 0 from where its owner logs in. */
  accountDelayMs(address: string, user: string): number;
  /** `tried`, where it is known: the same by another mechanism is one guess. */
  failed(address: string, user?: string, tried?: Tried): void;
  /** Takes back the failures of this user from this address: typing errors, not guesses. */
  succeeded(address: string, user: string): void;
  /** What happens here is told to other nodes, and what happens there counts here. */
  readonly told: Told;
  /** New limits, from now on. */
  update(options: Omit<LoginThrottleOptions, 'clock'>): void;
}

/** Limit: of each table; some ten megabytes when all are full. */
const entriesMax = 20_000;
/** Limit: users of one address whose failures can be taken back. */
const usersMax = 50;
/** Limit: wrong passwords of one address that are known again. */
const guessesMax = 20;
/** Failures at one account, from anywhere, that cost nobody anything. */
const accountFailuresFree = 10;
/** How long a network that logged in to an account is known for that. */
const knownMs = 30 * 24 * 60 * 60_000;

/** A password that was wrong. */
export interface Tried {
  readonly password: string;
  readonly mechanism: string;
}

interface Failures {
  count: number;
  windowEnds: number;
  blockedUntil: number;
  /** When the next attempt may be made. */
  nextAttempt: number;
  readonly users: Map<string, number>;
  /** By which mechanisms each was tried since it counted, under a key that this process alone knows. */
  readonly guesses: Map<string, string[]>;
}

const defaults = {
  failuresPerNetwork: 20,
  window: 15 * 60_000,
  blockFor: 15 * 60_000,
  delay: 1_000,
  delayMax: 8_000,
};

export function createLoginThrottle({ clock, ...given }: LoginThrottleOptions): LoginThrottle {
  return new Throttle(clock, given);
}

/** Limit: of what is told at once; and how often one is counted that failed so often elsewhere in a second. */
const toldMax = 1000;
const failuresAtOnceMax = 100;

/** Of a client's failures as a user, or as nobody; 0: it logged in. */
type LoginsTold = Map<string, [client: string, user: string | null, failures: number]>;

class Throttle implements LoginThrottle {
  readonly told: Told = { say: () => this.#say(), hear: (said) => this.#hear(said) };
  /** Since it was last told, if anybody wants to know. */
  #news: LoginsTold | undefined;
  readonly #clock: Clock;
  readonly #guessKey = randomBytes(32);
  #limits: typeof defaults;
  /** By the least that one client has (IPv4 address, IPv6 /64), by network, by account. */
  readonly #clients = new BoundedMap<string, Failures>(entriesMax);
  readonly #networks = new BoundedMap<string, Failures>(entriesMax);
  readonly #accounts = new BoundedMap<string, Failures>(entriesMax);
  /** Until when a network is known to log in well, by itself and for an account. */
  readonly #known = new BoundedMap<string, number>(2 * entriesMax);

  constructor(clock: Clock, given: Omit<LoginThrottleOptions, 'clock'>) {
    this.#clock = clock;
    this.#limits = { ...defaults, ...given };
  }

  update(given: Omit<LoginThrottleOptions, 'clock'>): void {
    this.#limits = { ...defaults, ...given };
  }

  check(address: string): ThrottleVerdict {
    const client = clientNetwork(address);
    const now = this.#clock.now();
    if (this.#blockedUntil(client) > now) return { kind: 'blocked' };
    return { kind: 'go', delayMs: this.#takeTurn(this.#present(this.#clients, client), now) };
  }

  isBlocked(address: string): boolean {
    return this.#blockedUntil(clientNetwork(address)) > this.#clock.now();
  }

  accountDelayMs(address: string, user: string): number {
    const failures = this.#present(this.#accounts, addressKey(user))?.count ?? 0;
    if (failures < accountFailuresFree) return 0;
    if (this.#isKnown(knownKey(clientNetwork(address), user))) return 0;
    return this.#delayAfter(failures - accountFailuresFree + 1);
  }

  failed(address: string, user?: string, tried?: Tried): void {
    const client = clientNetwork(address);
    const name = user === undefined ? undefined : addressKey(user);
    if (tried === undefined) {
      this.#note(client, name, true);
      this.#failed(client, name);
      return;
    }
    const guess = this.#guess(name, tried.password);
    if (this.#isOtherWay(client, guess, tried.mechanism)) return;
    this.#note(client, name, true);
    const { guesses } = this.#failed(client, name);
    guesses.delete(guess); // the newest again
    guesses.set(guess, [tried.mechanism]);
    if (guesses.size > guessesMax) guesses.delete(guesses.keys().next().value!);
  }

  /** It waits like any other. */
  #isOtherWay(client: string, guess: string, mechanism: string): boolean {
    const known = this.#present(this.#clients, client);
    const mechanisms = known?.guesses.get(guess);
    if (known === undefined || mechanisms === undefined || mechanisms.includes(mechanism))
      return false;
    mechanisms.push(mechanism);
    this.#wait(known);
    return true;
  }

  #guess(name: string | undefined, password: string): string {
    const guess = JSON.stringify([name, password]);
    return createHmac('sha256', this.#guessKey).update(guess).digest('base64');
  }

  #wait(failures: Failures): void {
    const next = this.#clock.now() + this.#delayAfter(Math.max(failures.count, 1));
    failures.nextAttempt = Math.max(failures.nextAttempt, next);
  }

  #failed(client: string, name: string | undefined): Failures {
    const own = this.#count(this.#clients, client, name);
    this.#wait(own);
    this.#count(this.#networks, wideNetwork(client), name);
    if (name !== undefined && !this.#isKnown(knownKey(client, name)))
      this.#count(this.#accounts, name, undefined);
    return own;
  }

  succeeded(address: string, user: string): void {
    const client = clientNetwork(address);
    const name = addressKey(user);
    this.#note(client, name, false);
    this.#succeeded(client, name);
  }

  #succeeded(client: string, name: string): void {
    const until = this.#clock.now() + knownMs;
    this.#known.set(client, until);
    this.#known.set(knownKey(client, name), until);
    for (const entry of [
      this.#present(this.#clients, client),
      this.#present(this.#networks, wideNetwork(client)),
    ]) {
      if (entry === undefined) continue;
      entry.count -= entry.users.get(name) ?? 0;
      entry.users.delete(name);
      if (entry.count === 0) entry.nextAttempt = 0;
    }
  }

  #note(client: string, name: string | undefined, isFailure: boolean): void {
    const news = this.#news;
    if (news === undefined) return;
    const key = `${isFailure} ${client} ${name ?? ''}`;
    const known = news.get(key);
    if (known !== undefined) known[2] += isFailure ? 1 : 0;
    else if (news.size < toldMax) news.set(key, [client, name ?? null, isFailure ? 1 : 0]);
  }

  #say(): unknown {
    const news = [...(this.#news?.values() ?? [])];
    this.#news = new Map();
    return news.length === 0 ? undefined : news;
  }

  #hear(said: unknown): void {
    if (!Array.isArray(said)) return;
    for (const one of said.slice(0, toldMax)) {
      const [client, name, failures]: readonly unknown[] = Array.isArray(one) ? one : [];
      if (typeof client !== 'string' || typeof failures !== 'number') continue;
      const user = typeof name === 'string' ? name : undefined;
      if (failures === 0 && user !== undefined) this.#succeeded(client, user);
      for (let i = 0; i < Math.min(failures, failuresAtOnceMax); i += 1) this.#failed(client, user);
    }
  }

  #blockedUntil(client: string): number {
    const own = this.#present(this.#clients, client);
    // An address that has logged in answers for itself alone, not for its neighbours.
    const whole = this.#isKnown(client)
      ? undefined
      : this.#present(this.#networks, wideNetwork(client));
    return Math.max(own?.blockedUntil ?? 0, whole?.blockedUntil ?? 0);
  }

  /** Attempts of one address come one after the other once it has failed. */
  #takeTurn(own: Failures | undefined, now: number): number {
    if (own === undefined || own.count === 0) return 0;
    const turn = Math.max(now, own.nextAttempt);
    own.nextAttempt = turn + this.#delayAfter(own.count);
    return turn - now;
  }

  #delayAfter(failures: number): number {
    const { delay, delayMax } = this.#limits;
    return Math.min(delay * 2 ** Math.min(failures - 1, 30), delayMax);
  }

  #count(table: BoundedMap<string, Failures>, key: string, user: string | undefined): Failures {
    const now = this.#clock.now();
    const { window, failuresPerNetwork, blockFor } = this.#limits;
    const entry = this.#present(table, key) ?? {
      count: 0,
      windowEnds: now + window,
      blockedUntil: 0,
      nextAttempt: 0,
      users: new Map(),
      guesses: new Map(),
    };
    table.set(key, entry); // the newest again
    entry.count += 1;
    if (user !== undefined && (entry.users.size < usersMax || entry.users.has(user)))
      entry.users.set(user, (entry.users.get(user) ?? 0) + 1);
    // Accounts are never blocked: that is what a guesser would want.
    if (table !== this.#accounts && entry.count >= failuresPerNetwork)
      entry.blockedUntil = now + blockFor;
    return entry;
  }

  #present(table: BoundedMap<string, Failures>, key: string): Failures | undefined {
    const entry = table.get(key);
    if (entry === undefined) return undefined;
    const now = this.#clock.now();
    if (entry.blockedUntil > now || (entry.blockedUntil === 0 && entry.windowEnds > now))
      return entry;
    table.delete(key);
    return undefined;
  }

  #isKnown(key: string): boolean {
    return (this.#known.get(key) ?? 0) > this.#clock.now();
  }
}

const knownKey = (client: string, user: string): string => `${client} ${addressKey(user)}`;
