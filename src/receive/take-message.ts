// The last step of SPINE 1: a message that nobody objected to is queued, and its client told so. In LMTP
// policies are asked about each recipient first. RFC 5321 §4.2.5, RFC 2033 §4.2.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Answers, Objection } from '../policy/answers.ts';
import type { AcceptedRecipient, ClientFacts, Envelope } from '../policy/envelope.ts';
import type { Arrival, Policies } from '../policy/policy.ts';
import { largerThanMailbox, mailboxFull } from '../policy/quota.ts';
import { requestsText } from '../queue/requests-text.ts';
import { findParam } from '../smtp/extensions/index.ts';
import type { MtrkParam } from '../smtp/extensions/mtrk.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';
import type { StoredContent } from '../store/content.ts';
import { storedSize } from '../store/content.ts';
import type { Quota } from '../store/folder-store.ts';
import type { NewMessage, RoomAsked, Way } from '../store/queue-store.ts';
import type { Spool } from '../store/spool.ts';
import type { Replies } from './conversation.ts';
import { newMessage } from './new-message.ts';
import { queueRecipients, roomAsked } from './recipients.ts';

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
  readonly messageId: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** From MAIL to the end of the content, or to whatever ends it before. */
export interface Transaction {
  readonly envelope: Envelope;
  readonly answers: Answers;
  /** The client said EHLO or LHLO. */
  readonly extended: boolean;
  /** When MAIL came. */
  readonly began: number;
  /** Those of the envelope. */
  readonly recipients: AcceptedRecipient[];
}

/**
 * RFC 2033 §4.2: in LMTP each recipient may have another answer after the content. Those without
 * an objection share one: they are queued together, durably or not at all, and what becomes of them
 * later (a mailbox that is gone meanwhile, a next hop that refuses) is for the queue to report. So
 * whatever can be known of a recipient by now has to be an objection here.
 */
export async function takeMessage(
  transaction: Transaction,
  arrival: Arrival,
  parts: TakingParts,
): Promise<Reply | Replies> {
  const { messageFor } = parts.policies;
  const { envelope, answers, recipients } = transaction;
  if (envelope.client.service !== 'lmtp') {
    const answer = await queue(transaction, recipients, arrival, parts);
    return answer.full.length > 0 ? answer.no : answer.yes;
  }
  const objections: Objection[] = [];
  for (const recipient of recipients)
    objections.push(
      await answers.ask(messageFor, (policy) => policy.messageFor(envelope, arrival, recipient)),
    );
  const taken = recipients.filter((_, i) => objections[i] === undefined);
  if (taken.length === 0) {
    await discard(arrival.content, parts.spool);
    return { each: objections.filter((objection) => objection !== undefined) };
  }
  // What this throws is a 4yz for everybody: whoever was refused is asked about again.
  const { yes, no, full } = await queue(transaction, taken, arrival, parts);
  if (taken.length === recipients.length && full.length === 0) return yes;
  const answered = taken.map((_, i) => (full.includes(i) ? no : yes)).values();
  return { each: objections.map((objection) => objection ?? answered.next().value!) };
}

/** `full`: which of the recipients are told `no`; in SMTP, where all are told the same, [0]. */
async function queue(
  { envelope, answers, extended, began }: Transaction,
  recipients: readonly AcceptedRecipient[],
  arrival: Arrival,
  parts: TakingParts,
): Promise<Queued> {
  const { submit, wayOf, hostname, clock, messageId, spool, log } = parts;
  const { client } = envelope;
  const found = queueRecipients(recipients, wayOf);
  const now = clock.now();
  const message = newMessage({
    ...{ id: messageId(), now, hostname, envelope, arrival, head: answers.head },
    ...{ recipients: found.recipients, extended, takenMs: now - began },
  });
  const quota = parts.quota?.();
  const isEach = client.service === 'lmtp';
  const room = quota === undefined ? undefined : roomAsked(message, found, { quota, isEach });
  const full = (await submit(message, client, room)) ?? [];
  const isRefused = full.length > 0 && full.length === room?.replies.length;
  if (isRefused) await discard(arrival.content, spool);
  else {
    answers.settle();
    logReceived(log, message);
    const mtrk = findParam(envelope.params, 'MTRK');
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
