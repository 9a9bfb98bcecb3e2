// Addresses that get nothing which is submitted here: mail for them failed for good, somebody complained,
// or an operator says so. Senders who go on writing to such addresses are taken for spammers.

import { addressKey, formatMailbox } from '../mail/fields/address.ts';
import { reply } from '../smtp/reply.ts';
import type { RecordStore } from '../store/record-store.ts';
import type { Policy, PolicyAnswer } from './policy.ts';

export const suppressionReasons = ['bounce', 'complaint', 'manual'] as const;
export type SuppressionReason = (typeof suppressionReasons)[number];

export interface Suppression {
  /** Or `@domain`: all of it. */
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly note?: string | undefined;
  /** In milliseconds since 1970. */
  readonly since: number;
  readonly expires?: number | undefined;
}

type Kept = Omit<Suppression, 'address' | 'expires'>;

const kind = 'suppression';

const keyOf = (address: string): string => addressKey(address.trim());

/** The same address again counts from now on. */
export async function addSuppression(
  records: Pick<RecordStore, 'put'>,
  { address, expires, ...kept }: Suppression,
): Promise<Suppression> {
  const key = keyOf(address);
  await records.put([{ kind, key, expires, value: JSON.stringify(kept satisfies Kept) }]);
  return { address: key, ...kept, expires };
}

export const removeSuppression = (
  records: Pick<RecordStore, 'remove'>,
  address: string,
): Promise<void> => records.remove(kind, [keyOf(address)]);

/** Of the address, or of its domain. */
export async function findSuppression(
  records: Pick<RecordStore, 'get'>,
  address: string,
): Promise<Suppression | undefined> {
  const key = keyOf(address);
  const at = key.lastIndexOf('@');
  for (const one of at > 0 ? [key, key.slice(at)] : [key]) {
    const record = await records.get(kind, one);
    if (record !== undefined) return parsed(record);
  }
  return undefined;
}

export async function listSuppressions(
  records: Pick<RecordStore, 'list' | 'count'>,
  {
    prefix,
    after,
    limit,
  }: { prefix?: string | undefined; after?: string | undefined; limit: number },
): Promise<{
  readonly suppressions: readonly Suppression[];
  readonly total: number;
  readonly next: string | null;
}> {
  const found = await records.list(kind, { prefix, after, limit: limit + 1 });
  const shown = found.slice(0, limit);
  return {
    suppressions: shown.map(parsed),
    total: await records.count(kind),
    next: found.length > limit ? (shown.at(-1)?.key ?? null) : null,
  };
}

const parsed = (record: {
  readonly key: string;
  readonly value: string;
  readonly expires?: number | undefined;
}): Suppression => ({
  address: record.key,
  ...(JSON.parse(record.value) as Kept),
  expires: record.expires,
});

// RFC 3463 §3.2: X.1.6, the destination mailbox has moved or is closed, comes nearest for what nobody shall write to.
const suppressedReply = reply(550, '1.6', 'This address gets no mail from here: it is suppressed');

/** Refuses recipients that are suppressed, to whoever has logged in. What is relayed for others is theirs. */
export function suppression(records: Pick<RecordStore, 'get'>): Policy {
  return {
    name: 'suppression',
    rcpt: ({ client }, { named }) =>
      client.account === undefined
        ? undefined
        : findSuppression(records, formatMailbox(named)).then((found) => found && refusal(found)),
  };
}

function refusal({ address, reason, note }: Suppression): PolicyAnswer {
  const text = `${address}: ${[reason, note].filter(Boolean).join(', ')}`;
  return { objection: suppressedReply, findings: [{ kind: 'note', policy: 'suppression', text }] };
}
