// How long a conversation still waits for its client, and what it read last: the same for every
// protocol. A command resets the time, a byte now and then does not (RFC 5321 §4.5.3.2, RFC 1939 §3,
// RFC 9051 §5.4), so that nobody keeps a connection for nothing.

import type { Clock } from '../base/clock.ts';
import type { Peer } from './peer.ts';

export class ClientWait {
  readonly #clock: Pick<Clock, 'now'>;
  #since = 0;
  #commands = -1;
  #taken: Uint8Array | undefined;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * What is left of `wholeMs` since the number of commands changed, `mostMs` at the most; 0 when it is
   * over.
   */
  remainingMs(commands: number, wholeMs: number, mostMs: number): number {
    if (commands !== this.#commands) {
      this.#commands = commands;
      this.restart();
    }
    const left = this.#since + wholeMs - this.#clock.now();
    if (left <= 0) return 0;
    // Rounded to seconds so that the socket's timer is not set anew for each read.
    return Math.min(mostMs, Math.ceil(left / 1000) * 1000);
  }

  /** The client goes on with what it is about. */
  restart(): void {
    this.#since = this.#clock.now();
  }

  /** These bytes are what the session works on now. */
  took(bytes: Uint8Array): void {
    this.#taken = bytes;
  }

  /** The session has copied what it still needs: their memory may be used for something else. */
  release(peer: Peer): void {
    if (this.#taken !== undefined) peer.free?.(this.#taken);
    this.#taken = undefined;
  }
}
