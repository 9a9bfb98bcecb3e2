// A byte stream to somebody, and the facts about it. net/listener.ts and net/dialer.ts make them
// from sockets; a simulation makes them from queues.

import type { TlsFacts } from '../smtp/tls-facts.ts';

export interface Endpoint {
  /** Textual IP address without brackets or zone, or a socket path. */
  readonly address: string;
  readonly port: number;
}

/** The peer was silent for too long. */
export class PeerTimeout extends Error {
  override readonly name = 'PeerTimeout';
}

export interface Peer {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly tls: TlsFacts | undefined;
  /** Octets of the connection so far. A peer that does not count has none of this. */
  readonly bytes?: { readonly read: number; readonly written: number } | undefined;
  /**
   * The next bytes, or undefined at the end of the stream.
   * @throws PeerTimeout after `timeoutMs` without any; Error when the connection breaks.
   */
  read(timeoutMs: number): Promise<Uint8Array | undefined>;
  /** It has said something that nobody has read yet. A peer that cannot know it has none of this. */
  hasInput?(): boolean;
  /** What read() gave is not looked at again, by anybody: its memory may be used for something else. */
  free?(bytes: Uint8Array): void;
  /**
   * Resolves when the bytes may be followed by more (back-pressure), or with `sent` when they are
   * not needed any more: the system has them. Rejects when broken. A promise only where that takes time.
   */
  write(
    bytes: Uint8Array | string,
    timeoutMs?: number,
    until?: 'taken' | 'sent',
  ): Promise<void> | undefined;
  /**
   * Sends what was written, then ends. What the peer still sends is thrown away until it ends too, for
   * `lingerMs` at most: a connection that is closed over unread input is reset, and what was
   * written last may be lost with it. Default: does not wait.
   */
  end(lingerMs?: number): Promise<void>;
  /**
   * Calls back once when the peer will say no more, even if nobody reads: what is done for it alone
   * need not go on. Returns what forgets the wish. A peer that cannot know it has none of this.
   */
  onLeave?(callback: () => void): () => void;
  /** Drops the connection at once. */
  destroy(): void;
}
