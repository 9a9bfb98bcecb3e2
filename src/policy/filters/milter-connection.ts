// One connection to a milter, and the conversation on it: octets between the peer and the machine, each answer
// within its time. A filter that tells of progress gets more of it, within a bound for all.

import { assert } from '../../base/assert.ts';
import { messageOf } from '../../base/error-text.ts';
import { MilterError } from '../../milter/frame.ts';
import type { MilterEvent, MilterSession } from '../../milter/session.ts';
import { MilterSession as Session } from '../../milter/session.ts';
import type { Dialer } from '../../net/dialer.ts';
import type { Peer } from '../../net/peer.ts';
import { PeerTimeout } from '../../net/peer.ts';

export interface MilterPlace {
  /** A host and a port, or a Unix socket. */
  readonly place: { readonly address: string; readonly port: number } | { readonly path: string };
  /** For a connection and to agree. */
  readonly connectTimeout: number;
  /** For an answer. */
  readonly commandTimeout: number;
  /** For the answer at the end of a message. */
  readonly messageTimeout: number;
}

export type MilterAnswer = Extract<MilterEvent, { readonly kind: 'verdict' }>;

/** Limit: how long a filter may be busy with one message, telling of progress. */
const progressMsMax = 10 * 60_000;
/** What is sent before an answer is waited for, where none is. */
const outputBytesMax = 256 * 1024;

/** Octets of changes that need no room. */
const changesFreely = 2 ** 20;

/** It is not there, says nothing, or what makes no sense. */
export class MilterFailure extends Error {
  override readonly name = 'MilterFailure';
  /** The connection ended, as it does when the filter is started anew. */
  readonly isEnd: boolean;

  constructor(message: string, isEnd = false) {
    super(message);
    this.isEnd = isEnd;
  }
}

export class MilterConnection {
  readonly session: MilterSession;
  readonly #peer: Peer;
  #isBusy = false;
  #isBroken = false;
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;

  constructor(peer: Peer, session: MilterSession) {
    this.#peer = peer;
    this.session = session;
  }

  /** @throws MilterFailure */
  static async open(
    { place, connectTimeout }: MilterPlace,
    dialer: Pick<Dialer, 'dial'>,
    changesBytesMax: number,
  ): Promise<MilterConnection> {
    let peer: Peer;
    try {
      peer = await dialer.dial({ ...place, timeoutMs: connectTimeout });
    } catch (error) {
      throw new MilterFailure(messageOf(error));
    }
    const connection = new MilterConnection(peer, new Session({ changesBytesMax }));
    await connection.#converse(() => connection.session.negotiate(), connectTimeout);
    return connection;
  }

  get isUsable(): boolean {
    return !this.#isBroken && !this.#isBusy;
  }

  /** Shows it something; resolves to what it says. @throws MilterFailure, and the connection is gone */
  async ask(
    show: (session: MilterSession) => void,
    timeoutMs: number,
    room?: () => Promise<void>,
  ): Promise<MilterAnswer> {
    const event = await this.#converse(() => show(this.session), timeoutMs, room);
    assert(event.kind === 'verdict', 'what is shown gets a verdict');
    return event;
  }

  /** The message is over. */
  abort(): void {
    if (!this.isUsable) this.destroy();
    else {
      this.session.abort();
      this.#send();
    }
  }

  /** The client is gone. */
  close(): void {
    if (!this.isUsable) this.destroy();
    else {
      this.session.quit();
      this.#send();
      this.#isBroken = true;
      void this.#peer.end().catch(() => {});
    }
  }

  destroy(): void {
    this.#isBroken = true;
    this.#peer.destroy();
  }

  async #converse(
    show: () => void,
    timeoutMs: number,
    room?: () => Promise<void>,
  ): Promise<MilterEvent> {
    if (!this.isUsable) throw new MilterFailure('the connection is gone', true);
    this.#isBusy = true;
    try {
      show();
      let event = this.session.next();
      this.#collect();
      if (event.kind === 'need-input') event = await this.#hear(timeoutMs, room);
      else if (this.#unsentBytes > outputBytesMax) await this.#peer.write(this.#taken(), timeoutMs);
      return event;
    } catch (error) {
      this.destroy();
      const isEnd = !(error instanceof PeerTimeout || error instanceof MilterError);
      throw new MilterFailure(messageOf(error), isEnd);
    } finally {
      this.#isBusy = false;
    }
  }

  async #hear(timeoutMs: number, room?: () => Promise<void>): Promise<MilterEvent> {
    await this.#peer.write(this.#taken(), timeoutMs);
    const until = performance.now() + progressMsMax;
    let isRoomy = room === undefined;
    for (;;) {
      const event = this.session.next();
      if (event.kind !== 'need-input' && event.kind !== 'progress') return event;
      // It waits as long, with what it has to say.
      if (!isRoomy && this.session.changesBytes > changesFreely) {
        isRoomy = true;
        await room?.();
      }
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new PeerTimeout('busy for too long');
      if (event.kind === 'progress') continue;
      const bytes = await this.#peer.read(Math.min(timeoutMs, leftMs));
      if (bytes === undefined) throw new Error('it closed the connection');
      this.session.receive(bytes);
    }
  }

  #collect(): void {
    const bytes = this.session.output();
    if (bytes.length === 0) return;
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
  }

  #taken(): Uint8Array {
    const bytes = Buffer.concat(this.#unsent);
    this.#unsent = [];
    this.#unsentBytes = 0;
    return bytes;
  }

  /** Nobody waits for it. */
  #send(): void {
    this.#collect();
    if (this.#unsentBytes > 0) this.#peer.write(this.#taken())?.catch(() => this.destroy());
  }
}
