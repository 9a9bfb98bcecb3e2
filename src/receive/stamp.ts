// The trace fields put in front of a message that we take responsibility for: Received
// (RFC 5321 §4.4), and for submissions what RFC 6409 §8 lets us add. The content is never touched.

import type { HeaderScan } from '../mail/header.ts';
import { receivedField } from '../mail/trace.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import { entersHere } from '../policy/envelope.ts';
import type { NewRecipient, Origin } from '../store/queue-store.ts';
import { fixSubmission } from './submission.ts';

export interface StampFacts {
  readonly id: string;
  readonly now: number;
  readonly hostname: string;
  readonly client: ClientFacts;
  readonly origin: Origin;
  readonly header: HeaderScan;
  /** The first octets of the content, the header at least as far as it was scanned. */
  readonly head: Uint8Array;
  readonly recipients: readonly NewRecipient[];
  /** The reverse-path in wire form, '' for the null one. */
  readonly sender: string;
  /** That the client gave. */
  readonly priority?: number | undefined;
}

/** Header lines ending in CRLF. */
export function stamp(facts: StampFacts): string {
  const { id, now, hostname, client, origin, recipients } = facts;
  const received = receivedField({
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
  // RFC 6409 §8: only mail that enters the mail system here is mended.
  return entersHere(client) ? received + fixSubmission(facts) : received;
}
