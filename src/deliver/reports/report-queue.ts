// Our reports as mail of our own: queued like any other, from the null sender, so that nothing ever answers them
// (RFC 3834 §5), and signed where there are keys.

import type { Clock } from '../../base/clock.ts';
import { has8Bit } from '../../mail/conversion/transfer-encoding.ts';
import type { StoredContent } from '../../store/content.ts';
import { inlineBytesMax } from '../../store/content.ts';
import type { Turn } from '../../store/nodes.ts';
import type { NewMessage, NewRecipient, Origin } from '../../store/queue-store.ts';
import type { Spool } from '../../store/spool.ts';

/** The service in the origin of such a message. */
const service = 'reports';

export interface ReportQueueParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: () => string;
  readonly spool: Pick<Spool, 'store'>;
  /** Whom mail to an address goes to; [] where there is nobody. */
  readonly resolve: (address: string) => Promise<readonly NewRecipient[]>;
  /** Durable once resolved. */
  readonly submit: (message: NewMessage, turn?: Turn) => Promise<unknown>;
}

export interface OutgoingReport {
  readonly to: string;
  readonly bytes: Uint8Array;
  /** Without its brackets. */
  readonly messageId: string;
  /** That it is made in: without it, it is not queued. */
  readonly turn?: Turn | undefined;
}

/** False where the address leads nowhere. @throws TurnLostError */
export type QueueReport = (report: OutgoingReport) => Promise<boolean>;

export function reportQueue(parts: ReportQueueParts): QueueReport {
  return async ({ to, bytes, messageId, turn }) => {
    const recipients = await parts.resolve(to);
    if (recipients.length === 0) return false;
    const id = parts.ids();
    const content: StoredContent =
      bytes.length <= inlineBytesMax ? { kind: 'inline', bytes } : await parts.spool.store(bytes);
    const params = has8Bit(bytes) ? ['BODY=8BITMIME'] : [];
    const message: NewMessage = {
      ...{ id, received: parts.clock.now(), sender: '', params, prefix: '', content },
      recipients: recipients.map((recipient) => ({
        ...{ ...recipient, params: ['NOTIFY=NEVER'] },
        ...(recipient.address === to ? {} : { original: to }),
      })),
      origin: { session: id, service, protocol: 'local' },
      messageId: `<${messageId}>`,
    };
    await parts.submit(message, turn);
    return true;
  };
}

/** Whether a message is a report of ours. */
export const isOurReport = (origin: Pick<Origin, 'service'>): boolean => origin.service === service;
