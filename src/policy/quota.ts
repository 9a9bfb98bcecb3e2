// What an account may keep. Mail for one that is full is refused at RCPT, before it is sent: a look,
// which promises nothing and reserves nothing, so that nobody fills a mailbox with words. Whether there
// is room is decided by the size of what has arrived, in the transaction that takes it in
// (QueueStore.enqueueWithRoom): there usage, accepted mail and this message are added up.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { findParam } from '../smtp/extensions/index.ts';
import { reply } from '../smtp/reply.ts';
import type { Quota } from '../store/folder-store.ts';
import type { Policy, PolicyAnswer } from './policy.ts';

/** Undefined: no limit. */
export interface QuotaLimits {
  readonly bytes: number | undefined;
  readonly messages: number | undefined;
}

export interface MailboxRoomParts {
  /** What each account may have at present; undefined: anything. */
  readonly quota: () => Quota | undefined;
  /** What the mailbox holds, and what was accepted for it. */
  readonly usage: (account: string) => Promise<Quota>;
  readonly clock: Pick<Clock, 'now'>;
}

// RFC 3463 §3.3: X.2.2, mailbox full. RFC 5321 §4.2.3: 452 where a later attempt may succeed.
export const mailboxFull = reply(452, '2.2', 'The mailbox is full');
export const largerThanMailbox = reply(552, '2.2', 'The message is larger than the mailbox may be');

/** Limit: accounts whose usage is remembered, and for how long. */
const accountsMax = 10_000;
const freshMs = 5_000;

export function mailboxRoom({ quota, usage, clock }: MailboxRoomParts): Policy {
  const known = new BoundedMap<string, Quota & { readonly at: number }>(accountsMax);

  async function usageOf(account: string): Promise<Quota> {
    const entry = known.get(account);
    if (entry !== undefined && clock.now() - entry.at < freshMs) return entry;
    const found = { ...(await usage(account)), at: clock.now() };
    known.set(account, found);
    return found;
  }

  return {
    name: 'mailbox-room',
    rcpt({ params }, { targets }) {
      const limit = quota();
      if (limit === undefined) return undefined;
      const accounts = targets.flatMap(({ account }) => account ?? []);
      // Where some of what an alias stands for is elsewhere, it is not full.
      if (accounts.length === 0 || accounts.length < targets.length) return undefined;
      const bytes = findParam(params, 'SIZE')?.bytes ?? 0;
      return bytes > limit.bytes ? { objection: largerThanMailbox } : judge(accounts, limit, bytes);
    },
  };

  async function judge(
    accounts: readonly string[],
    limit: Quota,
    bytes: number,
  ): Promise<PolicyAnswer | undefined> {
    const used = await Promise.all(accounts.map(usageOf));
    const full = accounts.filter((_, i) => !hasRoom(used[i]!, limit, bytes));
    if (full.length === accounts.length) return { objection: mailboxFull };
    // An alias for many goes on for those who have room.
    if (full.length === 0) return undefined;
    return { findings: full.map((account) => ({ kind: 'mailbox-full', account })) };
  }
}

const hasRoom = (used: Quota, limit: Quota, bytes: number): boolean =>
  used.messages < limit.messages && used.bytes < limit.bytes && used.bytes + bytes <= limit.bytes;

/** Undefined where nothing is limited. */
export function quotaOf({ bytes, messages }: QuotaLimits): Quota | undefined {
  if (bytes === undefined && messages === undefined) return undefined;
  return { bytes: bytes ?? Infinity, messages: messages ?? Infinity };
}
