// Delivery to a mailbox of ours. Nothing is written here: the result carries what to append, and it
// is stored in the transaction that takes the recipient from the queue, so that a message is in one
// of the two and never in both. RFC 5321 §4.4 (final delivery).

import type { Clock } from '../../base/clock.ts';
import { readHeader } from '../../mail/header/header-cut.ts';
import { HeaderWalk } from '../../mail/header/header-walk.ts';
import { finalFields } from '../../mail/trace/trace.ts';
import { finalContent } from '../../mailbox/final-content.ts';
import type { AddressMap } from '../../policy/addresses/address-map.ts';
import { largerThanMailbox, mailboxFull } from '../../policy/quota.ts';
import type { SpamFilter } from '../../policy/spam/spam-filter.ts';
import type { Deliver, RecipientResult } from '../../queue/delivery.ts';
import { reply } from '../../smtp/reply.ts';
import { type StoredContent, storedSize } from '../../store/content.ts';
import type { NewMailboxMessage, Quota } from '../../store/folder-store.ts';
import type {
  AppendEffect,
  LeasedRecipient,
  QueuedMessage,
  QueueStore,
} from '../../store/queue-store.ts';
import type { Spool } from '../../store/spool.ts';
import type { ByRules, Ruled } from './by-rules.ts';

/** `postrider dev`. */
export interface CatcherRules {
  /** The inbox that gets it whoever it is for; undefined: each recipient has one. */
  readonly inboxOf: (message: QueuedMessage) => string | undefined;
  /** Flags that it has from the beginning. */
  readonly flagsOf: (head: Uint8Array, recipients: readonly string[]) => readonly string[];
}

export interface LocalDeliveryOptions {
  readonly spool: Pick<Spool, 'create' | 'remove'>;
  readonly addressMap: Pick<AddressMap, 'accountOf'>;
  readonly clock: Clock;
  /** What accounts may keep; undefined: anything. Read anew for each message. */
  readonly quota?: (() => Quota | undefined) | undefined;
  /** Needed with a quota. */
  readonly queue?: Pick<QueueStore, 'takeRoom'> | undefined;
  /** What catches mail for somebody to look at. */
  readonly catcher?: CatcherRules | undefined;
  /** What each account has learnt of spam. */
  readonly spamFilter?: Pick<SpamFilter, 'judging'> | undefined;
  /** What owners of accounts want done with their mail; junk is not their rules' affair. */
  readonly byRules?: ByRules | undefined;
}

const delivered = reply(250, '0.0', 'Delivered to mailbox');
const sentOn = reply(250, '0.0', 'Sent on');
const discarded = reply(250, '0.0', 'Discarded');
// RFC 3463 §3.2: X.1.1. There was such a mailbox when the message was accepted.
const noMailbox = reply(550, '1.1', 'No such mailbox here');
// RFC 3463 §3.5: X.4.6, routing loop detected.
const loop = reply(554, '4.6', 'The message has been delivered to this address before');

export function createLocalDelivery(options: LocalDeliveryOptions): Deliver {
  const { addressMap, clock, spool } = options;
  return async ({ message, recipients }) => {
    const head = await readHeader(message.content);
    const before = deliveredBefore(head, message.prefix);
    const results: RecipientResult[] = [];
    const own = options.catcher?.inboxOf(message);
    const everybody = recipients.map(({ address }) => address);
    const flags = options.catcher?.flagsOf(head, everybody) ?? [];
    let kept: Promise<StoredContent | undefined> | undefined;
    const judge = isJudged(message) ? options.spamFilter?.judging(message.content) : undefined;
    let isWanted = false;
    try {
      for (const recipient of recipients) {
        const [first] = results;
        if (own !== undefined && first !== undefined) {
          results.push(withTheFirst(first));
          continue;
        }
        const account = own ?? (await accountFor(recipient.address, before, addressMap));
        if (typeof account !== 'string') {
          results.push(account);
          continue;
        }
        const judgement = await judge?.(account);
        const isJunk = judgement?.isJunk ?? isQuarantined(message);
        const ruled = isJunk
          ? undefined
          : await options.byRules?.({ account, message, recipient, head, before });
        const facts = factsOf(judgement?.text, ruled?.note);
        if (ruled?.isKept === false) {
          const reply = ruled.effects.length > 0 ? sentOn : discarded;
          results.push({ kind: 'delivered', reply, effects: ruled.effects, facts });
          continue;
        }
        kept ??= finalContent({ ...message, head, isBinary: isBinary(message) }, spool);
        const received = clock.now();
        const placed = { account, content: await kept, isJunk, flags, ruled, received };
        const mail = newMail(message, recipient.address, placed);
        const refusal = await refusalFor(message, recipient, mail);
        const effects = [mail, ...(ruled?.effects ?? [])];
        results.push(refusal ?? { kind: 'delivered', reply: delivered, effects, facts });
      }
      isWanted = results.some(appends);
    } finally {
      // Who has no room comes again, and has a copy made anew then; so it is where something fails.
      const copy = isWanted ? undefined : await kept?.catch(() => undefined);
      if (copy?.kind === 'file') await spool.remove(copy.key);
    }
    return { recipients: results, health: 'ok' };
  };

  /** Why there is no room. Nearly all mail has taken its room when it was accepted. */
  async function refusalFor(
    message: QueuedMessage,
    recipient: LeasedRecipient,
    { account, prefix, content }: NewMailboxMessage,
  ): Promise<RecipientResult | undefined> {
    const quota = options.quota?.();
    if (quota === undefined || recipient.room === account) return undefined;
    const size = content.kind === 'queued' ? message.content.size : storedSize(content);
    const bytes = Buffer.byteLength(prefix) + size;
    if (bytes > quota.bytes) return { kind: 'failed', reply: largerThanMailbox, remote: false };
    const need = { account, bytes, quota };
    if (await options.queue?.takeRoom(message.id, recipient.index, need)) return undefined;
    return { kind: 'deferred', reply: mailboxFull };
  }
}

/** One copy lies there, or waits to, for all of them. */
const withTheFirst = (first: RecipientResult): RecipientResult =>
  first.kind === 'delivered' ? { kind: 'delivered', reply: delivered } : first;

function newMail(
  message: QueuedMessage,
  address: string,
  { account, content, isJunk, flags, ruled, received }: Placed,
): AppendEffect {
  const folder = ruled?.folder;
  return {
    kind: 'append',
    account,
    folder: isJunk ? 'Junk' : (folder ?? 'INBOX'),
    ...(folder !== undefined && { create: true }),
    content: content ?? { kind: 'queued', id: message.id },
    prefix: finalFields(message, address),
    flags: isJunk ? [...flags, '$Junk'] : ruled === undefined ? flags : [...flags, ...ruled.flags],
    received,
  };
}

/** What is kept of a message, and where. */
interface Placed {
  readonly account: string;
  readonly content: StoredContent | undefined;
  readonly isJunk: boolean;
  readonly flags: readonly string[];
  readonly ruled: Ruled | undefined;
  /** RFC 9051 §2.3.3: the internal date is that of final delivery. */
  readonly received: number;
}

function factsOf(...notes: readonly (string | undefined)[]): RecipientResult['facts'] {
  const said = notes.filter((note) => note !== undefined);
  return said.length === 0 ? undefined : { note: said.join('; ') };
}

/** RFC 3030 §3; and what is none by its label, where a look costs nothing. */
const isBinary = ({ params, content }: QueuedMessage): boolean =>
  params.includes('BODY=BINARYMIME') || content.bytes?.includes(0) === true;

/** A policy said that it is not to be believed, or a filter that it is junk. */
const isQuarantined = ({ origin }: QueuedMessage): boolean =>
  origin.findings?.some((finding) =>
    finding.kind === 'dmarc'
      ? finding.disposition === 'quarantine'
      : finding.kind === 'filter' && finding.junk === true,
  ) === true;

/**
 * By what its recipients have learnt: not mail of our own and of who is logged in here, nor what the
 * operator lets in, nor what is junk already.
 */
const isJudged = (message: QueuedMessage): boolean =>
  message.origin.account === undefined &&
  message.origin.protocol !== 'local' &&
  !isQuarantined(message) &&
  message.origin.findings?.some((each) => each.kind === 'access' && each.action === 'allow') !==
    true;

const appends = (result: RecipientResult): boolean =>
  result.kind === 'delivered' && result.effects?.some(({ kind }) => kind === 'append') === true;

/** The account that gets it, or why nobody does. */
export async function accountFor(
  address: string,
  before: ReadonlySet<string> | undefined,
  addressMap: Pick<AddressMap, 'accountOf'>,
): Promise<string | RecipientResult> {
  if (before?.has(address.toLowerCase())) return { kind: 'failed', reply: loop, remote: false };
  const account = await addressMap.accountOf(address);
  return account ?? { kind: 'failed', reply: noMailbox, remote: false };
}

const deliveredTo = 'delivered-to';

/**
 * The addresses, in lower case, that the message was delivered to before: who sends it back to one
 * of them has made a loop. Field: the convention of qmail and Postfix. Undefined for none.
 * @param prefix the trace fields in front of it: of what was sent on here it is there.
 */
export function deliveredBefore(head: Uint8Array, prefix = ''): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  if (prefix.includes('Delivered-To:')) addDelivered(found, Buffer.from(prefix));
  addDelivered(found, head);
  return found.size === 0 ? undefined : found;
}

function addDelivered(found: Set<string>, head: Uint8Array): void {
  const walk = new HeaderWalk(head);
  while (walk.next()) {
    if (walk.nameLength !== deliveredTo.length || !walk.isNamed(deliveredTo)) continue;
    const value = Buffer.from(head.subarray(walk.colon + 1, walk.end)).toString('utf8');
    found.add(value.replace(/\r?\n/g, '').trim().toLowerCase());
  }
}
