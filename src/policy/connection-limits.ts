// How many connections may be open at once: in all, and from one client. A client is an IPv4
// address or an IPv6 /64, the least that one customer gets. What is counted is what is open, so the
// table is never larger than the limit on connections.

import { clientNetwork } from '../net/client-network.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';

export interface ConnectionLimitsOptions {
  readonly connections: number;
  readonly connectionsPerClient: number;
  /** Clients that are only counted in all: trusted networks. */
  readonly isExempt?: ((address: string) => boolean) | undefined;
}

export interface ConnectionLimits {
  /** Counts the connection in, or says what to answer in place of the greeting. */
  admit(address: string): Reply | undefined;
  /** Once for each connection that was admitted. */
  release(address: string): void;
  /** New limits for what comes from now on; nobody is thrown out. */
  update(options: ConnectionLimitsOptions): void;
  readonly open: number;
}

// RFC 5321 §3.8: 421 in place of the greeting. RFC 3463 §3.8: X.7.0, §3.4: X.3.2.
const full = reply(421, '3.2', 'Too many connections, try again later');
const fullForClient = reply(421, '7.0', 'Too many connections from your network, try again later');

export function createConnectionLimits(options: ConnectionLimitsOptions): ConnectionLimits {
  let limits = options;
  let open = 0;
  const clients = new Map<string, number>();
  return {
    get open() {
      return open;
    },
    update(next) {
      limits = next;
    },
    admit(address) {
      if (open >= limits.connections) return full;
      const client = clientNetwork(address);
      const own = clients.get(client) ?? 0;
      if (own >= limits.connectionsPerClient && !limits.isExempt?.(address)) return fullForClient;
      clients.set(client, own + 1);
      open += 1;
      return undefined;
    },
    release(address) {
      const client = clientNetwork(address);
      const own = clients.get(client);
      if (own === undefined) return;
      open -= 1;
      if (own > 1) clients.set(client, own - 1);
      else clients.delete(client);
    },
  };
}
