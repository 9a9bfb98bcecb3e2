// A Peer without a network: the test is the other end. It says something, and hears what comes back
// until the server waits again, so a test needs neither sockets nor time.

import type { TlsFacts } from '../smtp/tls-facts.ts';
import type { Endpoint, Peer } from './peer.ts';
import { PeerTimeout } from './peer.ts';

export interface MemoryPeerOptions {
  readonly remote?: Endpoint;
  readonly tls?: TlsFacts;
}

export class MemoryPeer implements Peer {
  readonly remote: Endpoint;
  readonly local: Endpoint = { address: '192.0.2.1', port: 25 };
  readonly tls: TlsFacts | undefined;
  /** The server has ended its half; the connection is gone. */
  ended = false;
  destroyed = false;
  /** The time-out of the read that waits, or of the last one. */
  timeoutMs = 0;
  readonly #input: (Uint8Array | undefined)[] = [];
  #output = '';
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #writer: PromiseWithResolvers<void> | undefined;
  #stuck = false;
  #error: Error | undefined;
  #quiet = Promise.withResolvers<void>();

  constructor({ remote, tls }: MemoryPeerOptions = {}) {
    this.remote = remote ?? { address: '198.51.100.7', port: 40_000 };
    this.tls = tls;
  }

  // The server's side.

  read(timeoutMs: number): Promise<Uint8Array | undefined> {
    this.timeoutMs = timeoutMs;
    if (this.#input.length > 0) return Promise.resolve(this.#input.shift());
    if (this.#error !== undefined) return Promise.reject(this.#error);
    this.#reader = Promise.withResolvers();
    this.#quiet.resolve();
    return this.#reader.promise;
  }

  /** Whoever still looks at it sees other octets. */
  free(bytes: Uint8Array): void {
    bytes.fill(0);
  }

  write(bytes: Uint8Array | string): Promise<void> | undefined {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    this.#output += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
    if (!this.#stuck) return undefined;
    this.#writer = Promise.withResolvers();
    this.#quiet.resolve();
    return this.#writer.promise;
  }

  async end(): Promise<void> {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.#quiet.resolve();
    this.#lose(new Error('connection closed'));
  }

  // The test's side.

  /** Resolves to what the server says until it waits for more, or the connection is gone. */
  say(text: string | Uint8Array): Promise<string> {
    this.#give(Buffer.from(text));
    return this.hear();
  }

  /** The same without saying anything. */
  async hear(): Promise<string> {
    if (this.#reader === undefined && !this.destroyed) await this.#quiet.promise;
    this.#quiet = Promise.withResolvers();
    const output = this.#output;
    this.#output = '';
    return output;
  }

  /** The client has nothing more to say; it may still listen. */
  endInput(): Promise<string> {
    this.#give(undefined);
    return this.hear();
  }

  /** The time of the read that waits is up. */
  timeOut(): Promise<string> {
    this.#takeReader()?.reject(new PeerTimeout('silent'));
    return this.hear();
  }

  /** The connection breaks. */
  async fail(): Promise<void> {
    this.#lose(new Error('connection reset'));
    await this.hear();
  }

  /** From now on nothing that is written gets away, until unstick(). */
  stick(): void {
    this.#stuck = true;
  }

  unstick(): void {
    this.#stuck = false;
    this.#writer?.resolve();
    this.#writer = undefined;
  }

  #give(bytes: Uint8Array | undefined): void {
    const reader = this.#takeReader();
    if (reader === undefined) this.#input.push(bytes);
    else reader.resolve(bytes);
  }

  /** Whoever has waited until now, perhaps before anybody listened, goes on. */
  #takeReader(): PromiseWithResolvers<Uint8Array | undefined> | undefined {
    const reader = this.#reader;
    if (reader !== undefined) this.#quiet = Promise.withResolvers();
    this.#reader = undefined;
    return reader;
  }

  #lose(error: Error): void {
    this.#error ??= error;
    this.#reader?.reject(error);
    this.#reader = undefined;
    this.#writer?.reject(error);
    this.#writer = undefined;
  }
}
