// What an account may keep. Mail for one that is full is refused at RCPT, before it is sent: a look,
// which promises nothing and reserves nothing, so that nobody fills a mailbox with words. Whether there
// is room is decided by the size of what has arrived, in the transaction that takes it in
// (QueueStore.enqueueWithRoom): there usage, accepted mail and this message are added up.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';
import type { Quota } from '../store/folder-store.ts';

/** Undefined: no limit. */
export interface QuotaLimits {
  readonly bytes: number | undefined;
  readonly messages: number | undefined;
}

export interface QuotaRule {
  /**
   * Why a message for these accounts need not be sent: all of them are full. `bytes` is its size as
   * announced, 0 where it was not. Nothing is counted.
   */
  objection(accounts: readonly string[], bytes: number): Promise<Reply | undefined>;
  /** What each account may have at present; undefined: anything. */
  quota(): Quota | undefined;
}

export interface QuotaRuleOptions {
  readonly limits: () => QuotaLimits;
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

export function createQuotaRule({ limits, usage, clock }: QuotaRuleOptions): QuotaRule {
  const known = new BoundedMap<string, Quota & { readonly at: number }>(accountsMax);

  async function usageOf(account: string): Promise<Quota> {
    const entry = known.get(account);
    if (entry !== undefined && clock.now() - entry.at < freshMs) return entry;
    const found = { ...(await usage(account)), at: clock.now() };
    known.set(account, found);
    return found;
  }

  const quota = () => quotaOf(limits());

  return {
    quota,
    async objection(accounts, bytes) {
      const limit = quota();
      if (limit === undefined || accounts.length === 0) return undefined;
      if (bytes > limit.bytes) return largerThanMailbox;
      const used = await Promise.all(accounts.map(usageOf));
      // An alias for many goes on for those who have room.
      const hasRoom = used.some(
        (one) =>
          one.messages < limit.messages &&
          one.bytes < limit.bytes &&
          one.bytes + bytes <= limit.bytes,
      );
      return hasRoom ? undefined : mailboxFull;
    },
  };
}

/** Undefined where nothing is limited. */
export function quotaOf({ bytes, messages }: QuotaLimits): Quota | undefined {
  if (bytes === undefined && messages === undefined) return undefined;
  return { bytes: bytes ?? Infinity, messages: messages ?? Infinity };
}
