// What an account may keep. Mail for one that is full is refused at RCPT, before it is taken: what is
// found out later would have to be bounced. Usage is looked up once in a few seconds; what was let in
// meanwhile counts.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';

export interface Usage {
  readonly bytes: number;
  readonly messages: number;
}

/** Undefined: no limit. */
export interface QuotaLimits {
  readonly bytes: number | undefined;
  readonly messages: number | undefined;
}

export interface QuotaRule {
  /**
   * Why a message for these accounts is not taken: all of them are full. `bytes` is its size as
   * announced, 0 where it was not.
   */
  objection(accounts: readonly string[], bytes: number): Promise<Reply | undefined>;
}

export interface QuotaRuleOptions {
  readonly limits: () => QuotaLimits;
  readonly usage: (account: string) => Promise<Usage>;
  readonly clock: Pick<Clock, 'now'>;
}

// RFC 3463 §3.3: X.2.2, mailbox full. RFC 5321 §4.2.3: 452 where a later attempt may succeed.
const full = reply(452, '2.2', 'The mailbox is full');
const tooLarge = reply(552, '2.2', 'The message is larger than the mailbox may be');

/** Limit: accounts whose usage is remembered, and for how long. */
const accountsMax = 10_000;
const freshMs = 5_000;

interface Known {
  readonly at: number;
  bytes: number;
  messages: number;
}

export function createQuotaRule({ limits, usage, clock }: QuotaRuleOptions): QuotaRule {
  const known = new BoundedMap<string, Known>(accountsMax);

  async function usageOf(account: string): Promise<Known> {
    const entry = known.get(account);
    if (entry !== undefined && clock.now() - entry.at < freshMs) return entry;
    const found = { ...(await usage(account)), at: clock.now() };
    known.set(account, found);
    return found;
  }

  return {
    async objection(accounts, bytes) {
      const limit = limits();
      if (limit.bytes === undefined && limit.messages === undefined) return undefined;
      const { bytes: bytesMax = Infinity, messages: messagesMax = Infinity } = limit;
      if (accounts.length === 0) return undefined;
      if (bytes > bytesMax) return tooLarge;
      const used = await Promise.all(accounts.map(usageOf));
      const withRoom = used.filter(
        (one) =>
          one.messages < messagesMax && one.bytes < bytesMax && one.bytes + bytes <= bytesMax,
      );
      // An alias for many goes on for those who have room.
      if (withRoom.length === 0) return full;
      for (const one of used) {
        one.bytes += bytes;
        one.messages += 1;
      }
      return undefined;
    },
  };
}
