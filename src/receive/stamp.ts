// The trace field put in front of a message that we take responsibility for: Received (RFC 5321 §4.4).

import { receivedField } from '../mail/trace/trace.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { NewRecipient, Origin } from '../store/queue-store.ts';

export interface StampFacts {
  readonly id: string;
  readonly now: number;
  readonly hostname: string;
  readonly client: ClientFacts;
  readonly origin: Origin;
  readonly recipients: readonly NewRecipient[];
  /** That the client gave. */
  readonly priority?: number | undefined;
}

/** Header lines ending in CRLF. */
export function stamp(facts: StampFacts): string {
  const { id, now, hostname, client, origin, recipients } = facts;
  return receivedField({
    helo: client.hello,
    clientAddress: client.remote.address,
    hostname,
    protocol: origin.protocol,
    id,
    date: now,
    priority: facts.priority,
    ...(origin.tls !== undefined && { tls: origin.tls }),
    // RFC 5321 §7.6: "for" with more than one recipient would tell each of the others.
    ...(recipients.length === 1 && { for: recipients[0]!.original ?? recipients[0]!.address }),
  });
}
