// What stands behind a listening socket: takes connections, ends them when the server stops.

import type { Peer } from './peer.ts';

export interface Service {
  /** The service owns the connection from then on. */
  accept(peer: Peer): void;
  /** Ends what is idle now and the rest when it is done; resolves when all are gone. */
  shutdown(): Promise<void>;
  /** Drops what is still there. */
  destroy(): void;
}
