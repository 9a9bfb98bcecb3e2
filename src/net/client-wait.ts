// How long a conversation still waits for its client, what it read last, and how it ends: the same for every
// protocol. A command resets the time, a byte now and then does not (RFC 5321 §4.5.3.2, RFC 1939 §3,
// RFC 9051 §5.4), so that nobody keeps a connection for nothing.

import type { Clock } from '../base/clock.ts';
import type { Peer } from './peer.ts';
import { PeerTimeout } from './peer.ts';

/** How long a session waits: of SMTP's, IMAP's and POP3's. */
export interface Patience {
  /** How many commands there were so far: another one begins the wait anew. */
  readonly commands: number;
  /** For the next octets. */
  readonly timeoutMs: number;
  /** For all that the client is about; default: as for the next octets. */
  readonly wholeMs?: number | undefined;
}

/** Whether a session that is to stop is over: then it has said so, as its last word. */
export function endsNow(
  session: { readonly idle: boolean; shuttingDown(): void },
  stopping: boolean,
): boolean {
  if (!stopping || !session.idle) return false;
  session.shuttingDown();
  return true;
}

/** Ends the connection behind its last words, which are on their way. Never fails. */
export function endAfter(said: Promise<void> | undefined, peer: Peer, lingerMs?: number): void {
  void said?.catch(() => {});
  void peer.end(lingerMs).then(() => peer.destroy());
}

export class ClientWait {
  readonly #clock: Pick<Clock, 'now'>;
  #since = 0;
  #commands = -1;
  #taken: Uint8Array | undefined;
  #waiting = false;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Nothing is under way but that the client is listened to. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** What the client says next; undefined when it has hung up, 'timeout' when its time is over. */
  read(peer: Peer, patience: Patience): Promise<Uint8Array | 'timeout' | undefined> {
    const remainingMs = this.#remainingMs(patience);
    if (remainingMs === 0) return Promise.resolve('timeout');
    this.#waiting = true;
    return peer.read(remainingMs).then(this.#heard, this.#failed);
  }

  readonly #heard = (chunk: Uint8Array | undefined): Uint8Array | undefined => {
    this.#waiting = false;
    this.#taken = chunk;
    return chunk;
  };

  readonly #failed = (error: unknown): 'timeout' => {
    this.#waiting = false;
    if (error instanceof PeerTimeout) return 'timeout';
    throw error;
  };

  #remainingMs({ commands, timeoutMs, wholeMs = timeoutMs }: Patience): number {
    if (commands !== this.#commands) {
      this.#commands = commands;
      this.restart();
    }
    const left = this.#since + wholeMs - this.#clock.now();
    if (left <= 0) return 0;
    // Rounded up to seconds: a wait that ends a little sooner than the one before would set the peer's timer anew.
    return Math.min(timeoutMs, Math.ceil(left / 1000) * 1000);
  }

  /** The client goes on with what it is about. */
  restart(): void {
    this.#since = this.#clock.now();
  }

  /** The session has copied what it still needs of what was read: its memory may be used for something else. */
  release(peer: Peer): void {
    if (this.#taken !== undefined) peer.free?.(this.#taken);
    this.#taken = undefined;
  }
}
