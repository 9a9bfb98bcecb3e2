// STARTTLS on the server's side, the same for every protocol.

import type { Peer } from './peer.ts';

/**
 * Resolves to the connection under TLS. `goAhead` is the sending of the reply that tells the client to begin.
 * It is not waited for, so that nothing is read between it and the handshake: what the client sends from then
 * on is TLS, and would be taken for commands in the clear.
 */
export function startTlsAfter(
  goAhead: Promise<void>,
  peer: Peer,
  startTls: (peer: Peer) => Promise<Peer>,
): Promise<Peer> {
  // If the reply cannot be sent, the handshake fails and says so.
  void goAhead.catch(() => {});
  return startTls(peer);
}
