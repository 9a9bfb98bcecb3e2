// The last step of SPINE 1: a message that nobody objected to is queued, and its client told so. In LMTP
// policies are asked about each recipient first. RFC 5321 §4.2.5, RFC 2033 §4.2.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { AcceptedRecipient, ClientFacts } from '../policy/envelope.ts';
import type { Policies } from '../policy/policy.ts';
import { largerThanMailbox, mailboxFull } from '../policy/quota.ts';
import { requestsText } from '../queue/requests-text.ts';
import type { ReceivingTracer } from '../queue/story/message-tracer.ts';
import { findParam } from '../smtp/extensions/index.ts';
import type { MtrkParam } from '../smtp/extensions/mtrk.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';
import type { StoredContent } from '../store/content.ts';
import { storedSize } from '../store/content.ts';
import type { Quota } from '../store/folder-store.ts';
import type { NewMessage, RoomAsked, Way } from '../store/queue-store.ts';
import type { Spool } from '../store/spool.ts';
import type { Replies } from './conversation.ts';
import { newMessage } from './new-message.ts';
import { queueRecipients, roomAsked } from './recipients.ts';
import type { Taking } from './taking.ts';

export interface TakingParts {
  readonly hostname: string;
  readonly wayOf: (address: string) => Way;
  readonly policies: Pick<Policies, 'messageFor'>;
  /** What each account may keep at present, where mailboxes are ours; undefined: anything. */
  readonly quota?: (() => Quota | undefined) | undefined;
  readonly spool: Pick<Spool, 'remove'>;
  /**
   * Durable once resolved. With `room` only as far as there is room in mailboxes: resolves to which
   * of its replies are "full".
   */
  readonly submit: (
    message: NewMessage,
    client: ClientFacts,
    room?: RoomAsked,
    // biome-ignore lint/suspicious/noConfusingVoidType: where mailboxes are none of ours
  ) => Promise<readonly number[] | void>;
  /** A message is queued of which its sender will ask where it is. Never fails. */
  readonly tracked?: ((message: NewMessage, mtrk: MtrkParam) => Promise<void>) | undefined;
  readonly tracer?: ReceivingTracer | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/**
 * RFC 2033 §4.2: in LMTP each recipient may have another answer after the content. Those without
 * an objection share one: they are queued together, durably or not at all, and what becomes of them
 * later (a mailbox that is gone meanwhile, a next hop that refuses) is for the queue to report. So
 * whatever can be known of a recipient by now has to be an objection here.
 */
export async function takeMessage(taking: Taking, parts: TakingParts): Promise<Reply | Replies> {
  const { transaction, envelope, removed, added } = taking;
  const { recipients } = transaction;
  const isSame = removed.size === 0 && added.length === 0;
  const people = isSame ? recipients : [...recipients.filter((one) => !removed.has(one)), ...added];
  if (taking.discarded || people.length === 0) return throwAway(taking, parts);
  if (envelope.client.service === 'lmtp') return takeForEach(taking, parts);
  const answer = await queue(taking, people, parts);
  return answer.full.length > 0 ? answer.no : answer.yes;
}

async function takeForEach(taking: Taking, parts: TakingParts): Promise<Replies> {
  const { messageFor } = parts.policies;
  const { transaction, envelope, draft, removed, added } = taking;
  const { answers, recipients } = transaction;
  const said: (Reply | undefined)[] = [];
  for (const recipient of recipients)
    said.push(
      removed.has(recipient)
        ? replies.messageOk
        : await answers.ask(messageFor, (policy) =>
            policy.messageFor(envelope, draft.arrival, recipient),
          ),
    );
  const taken = recipients.filter((_, i) => said[i] === undefined);
  if (taken.length + added.length === 0) {
    await discard(draft.arrival.content, parts.spool);
    return { each: said.filter((one) => one !== undefined) };
  }
  // What this throws is a 4yz for everybody: whoever was refused is asked about again.
  const { yes, no, full } = await queue(taking, [...taken, ...added], parts);
  const answered = taken.map((_, i) => (full.includes(i) ? no : yes)).values();
  return { each: said.map((one) => one ?? answered.next().value!) };
}

/** A filter wants it delivered to nobody: the queue knows how, and tells `why` of it. */
async function throwAway(taking: Taking, parts: TakingParts): Promise<Reply | Replies> {
  const { recipients } = taking.transaction;
  const nowhere: Way = { delivery: 'discard', destination: 'discard' };
  const { yes } = await queue({ ...taking, held: false }, recipients, {
    ...parts,
    wayOf: () => nowhere,
  });
  const isEach = taking.envelope.client.service === 'lmtp';
  return isEach ? { each: recipients.map(() => yes) } : yes;
}

/** `full`: which of the recipients are told `no`; in SMTP, where all are told the same, [0]. */
async function queue(
  taking: Taking,
  recipients: readonly AcceptedRecipient[],
  parts: TakingParts,
): Promise<Queued> {
  const { submit, wayOf, hostname, spool, clock, log } = parts;
  const { client } = taking.envelope;
  const { answers } = taking.transaction;
  const found = queueRecipients(recipients, wayOf);
  const receiving = parts.tracer?.receive(taking.transaction.began);
  const trace = receiving?.trace;
  const message = newMessage({ hostname, taking, recipients: found.recipients, trace });
  const quota = parts.quota?.();
  const isEach = client.service === 'lmtp';
  const room = quota === undefined ? undefined : roomAsked(message, found, { quota, isEach });
  let full: readonly number[];
  try {
    full = (await submit(message, client, room)) ?? [];
  } catch (error) {
    receiving?.failed(message.origin, clock.now(), messageOf(error));
    throw error;
  }
  const isRefused = full.length > 0 && full.length === room?.replies.length;
  if (isRefused) {
    receiving?.failed(message.origin, clock.now(), 'the mailbox is full');
    await discard(message.content, spool);
  } else {
    receiving?.queued(message, clock.now());
    answers.settle();
    logReceived(log, message);
    const mtrk = findParam(taking.envelope.params, 'MTRK');
    if (mtrk !== undefined) await parts.tracked?.(message, mtrk);
  }
  const never = room?.needs.some((need) => need !== undefined && need.bytes > quota!.bytes);
  const no = never ? largerThanMailbox : mailboxFull;
  return { yes: reply(250, '6.0', `Queued as ${message.id}`), no, full };
}

function logReceived(log: Log, message: NewMessage): void {
  const { id, sender, recipients, content, messageId } = message;
  const requests = requestsText(message);
  log.info('received', {
    id,
    from: sender,
    to: recipients[0]!.address,
    ...(recipients.length > 1 && { recipients: recipients.length }),
    bytes: storedSize(content),
    messageId,
    ...(requests.length > 0 && { asked: requests.join(', ') }),
  });
}

/** Content that is not kept after all. */
export async function discard(stored: StoredContent, spool: Pick<Spool, 'remove'>): Promise<void> {
  if (stored.kind === 'file') await spool.remove(stored.key);
}

interface Queued {
  readonly yes: Reply;
  readonly no: Reply;
  readonly full: readonly number[];
}
