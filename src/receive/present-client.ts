// Who is at the other end of a connection at present: its addresses, what it called itself, its TLS, who logged in. All of
// it may change under way: by EHLO, AUTH, STARTTLS (RFC 3207 §4.2), and by what a proxy tells (XCLIENT).

import { assert } from '../base/assert.ts';
import type { Log } from '../base/log.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import type { Endpoint, Peer } from '../net/peer.ts';
import type { Login, LoginClient, LoginResult } from '../policy/accounts/login.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { TlsFacts } from '../smtp/tls-facts.ts';
import type { Ends, IntroducedClient } from './told-client.ts';

export type ClientLogin = Pick<Login, 'start' | 'respond' | 'cancel'>;

export interface PresentClientParts {
  readonly service: ClientFacts['service'];
  readonly session: string;
  readonly peer: Peer;
  /** May relay without logging in. */
  readonly isTrusted: (address: string) => boolean;
  /** The logins of one connection; `log` is its session's. */
  readonly login: (log: Log, client: () => ClientFacts) => ClientLogin;
  readonly log: Log;
}

type Known = Pick<
  ClientFacts,
  'session' | 'service' | 'hello' | 'account' | 'mechanism' | 'trusted'
>;

/** A class, since getters of a literal would be new for each: slow to make, and slow to look at. */
class FactsOfNow implements ClientFacts {
  readonly session: string;
  readonly service: ClientFacts['service'];
  readonly remote: Endpoint;
  readonly hello: string;
  readonly tls: TlsFacts | undefined;
  readonly account: string | undefined;
  readonly mechanism: string | undefined;
  readonly trusted: boolean;
  readonly #ends: Ends;
  readonly #peer: Peer;

  constructor(known: Known, ends: Ends, peer: Peer) {
    this.session = known.session;
    this.service = known.service;
    this.remote = ends.remote;
    this.hello = known.hello;
    this.tls = peer.tls;
    this.account = known.account;
    this.mechanism = known.mechanism;
    this.trusted = known.trusted;
    this.#ends = ends;
    this.#peer = peer;
  }

  /** The system is asked when somebody looks; a socket that is gone knows what was asked before. */
  get local(): Endpoint {
    return this.#ends.local;
  }

  get hasSpoken(): boolean | undefined {
    return this.#peer.hasInput?.();
  }
}

export class PresentClient {
  readonly #parts: PresentClientParts;
  #peer: Peer;
  /** As a proxy told it, or else the peer's. */
  #ends: Ends;
  #trusted: boolean;
  #hello = '';
  #extended = false;
  #account: string | undefined;
  #mechanism: string | undefined;
  #login: ClientLogin | undefined;
  /** As long as nothing changes. */
  #facts: ClientFacts | undefined;

  constructor(parts: PresentClientParts) {
    this.#parts = parts;
    this.#peer = parts.peer;
    this.#ends = parts.peer;
    this.#trusted = parts.isTrusted(parts.peer.remote.address);
  }

  /** Of now: what changes later makes others of it. */
  get facts(): ClientFacts {
    this.#facts ??= this.#factsNow();
    return this.#facts;
  }

  #factsNow(): ClientFacts {
    const { session, service } = this.#parts;
    const account = this.#account;
    const mechanism = account === undefined ? undefined : this.#mechanism;
    return new FactsOfNow(
      { session, service, hello: this.#hello, account, mechanism, trusted: this.#trusted },
      this.#ends,
      this.#peer,
    );
  }

  get ends(): Ends {
    return this.#ends;
  }

  get trusted(): boolean {
    return this.#trusted;
  }

  get account(): string | undefined {
    return this.#account;
  }

  /** Of the last login, or of one that is under way. */
  get mechanism(): string | undefined {
    return this.#mechanism;
  }

  /** It said EHLO or LHLO. */
  get extended(): boolean {
    return this.#extended;
  }

  get hello(): string {
    return this.#hello;
  }

  get isEncrypted(): boolean {
    return this.#peer.tls !== undefined;
  }

  get mayRelay(): boolean {
    return this.#trusted || this.#account !== undefined;
  }

  /** The system is asked for it when somebody writes to an address literal. */
  ourAddress({ domain }: Mailbox): string | undefined {
    return domain.charCodeAt(0) === 0x5b ? this.#ends.local.address : undefined;
  }

  introduced(hello: string, extended: boolean): void {
    this.#hello = hello;
    this.#extended = extended;
    this.#facts = undefined;
  }

  /** RFC 3207 §4.2: what was known of the client before TLS is forgotten. */
  secured(peer: Peer): void {
    if (this.#ends === this.#peer) this.#ends = peer;
    this.#peer = peer;
    this.#hello = '';
    this.#account = undefined;
    this.#facts = undefined;
    this.cancelLogin();
  }

  /** From now on it is somebody else. */
  told({ remote, local, hello, introduced, account }: IntroducedClient): void {
    this.#ends = { remote, local };
    this.#trusted = this.#parts.isTrusted(remote.address);
    this.#account = account;
    this.#mechanism = undefined;
    this.introduced(hello, introduced === 'EHLO');
    this.cancelLogin();
  }

  startLogin(mechanism: string, initial: Uint8Array | undefined): Promise<LoginResult> {
    this.#login ??= this.#parts.login(this.#parts.log, () => this.facts);
    this.#mechanism = mechanism;
    this.#facts = undefined;
    return this.#loggingIn(this.#login.start(mechanism, initial, this.#loginClient()));
  }

  respondLogin(response: Uint8Array | undefined): Promise<LoginResult> {
    assert(this.#login !== undefined, 'an exchange was started');
    return this.#loggingIn(this.#login.respond(response));
  }

  cancelLogin(): void {
    this.#login?.cancel();
  }

  async #loggingIn(pending: Promise<LoginResult>): Promise<LoginResult> {
    const result = await pending;
    if (result.kind === 'logged-in') this.#account = result.account;
    this.#facts = undefined;
    return result;
  }

  #loginClient(): LoginClient {
    const peer = this.#peer;
    return {
      remote: this.#ends.remote,
      tls: peer.tls,
      ...(peer.onLeave !== undefined && { onLeave: (callback) => peer.onLeave!(callback) }),
    };
  }
}
