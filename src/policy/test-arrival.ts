// For tests: a stranger who sends, and what of a message is shown to policies and filters.

import { scanHeader } from '../mail/header/header.ts';
import { memoryContent } from '../store/content.ts';
import type { ClientFacts } from './envelope.ts';
import type { Arrival } from './policy.ts';

export const stranger: ClientFacts = {
  ...{ session: 's1', service: 'smtp', hello: 'client.test', tls: undefined },
  remote: { address: '192.0.2.1', port: 4711 },
  local: { address: '192.0.2.2', port: 25 },
  ...{ account: undefined, trusted: false },
};

/** All of it, in memory. */
export const arrivalOf = (bytes: Uint8Array): Arrival => ({
  content: { kind: 'inline', bytes },
  open: () => memoryContent(bytes),
  head: bytes,
  header: scanHeader(bytes, true),
});
