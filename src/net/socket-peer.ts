// A Peer over a socket, for both directions. Reads are pulled: when nobody reads, at most
// `pendingBytesMax` wait here and the kernel holds the rest back. The one place besides the
// listener and the dialer that touches node:net and node:tls sockets.

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { timerDelayMsMax } from '../base/clock.ts';
import { freeMemory } from '../base/free-memory.ts';
import { plainAddress } from '../base/ip-address.ts';
import type { TlsFacts } from '../smtp/tls-facts.ts';
import { handshake, handshakeMs } from './handshake.ts';
import type { Endpoint, Peer } from './peer.ts';
import { PeerTimeout } from './peer.ts';
import { tlsFacts } from './tls.ts';

/** Limit: four of Node's reads; more would only move the kernel's buffer into our memory. */
const pendingBytesMax = 256 * 1024;
/** What a chunk costs besides its octets: one of a single octet is not small. */
const chunkOverheadBytes = 256;

/** How long the peer may take for what was written before the end. */
const flushMs = 30_000;
/** Limit: what is thrown away of a peer that goes on sending. */
const discardedBytesMax = 8 * 2 ** 20;

const done = Promise.resolve();
/** Made once: every connection ends in it, and nobody looks at its stack. */
const connectionClosed = new Error('connection closed');

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export class SocketPeer implements Peer {
  readonly #socket: Socket;
  #pending: Uint8Array[] | undefined;
  #pendingBytes = 0;
  #ended = false;
  #ending = false;
  #error: Error | undefined;
  /** Of the socket, which knows whether what was written makes way. */
  #timeoutMs = 0;
  #reader: Waiter<Uint8Array | undefined> | undefined;
  /** How long the reader waits in silence, in milliseconds, and until when by the monotonic clock. */
  #patienceMs = 0;
  #until = 0;
  /**
   * Not set anew for each read, which would cost more than the read: it rings for an earlier one, and is set again
   * if somebody has to wait longer.
   */
  #alarm: NodeJS.Timeout | undefined;
  #ringsAt = 0;
  /** Octets that had left when the reader's time began; undefined where that were all. */
  #gone: number | undefined;
  #writers: Waiter<void>[] | undefined;
  #leaving: Set<() => void> | undefined;
  #tls: TlsFacts | undefined;
  #remote: Endpoint | undefined;
  #local: Endpoint | undefined;

  /** `ends`, where somebody else (a proxy) knows better than the socket. */
  constructor(socket: Socket, ends?: { readonly remote: Endpoint; readonly local: Endpoint }) {
    this.#socket = socket;
    this.#remote = ends?.remote;
    this.#local = ends?.local;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('error', this.#onError);
    socket.on('timeout', this.#onTimeout);
    socket.on('drain', this.#onDrain);
    // Without a server around it, a TLSSocket reports late protocol errors only this way.
    if (socket instanceof TLSSocket) socket.on('_tlsError', this.#onError);
  }

  // Kept from the first look: a socket that is gone no longer knows, and messages outlive sockets.
  get bytes(): { readonly read: number; readonly written: number } {
    const { bytesRead: read, bytesWritten: written } = this.#socket;
    return { read, written };
  }

  get remote(): Endpoint {
    this.#remote ??= endpoint(this.#socket.remoteAddress, this.#socket.remotePort);
    return this.#remote;
  }

  get local(): Endpoint {
    this.#local ??= endpoint(this.#socket.localAddress, this.#socket.localPort);
    return this.#local;
  }

  get tls(): TlsFacts | undefined {
    if (this.#socket instanceof TLSSocket) this.#tls ??= tlsFacts(this.#socket);
    return this.#tls;
  }

  /** Somebody found the peer's certificate good who knows more than the runtime. RFC 7672 §3. */
  vouchFor(): void {
    if (this.tls !== undefined) this.#tls = { ...this.tls, verified: true, verifyError: undefined };
  }

  read(timeoutMs: number): Promise<Uint8Array | undefined> {
    const chunk = this.#pending?.shift();
    if (chunk !== undefined) {
      this.#pendingBytes -= chunk.length + chunkOverheadBytes;
      if (this.#pendingBytes < pendingBytesMax / 2) this.#socket.resume();
      return Promise.resolve(chunk);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    this.#patienceMs = timeoutMs;
    this.#waitOn();
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  hasInput(): boolean {
    return this.#pendingBytes > 0;
  }

  free({ buffer }: Uint8Array): void {
    // Each read has a buffer of its own, mostly with room that it did not need. Under TLS several
    // share one, which Node goes on writing to.
    if (!(this.#socket instanceof TLSSocket)) freeMemory(new Uint8Array(buffer));
  }

  write(
    bytes: Uint8Array | string,
    timeoutMs = 5 * 60_000,
    until: 'taken' | 'sent' = 'taken',
  ): Promise<void> | undefined {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    const socket = this.#socket;
    const takesAll = socket.writableLength === 0;
    let isEnough: boolean;
    let writer: Waiter<void> | undefined;
    if (until === 'taken') isEnough = socket.write(bytes);
    else {
      socket.write(bytes, (error) => {
        if (error) this.#onError(error);
        else if (writer !== undefined) this.#wrote(writer);
      });
      // The system has taken all of it at once; the callback comes later all the same.
      isEnough = socket.writableLength === 0;
    }
    // Somebody who is told things is listened to for longer, but not for what he does not take.
    if (takesAll && this.#reader !== undefined) this.#waitOn();
    if (isEnough) return undefined;
    this.#setTimeout(timeoutMs);
    return new Promise((resolve, reject) => {
      writer = { resolve, reject };
      this.#writers ??= [];
      this.#writers.push(writer);
    });
  }

  async end(lingerMs = 0): Promise<void> {
    // What the system has been given it sends before it closes. TLS says goodbye by itself.
    const { writableLength } = this.#socket;
    if (lingerMs === 0 && writableLength === 0 && !(this.#socket instanceof TLSSocket))
      return this.destroy();
    await new Promise<void>((resolve) => {
      if (this.#socket.destroyed) return resolve();
      // A peer that does not take the rest is not waited for.
      this.#ending = true;
      this.#socket.setTimeout(Math.min(this.#timeoutMs || this.#patienceMs || flushMs, flushMs));
      this.#socket.end(() => resolve());
      this.#socket.once('close', () => resolve());
      return undefined;
    });
    if (lingerMs > 0) await this.#discard(lingerMs);
  }

  #discard(lingerMs: number): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || this.#ended) return done;
    this.#pending = undefined;
    this.#pendingBytes = 0;
    socket.off('data', this.#onData);
    return new Promise((resolve) => {
      let discarded = 0;
      const over = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(over, lingerMs);
      socket.on('data', (chunk: Uint8Array) => {
        discarded += chunk.length;
        if (discarded > discardedBytesMax) over();
      });
      socket.once('end', over);
      socket.once('close', over);
      socket.resume();
    });
  }

  onLeave(callback: () => void): () => void {
    if (this.#ended || this.#error !== undefined) {
      queueMicrotask(callback);
      return () => {};
    }
    this.#leaving ??= new Set();
    this.#leaving.add(callback);
    return () => this.#leaving?.delete(callback);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Puts TLS under the connection: `wrap` makes the TLS socket. What was read in plaintext and not
   * yet taken is thrown away (CVE-2011-0411). This Peer is not to be used afterwards.
   * @throws Error when the handshake fails or takes longer than `timeoutMs`.
   */
  startTls(wrap: (socket: Socket) => TLSSocket, timeoutMs = handshakeMs): Promise<SocketPeer> {
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    socket.off('timeout', this.#onTimeout);
    socket.off('drain', this.#onDrain);
    socket.setTimeout(0);
    clearTimeout(this.#alarm);
    this.#pending = undefined;
    const ends = { remote: this.remote, local: this.local };
    const secured = wrap(socket);
    return handshake({ socket, secured }, timeoutMs, () => new SocketPeer(secured, ends));
  }

  #setTimeout(ms: number): void {
    if (ms === this.#timeoutMs) return;
    this.#timeoutMs = ms;
    this.#socket.setTimeout(Math.min(ms, timerDelayMsMax));
  }

  /** The reader's time begins now. */
  #waitOn(): void {
    const { writableLength } = this.#socket;
    this.#gone = writableLength === 0 ? undefined : this.#socket.bytesWritten - writableLength;
    this.#until = performance.now() + this.#patienceMs;
    if (this.#alarm !== undefined && this.#ringsAt <= this.#until) return;
    clearTimeout(this.#alarm);
    this.#setAlarm(this.#patienceMs);
  }

  #setAlarm(ms: number): void {
    const delayMs = Math.min(ms, timerDelayMsMax);
    this.#ringsAt = performance.now() + delayMs;
    this.#alarm = setTimeout(this.#onAlarm, delayMs).unref();
  }

  readonly #onAlarm = (): void => {
    this.#alarm = undefined;
    const reader = this.#reader;
    if (reader === undefined) return; // whoever reads next sets it again
    const leftMs = this.#until - performance.now();
    if (leftMs > 0) this.#setAlarm(leftMs);
    else if (this.#makesWay()) this.#waitOn();
    else {
      this.#reader = undefined;
      reader.reject(this.#silence(this.#patienceMs)); // it may still want to say why it hangs up
    }
  };

  /** The peer has taken some of what was still to be sent: a slow one is not a silent one. */
  #makesWay(): boolean {
    const { writableLength, bytesWritten } = this.#socket;
    return this.#gone !== undefined && bytesWritten - writableLength > this.#gone;
  }

  #silence(ms: number): PeerTimeout {
    return new PeerTimeout(`silent for ${Math.round(ms / 1000)} seconds`);
  }

  readonly #onData = (chunk: Uint8Array): void => {
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve(chunk);
      return;
    }
    this.#pending ??= [];
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length + chunkOverheadBytes;
    if (this.#pendingBytes >= pendingBytesMax) this.#socket.pause();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
    const leaving = this.#leaving;
    this.#leaving = undefined;
    if (leaving !== undefined) for (const callback of leaving) callback();
  };

  readonly #onError = (error: Error): void => {
    this.#fail(error);
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    clearTimeout(this.#alarm);
    this.#onEnd();
    this.#fail(connectionClosed);
  };

  readonly #onTimeout = (): void => {
    const ms = this.#timeoutMs;
    this.#timeoutMs = 0; // it fires once: whoever writes next sets it anew
    if (this.#writers !== undefined || this.#ending) this.#onError(this.#silence(ms));
  };

  #wrote(writer: Waiter<void>): void {
    const others = this.#writers?.filter((each) => each !== writer);
    this.#writers = others?.length === 0 ? undefined : others;
    writer.resolve();
  }

  readonly #onDrain = (): void => {
    const writers = this.#writers;
    this.#writers = undefined;
    if (writers !== undefined) for (const { resolve } of writers) resolve();
  };

  #fail(error: Error): void {
    this.#error ??= error;
    this.#reader?.reject(error);
    this.#reader = undefined;
    const writers = this.#writers;
    this.#writers = undefined;
    if (writers !== undefined) for (const { reject } of writers) reject(error);
  }
}

/** Both ends of a connection, as long as there is one. */
export const endsOf = (
  socket: Socket,
): { readonly remote: Endpoint; readonly local: Endpoint } => ({
  remote: endpoint(socket.remoteAddress, socket.remotePort),
  local: endpoint(socket.localAddress, socket.localPort),
});

/** IPv4 addresses that arrived on a dual-stack socket are written as IPv4. RFC 4291 §2.5.5.2. */
function endpoint(address: string | undefined, port: number | undefined): Endpoint {
  const text = address ?? '';
  const zone = text.indexOf('%');
  return { address: plainAddress(zone < 0 ? text : text.slice(0, zone)), port: port ?? 0 };
}
