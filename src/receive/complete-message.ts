// The content has come: is it a loop, what do policies say, what do filters make of it? Then it is taken. The
// content on the disk is what was told of last, and is gone when there is no 250. RFC 5321 §4.2.5.

import type { Clock } from '../base/clock.ts';
import { mailLoop } from '../mail/trace/loop.ts';
import type { Objection } from '../policy/answers.ts';
import type { Arrival, Policies } from '../policy/policy.ts';
import { deliverByPassed } from '../smtp/extensions/deliver-by.ts';
import { findParam } from '../smtp/extensions/index.ts';
import type { Reply } from '../smtp/reply.ts';
import { StoreGoneError } from '../smtp/smtp-error.ts';
import type { StoredContent } from '../store/content.ts';
import type { ContentWriter, Spool } from '../store/spool.ts';
import type { Replies } from './conversation.ts';
import type { FilteringParts } from './filtering.ts';
import { filtered } from './filtering.ts';
import { arrivalOf, withoutDropped } from './head-changes.ts';
import { lessTime } from './new-message.ts';
import type { TakingParts } from './take-message.ts';
import { discard, takeMessage } from './take-message.ts';
import type { Transaction } from './taking.ts';
import { takingOf } from './taking.ts';

export interface CompletingParts extends TakingParts, Pick<FilteringParts, 'addressMap'> {
  readonly limits?:
    | {
        /** Received fields of a message that goes round in circles. RFC 5321 §6.3. */
        readonly receivedFields?: number | undefined;
      }
    | undefined;
  readonly policies: Policies;
  readonly spool: Spool;
  readonly messageId: () => string;
  readonly clock: Clock;
}

/** RFC 5321 §4.2.5: with a 250 we take responsibility for the message. */
export async function completeMessage(
  transaction: Transaction,
  writer: ContentWriter,
  parts: CompletingParts,
  onArrival: (arrival: Arrival) => void,
): Promise<Reply | Replies> {
  const { policies, spool } = parts;
  const { envelope, answers } = transaction;
  let content: StoredContent | undefined;
  const onContent = (stored: StoredContent) => {
    content = stored;
  };
  try {
    content = await writer.commit();
    const found = arrivalOf(content, spool);
    const arrival = found instanceof Promise ? await found : found;
    onArrival(arrival);
    const asked =
      loop(arrival, parts) ??
      late(transaction, parts.clock.now()) ??
      answers.ask(policies.message, (policy) => policy.message(envelope, arrival));
    const objection = asked instanceof Promise ? await asked : asked;
    if (objection !== undefined) {
      await discard(content, spool);
      return objection;
    }
    const kept =
      answers.head.length === 0 ? arrival : await withoutDropped(arrival, answers.head, spool);
    content = kept.content;
    const facts = { id: envelope.queueId(), now: parts.clock.now(), hostname: parts.hostname };
    const taking = takingOf(transaction, kept, facts);
    if (policies.filter.length === 0) return await takeMessage(taking, parts);
    const made = await filtered(taking, { ...parts, onContent });
    if ('taking' in made) return await takeMessage(made.taking, parts);
    await discard(content, spool);
    return made.objection;
  } catch (error) {
    // What a store that is gone may have queued needs its file; recovery removes it if not.
    if (content !== undefined && !(error instanceof StoreGoneError)) await discard(content, spool);
    throw error;
  } finally {
    answers.release(); // unless it was queued
    writer.release();
  }
}

function loop(
  { head, header: { end, received } }: Arrival,
  { hostname, limits }: CompletingParts,
): Objection {
  return mailLoop(head.subarray(0, end), hostname, limits?.receivedFields, received);
}

/** RFC 2852 §3: the server may refuse at the dot what cannot be delivered in time any more. */
function late({ envelope, began }: Transaction, now: number): Objection {
  const by = findParam(envelope.params, 'BY');
  if (by === undefined || by.mode === 'N') return undefined;
  return lessTime(by, now - began).seconds > 0 ? undefined : deliverByPassed;
}
