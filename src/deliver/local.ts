// Delivery to a mailbox of ours. Nothing is written here: the result carries what to append, and it
// is stored in the transaction that takes the recipient from the queue, so that a message is in one
// of the two and never in both. RFC 5321 §4.4 (final delivery).

import type { Clock } from '../base/clock.ts';
import { HeaderWalk } from '../mail/header-walk.ts';
import { deliveredToField, returnPathField } from '../mail/trace.ts';
import { storeLinesOnly } from '../mailbox/lines-only.ts';
import type { Directory } from '../policy/directory.ts';
import type { Deliver, RecipientResult } from '../queue/delivery.ts';
import { reply } from '../smtp/reply.ts';
import type { QueuedMessage } from '../store/queue-store.ts';
import type { Spool } from '../store/spool.ts';

export interface LocalDeliveryOptions {
  readonly spool: Pick<Spool, 'create'>;
  readonly directory: Pick<Directory, 'accountOf'>;
  readonly clock: Clock;
}

const delivered = reply(250, '0.0', 'Delivered to mailbox');
// RFC 3463 §3.2: X.1.1. There was such a mailbox when the message was accepted.
const noMailbox = reply(550, '1.1', 'No such mailbox here');
// RFC 3463 §3.5: X.4.6, routing loop detected.
const loop = reply(554, '4.6', 'The message has been delivered to this address before');

export function createLocalDelivery({ directory, clock, spool }: LocalDeliveryOptions): Deliver {
  return async ({ message, recipients }) => {
    const before = await deliveredBefore(message);
    const results: RecipientResult[] = [];
    for (const { address } of recipients) {
      const account = await accountFor(address, before, directory);
      results.push(typeof account === 'string' ? await append(message, address, account) : account);
    }
    return { recipients: results, health: 'ok' };
  };

  async function append(
    message: QueuedMessage,
    address: string,
    account: string,
  ): Promise<RecipientResult> {
    // Each recipient has a copy of its own then.
    const encoded = isBinary(message) ? await storeLinesOnly(message.content, spool) : undefined;
    return {
      kind: 'delivered',
      reply: delivered,
      append: {
        account,
        folder: 'INBOX',
        content: encoded ?? { kind: 'queued', id: message.id },
        prefix: finalFields(message, address),
        flags: [],
        // RFC 9051 §2.3.3: the internal date is that of final delivery.
        received: clock.now(),
      },
    };
  }
}

/** RFC 3030 §3; and what is none by its label, where a look costs nothing. */
const isBinary = ({ params, content }: QueuedMessage): boolean =>
  params.some((param) => param.toUpperCase() === 'BODY=BINARYMIME') ||
  content.bytes?.includes(0) === true;

/** The account that gets it, or why nobody does. */
export async function accountFor(
  address: string,
  before: ReadonlySet<string> | undefined,
  directory: Pick<Directory, 'accountOf'>,
): Promise<string | RecipientResult> {
  if (before?.has(address.toLowerCase())) return { kind: 'failed', reply: loop, remote: false };
  const account = await directory.accountOf(address);
  return account ?? { kind: 'failed', reply: noMailbox, remote: false };
}

/**
 * RFC 5321 §4.4: the Return-path line comes first, put there by final delivery.
 * Deviation: Return-Path fields that were in the content already are left in it, after ours: the
 * content is shared by all recipients and is never changed.
 */
export const finalFields = ({ sender, prefix }: QueuedMessage, address: string): string =>
  returnPathField(sender) + deliveredToField(address) + prefix;

const deliveredTo = 'delivered-to';

/**
 * The addresses, in lower case, that the message was delivered to before: who sends it back to one
 * of them has made a loop. Field: the convention of qmail and Postfix. Undefined for none.
 */
export async function deliveredBefore({
  content,
}: QueuedMessage): Promise<ReadonlySet<string> | undefined> {
  const bytes = content.bytes ?? (await firstChunk(content));
  let found: Set<string> | undefined;
  const walk = new HeaderWalk(bytes);
  while (walk.next()) {
    if (walk.nameLength !== deliveredTo.length || !walk.isNamed(deliveredTo)) continue;
    const value = Buffer.from(bytes.subarray(walk.colon + 1, walk.end)).toString('utf8');
    found = (found ?? new Set()).add(value.replace(/\r?\n/g, '').trim().toLowerCase());
  }
  return found;
}

/** Limit: of larger messages the first piece is looked at, at most 64 KiB. */
async function firstChunk(content: QueuedMessage['content']): Promise<Uint8Array> {
  for await (const chunk of content.read()) return Uint8Array.from(chunk);
  return new Uint8Array();
}
