// The simulated network: lines between two ends, each end a Peer. A line has a latency, hands bytes
// over in pieces of any size, and may be cut at any octet of either direction, or go dead there.
// An end belongs to somebody; when that process dies its ends hear nothing any more, and the other
// side sees what a kernel would show it.

import type { FakeClock } from '../../src/base/fake-clock.ts';
import type { Random } from '../../src/base/random.ts';
import { TlsHandshakeError } from '../../src/net/dialer.ts';
import type { Endpoint, Peer } from '../../src/net/peer.ts';
import { PeerTimeout } from '../../src/net/peer.ts';
import type { TlsFacts } from '../../src/smtp/tls-facts.ts';

/** Whoever holds an end: a process of ours that may die, or the rest of the world. */
export interface Life {
  dead: boolean;
}
export const theWorld: Life = { dead: false };

/** After so many octets from the caller or from the called. `hole`: no error, only silence. */
export interface Cut {
  readonly from: 'caller' | 'called';
  readonly afterBytes: number;
  readonly how: 'reset' | 'hole';
}

export interface LineOptions {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly latencyMs: number;
  /** Longest piece that one read gives. */
  readonly pieceBytesMax: number;
  readonly cut?: Cut | undefined;
  /** The TLS handshake fails. */
  readonly tlsFails?: boolean;
  readonly caller: Side;
  readonly called: Side;
}

export interface Side extends Endpoint {
  readonly life: Life;
}

/** From this size on pieces arrive as they were written. */
export const wholePieces = 65_536;

const tlsFacts: TlsFacts = {
  ...{ protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', verified: true, peerNames: [] },
};

export class Line {
  readonly options: LineOptions;
  readonly caller: End;
  readonly called: End;
  #sent = { caller: 0, called: 0 };
  #deaf = false;
  #handshakes: { end: End; resolve(end: End): void; reject(error: Error): void }[] = [];

  constructor(options: LineOptions) {
    this.options = options;
    const { caller, called } = options;
    this.caller = new End(this, caller, called);
    this.called = new End(this, called, caller);
  }

  other(end: End): End {
    return end === this.caller ? this.called : this.caller;
  }

  /** Later, but in order. */
  later(action: () => void): void {
    const { latencyMs, clock } = this.options;
    if (latencyMs === 0) queueMicrotask(action);
    else clock.after(latencyMs, action);
  }

  carry(from: End, bytes: Buffer): void {
    const side = from === this.caller ? 'caller' : 'called';
    const { cut } = this.options;
    let carried = bytes;
    const left = cut?.from === side ? cut.afterBytes - this.#sent[side] : bytes.length;
    this.#sent[side] += bytes.length;
    if (this.#deaf) return;
    if (left < bytes.length) carried = bytes.subarray(0, Math.max(0, left));
    const to = this.other(from);
    if (carried.length > 0) this.later(() => to.deliver(carried));
    if (carried.length === bytes.length) return;
    this.#deaf = true;
    if (cut?.how === 'reset')
      this.later(() => {
        for (const end of [this.caller, this.called]) end.broken('connection reset');
        this.hangUp();
      });
  }

  /** Both have to want it. What was not read in plaintext is gone. */
  secure(end: End, timeoutMs: number): Promise<End> {
    end.forget();
    return new Promise((resolve, reject) => {
      const fail = () => this.hangUp();
      const cancel = this.options.clock.after(timeoutMs, fail);
      this.#handshakes.push({
        end,
        resolve: (secured) => {
          cancel();
          resolve(secured);
        },
        reject: (error) => {
          cancel();
          end.destroy();
          if (!end.life.dead) reject(error);
        },
      });
      if (end.isClosed || this.other(end).isClosed) fail();
      if (this.#handshakes.length < 2) return;
      this.later(() => {
        if (this.options.tlsFails || this.#deaf) return fail();
        for (const { end: secured, resolve: done } of this.#handshakes.splice(0)) {
          secured.tls = tlsFacts;
          if (!secured.life.dead) done(secured);
        }
        return undefined;
      });
    });
  }

  /** Ends handshakes that cannot come to anything any more. */
  hangUp(): void {
    for (const { reject } of this.#handshakes.splice(0))
      reject(new TlsHandshakeError('TLS handshake failed: the connection is gone'));
  }
}

export class End implements Peer {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly life: Life;
  tls: TlsFacts | undefined;
  readonly #line: Line;
  #inbox: Buffer[] = [];
  #ended = false;
  #closed = false;
  #error: Error | undefined;
  #reader: { resolve(bytes: Uint8Array | undefined): void; reject(error: Error): void } | undefined;
  #cancelTimeout = () => {};
  #seen = '';

  constructor(line: Line, side: Side, other: Side) {
    this.#line = line;
    this.life = side.life;
    this.local = { address: side.address, port: side.port };
    this.remote = { address: other.address, port: other.port };
  }

  /** Everything that was read here, in latin1: what this side can know of the other. */
  get seen(): string {
    return this.#seen;
  }

  get isClosed(): boolean {
    return this.#closed || this.#error !== undefined;
  }

  read(timeoutMs: number): Promise<Uint8Array | undefined> {
    if (this.life.dead) return forever();
    const piece = this.#take();
    if (piece !== undefined) return Promise.resolve(piece);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended || this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#cancelTimeout = this.#line.options.clock.after(timeoutMs, () =>
        this.#answer((reader) => reader.reject(new PeerTimeout('silent for too long'))),
      );
    });
  }

  /** Whoever still looks at it sees other octets. */
  free(bytes: Uint8Array): void {
    bytes.fill(0);
  }

  write(bytes: Uint8Array | string): Promise<void> {
    if (this.life.dead) return forever();
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#closed) return Promise.reject(new Error('connection closed'));
    this.#line.carry(this, Buffer.from(bytes as Uint8Array));
    return Promise.resolve();
  }

  async end(): Promise<void> {
    if (this.life.dead) return forever();
    const other = this.#line.other(this);
    this.#line.later(() => other.finished());
  }

  destroy(): void {
    if (this.#closed || this.life.dead) return;
    this.#close();
  }

  /** The process is gone: the kernel closes its connections. */
  die(): void {
    this.#cancelTimeout();
    this.#reader = undefined;
    if (!this.#closed) this.#close();
  }

  startTls(timeoutMs: number): Promise<End> {
    return this.life.dead ? forever() : this.#line.secure(this, timeoutMs);
  }

  deliver(bytes: Buffer): void {
    if (this.#closed || this.#error !== undefined) return;
    this.#inbox.push(bytes);
    if (this.#reader === undefined) return;
    const piece = this.#take();
    this.#answer((reader) => reader.resolve(piece));
  }

  finished(): void {
    this.#ended = true;
    this.#answer((reader) => reader.resolve(undefined));
  }

  /** RFC 9293 §3.10.7.4: a reset takes with it what was not read. */
  broken(text: string): void {
    this.#inbox = [];
    this.#error ??= new Error(text);
    this.#answer((reader) => reader.reject(this.#error!));
  }

  forget(): void {
    this.#inbox = [];
  }

  #close(): void {
    const unread = this.#inbox.length > 0;
    this.#closed = true;
    this.#inbox = [];
    this.#answer((reader) => reader.resolve(undefined));
    const other = this.#line.other(this);
    this.#line.later(() => {
      if (unread) other.broken('connection reset');
      else other.finished();
      this.#line.hangUp();
    });
  }

  #take(): Uint8Array | undefined {
    const first = this.#inbox[0];
    if (first === undefined) return undefined;
    const { random, pieceBytesMax } = this.#line.options;
    const most = Math.min(first.length, pieceBytesMax);
    // In whole pieces, or in any.
    const whole = pieceBytesMax >= first.length && pieceBytesMax >= wholePieces;
    const length = whole ? first.length : 1 + Math.floor(random.fraction() * most);
    if (length >= first.length) this.#inbox.shift();
    else this.#inbox[0] = first.subarray(length);
    const piece = first.subarray(0, length);
    this.#seen += piece.toString('latin1');
    return piece;
  }

  #answer(
    how: (reader: {
      resolve(bytes: Uint8Array | undefined): void;
      reject(error: Error): void;
    }) => void,
  ): void {
    const reader = this.#reader;
    if (reader === undefined || this.life.dead) return;
    this.#cancelTimeout();
    this.#reader = undefined;
    how(reader);
  }
}

/** What the dead wait for. */
export const forever = (): Promise<never> => new Promise(() => {});
