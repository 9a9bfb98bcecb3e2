// What the parts of the suite for QueueStores have in common.

import assert from 'node:assert/strict';
import type { Lease, NewMessage } from '../queue-store.ts';
import type { Stores } from '../stores.ts';
import { collected, deferred, message, settlement } from './harness.ts';

export const everything = {
  now: 1_000_000,
  limit: 1000,
  perDestination: 1000,
  skip: new Set<string>(),
  leaseMs: 60_000,
};
export const nobody: ReadonlySet<string> = new Set();
export const due = { leaseUntil: undefined };

export const idsOf = (leases: readonly Lease[]) => leases.map((lease) => lease.message.id);
export const addresses = (leases: readonly Lease[]) =>
  leases.flatMap((lease) => lease.recipients.map(({ address }) => address));

export const mail = (account: string, id: string) => ({
  ...{ account, folder: 'INBOX', flags: [], received: 2000 },
  prefix: 'Return-Path: <ann@example.org>\r\n',
  content: { kind: 'queued', id } as const,
});

export async function waiting({ queue }: Stores, id: string, until: number): Promise<void> {
  const [lease] = await queue.enqueue(message(id), { leaseUntil: until });
  assert.equal(await queue.settle(settlement(lease!, deferred(until))), true);
}

export async function stored({ spool }: Stores, body: string): Promise<NewMessage['content']> {
  const writer = spool.create();
  await writer.write(Buffer.from(body));
  return writer.commit();
}

export async function readAll({ read }: { read(): AsyncIterable<Uint8Array> }): Promise<string> {
  return Buffer.concat(await collected(read())).toString();
}
