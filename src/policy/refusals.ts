// What a client was refused, written down: a line in the log for each refusal, and an event of history
// for `why`. Under a flood only the first of each client are, and then how many were left out; so that
// nobody fills a disk by being refused. Field: what Postfix calls NOQUEUE.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { addressKey } from '../mail/fields/address.ts';
import { findingText } from '../mail/finding.ts';
import { clientNetwork } from '../net/client-network.ts';
import type { HistoryStore, RefusalFacts, RefusedEvent } from '../store/history.ts';
import { bareMessageId } from '../store/history.ts';

export interface Refusal extends RefusalFacts {
  /** Undefined before there is one: connections that were turned away. */
  readonly session?: string | undefined;
}

export interface LoginFailure {
  readonly client: string;
  readonly mechanism: string;
  readonly reason: string;
  /** As it was given. */
  readonly user?: string | undefined;
  /** What failed on our side. */
  readonly error?: string | undefined;
}

/** What is counted of a refusal. */
export type RefusalSeen = Pick<RefusalFacts, 'stage' | 'reply'>;

export interface RefusalsParts {
  readonly log: Log;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly history?: Pick<HistoryStore, 'record'> | undefined;
  /** Called for each, also where nothing is written down. */
  readonly onRefusal?: ((refusal: RefusalSeen) => void) | undefined;
}

/** Limit: lines about one client (an IPv4 address or an IPv6 /64) within `windowMs`. */
export const refusalsPerClient = 20;
export const windowMs = 10_000;
/** Limit: clients that are counted; beyond it the one counted longest is forgotten, and told of. */
const clientsMax = 10_000;
/** Limit: characters of what a client said of itself and of its recipients. */
const textMax = 320;

interface Window {
  readonly since: number;
  lines: number;
  leftOut: number;
}

export class Refusals {
  readonly #parts: RefusalsParts;
  readonly #windows = new Map<string, Window>();
  #cancelSweep: (() => void) | undefined;

  constructor(parts: RefusalsParts) {
    this.#parts = parts;
  }

  /** `log` may be that of a session. */
  note(refusal: Refusal, log: Log = this.#parts.log): void {
    this.#parts.onRefusal?.(refusal);
    if (!this.#admits(refusal.client)) return;
    const { session, from, to, hello, findings, ...rest } = refusal;
    const facts = { ...rest, hello: cut(hello), from: cut(from), to: cut(to) };
    const found = findings?.map(findingText);
    log.info('refused', { session, ...facts, ...(found !== undefined && { findings: found }) });
    const told = findings === undefined ? facts : { ...facts, findings };
    this.#record(session ?? '', told, [from, to, refusal.account]);
  }

  loginFailed(failure: LoginFailure, log: Log = this.#parts.log): void {
    const { client, reason, mechanism } = failure;
    this.#parts.onRefusal?.({ stage: 'login' });
    if (!this.#admits(client)) return;
    const user = cut(failure.user);
    log.warn('login failed', { ...failure, user });
    const told = failure.error === undefined ? reason : `${reason}: ${failure.error}`;
    const facts = { client, account: user, stage: 'login', reason: `${mechanism}: ${told}` };
    this.#record('', facts, [failure.user]);
  }

  /** Tells of what was left out so far. */
  close(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const [client, window] of this.#windows) this.#tell(client, window);
    this.#windows.clear();
  }

  #record(id: string, refusal: RefusalFacts, names: readonly (string | undefined)[]): void {
    const { history, clock } = this.#parts;
    if (history === undefined) return;
    const keys = names.flatMap((name) => (name ? [addressKey(name.slice(0, textMax))] : []));
    const { messageId } = refusal;
    if (messageId !== undefined) keys.push(bareMessageId(messageId));
    const event: RefusedEvent = {
      ...{ id, at: clock.now(), kind: 'refused' },
      ...{ refusal, keys: [...new Set(keys)] },
    };
    history.record(event);
  }

  #admits(address: string): boolean {
    const client = clientNetwork(address);
    const now = this.#parts.clock.now();
    let window = this.#windows.get(client);
    if (window === undefined || now - window.since >= windowMs) {
      if (window !== undefined) this.#forget(client, window);
      window = { since: now, lines: 0, leftOut: 0 };
      this.#makeRoom();
      this.#windows.set(client, window);
    }
    if (window.lines < refusalsPerClient) {
      window.lines += 1;
      return true;
    }
    window.leftOut += 1;
    this.#cancelSweep ??= this.#parts.clock.after(windowMs, () => this.#sweep());
    return false;
  }

  #makeRoom(): void {
    for (const [client, window] of this.#windows) {
      if (this.#windows.size < clientsMax) return;
      this.#forget(client, window);
    }
  }

  /** Windows that are over, oldest first. */
  #sweep(): void {
    this.#cancelSweep = undefined;
    const now = this.#parts.clock.now();
    let isMore = false;
    for (const [client, window] of this.#windows) {
      if (now - window.since >= windowMs) this.#forget(client, window);
      else isMore ||= window.leftOut > 0;
    }
    if (isMore) this.#cancelSweep = this.#parts.clock.after(windowMs, () => this.#sweep());
  }

  #forget(client: string, window: Window): void {
    this.#windows.delete(client);
    this.#tell(client, window);
  }

  #tell(client: string, { leftOut, since }: Window): void {
    if (leftOut === 0) return;
    const ms = this.#parts.clock.now() - since;
    this.#parts.log.info('refusals left out', { client, count: leftOut, ms });
  }
}

const cut = (text: string | undefined): string | undefined =>
  text !== undefined && text.length > textMax ? `${text.slice(0, textMax)}…` : text;
