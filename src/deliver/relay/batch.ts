// Which recipients go into one transaction, and who has to come again in the next one. RFC 5321
// §4.5.3.1.8, §4.5.3.1.10; RFC 9422 §4.

import type { Connection } from './connection.ts';
import type { RelayLease } from './relay.ts';

/**
 * As many recipients as one transaction may have here, of as many domains as the connection may see.
 * Where domains are counted, those that it has heard of come first, so that it is used up.
 * RFC 9422 §4.2, §4.3.
 */
export function nextBatch(
  pending: readonly number[],
  recipients: RelayLease['recipients'],
  { capabilities, domains }: Pick<Connection, 'capabilities' | 'domains'>,
  recipientsMax: number,
): readonly number[] {
  const max = Math.min(capabilities.recipientsMax, recipientsMax);
  const { recipientDomainsMax } = capabilities;
  if (recipientDomainsMax === Number.POSITIVE_INFINITY)
    return pending.length <= max ? pending : pending.slice(0, max);
  const batch: number[] = [];
  for (const index of pending) {
    if (batch.length >= max) break;
    const { address } = recipients[index]!;
    const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
    if (!domains.has(domain) && domains.size >= recipientDomainsMax) continue;
    domains.add(domain);
    batch.push(index);
  }
  return batch;
}

/** Those of `pending` that were not in `batch`. */
export function without(pending: readonly number[], batch: readonly number[]): readonly number[] {
  if (batch.length === pending.length) return none;
  const named = new Set(batch);
  return pending.filter((index) => !named.has(index));
}

const none: readonly never[] = [];
