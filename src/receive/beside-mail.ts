// What a server does on request beside taking mail: URLs fetched (BURL, RFC 4468), mail handed over to whoever asks
// for theirs (ATRN, RFC 2645), the queue of a domain run (ETRN, RFC 1985).

import type { Peer } from '../net/peer.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';
import type { Fetched } from './conversation.ts';

/** What a URL names, or the reply that ends the transaction. */
export type FetchUrl = (
  account: string,
  url: string,
) => Promise<{ readonly bytes: Uint8Array; readonly release: () => void } | Reply>;

/** Hands mail that is kept for an account over to it, on its own connection. */
export interface Turns {
  /** `turn` comes with a positive reply. */
  ask(
    account: string,
    domains: readonly string[],
  ): Promise<{ readonly reply: Reply; readonly turn?: Turn }>;
}

/** As the client of whoever asked; never fails. */
export type Turn = (peer: Peer) => Promise<void>;

export interface BesideMailParts {
  /** Asks for the queue of a domain to be run. */
  readonly startQueue: (node: string) => Promise<Reply>;
  /** What a URL names that the account may read, or why it does not; undefined: there is none. */
  readonly fetchUrl?: FetchUrl | undefined;
  /** Who asks for mail that is kept for them; undefined: there is none. */
  readonly turns?: Turns | undefined;
}

// RFC 4468 §5: X.7.8, trust relationship required.
const urlUntrusted = reply(554, '7.8', 'Log in: URLs name messages of your own mailboxes here');

/** The end of a line may be kept back until more comes. */
const lastBytes = 1024;

export class BesideMail {
  readonly #parts: BesideMailParts;
  /** What a URL named and has not become content yet: so many octets. */
  #held: { readonly release: () => void; left: number } | undefined;
  /** What follows from ATRN. */
  #turn: Turn | undefined;

  constructor(parts: BesideMailParts) {
    this.#parts = parts;
  }

  etrn(node: string): Promise<Reply> {
    return this.#parts.startQueue(node);
  }

  async burl(url: string, account: string | undefined): Promise<Reply | Fetched> {
    const { fetchUrl } = this.#parts;
    if (fetchUrl === undefined || account === undefined) return urlUntrusted;
    this.release();
    const found = await fetchUrl(account, url);
    if ('code' in found) return found;
    const { bytes, release } = found;
    this.#held = { release, left: bytes.length };
    if (bytes.length === 0) this.release();
    return { fetched: bytes };
  }

  /** Octets of content have come, first of all those that were fetched; `written` once they are. */
  passed(octets: number, written: Promise<void> | undefined): void {
    const held = this.#held;
    if (held === undefined) return;
    held.left -= octets;
    if (held.left > lastBytes) return;
    const release = () => this.release();
    if (written === undefined) release();
    else written.then(release, release);
  }

  /** Nothing that was fetched is held any more. */
  release(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  async atrn(domains: readonly string[], account: string | undefined): Promise<Reply> {
    const { turns } = this.#parts;
    if (turns === undefined || account === undefined) return replies.notImplemented;
    const { reply: said, turn } = await turns.ask(account, domains);
    this.#turn = turn;
    return said;
  }

  /** ATRN was answered with 250: we are the client now. */
  async turned(peer: Peer): Promise<void> {
    const turn = this.#turn;
    this.#turn = undefined;
    await turn?.(peer);
  }
}
