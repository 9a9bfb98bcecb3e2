import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DeliveryResult } from '../../queue/delivery.ts';
import { reply } from '../../smtp/reply.ts';
import type { Lease } from '../../store/queue-store.ts';
import type { Relay, RelayLease } from './relay.ts';
import { deliveryBy } from './relay-delivery.ts';
import type { RelayRoute } from './relay-route.ts';

const route = { kind: 'host', host: 'hop.test', port: 25, tls: 'none' } as unknown as RelayRoute;
const lease = {
  message: { id: 'm', sender: 'zoe@third.test', origin: {} },
  destination: 'host:hop.test',
  recipients: [
    { address: 'bob@far.test', original: 'list@example.org' },
    { address: 'c@backup.test' },
    { address: 'dan@far.test', original: 'list@example.org' },
  ],
} as unknown as Lease;

const relayed = ({ recipients }: RelayLease): DeliveryResult => ({
  recipients: recipients.map(() => ({
    kind: 'relayed',
    reply: reply(250, '0.0', 'OK'),
    dsn: true,
  })),
  health: 'ok',
});

/** Mail that an alias sends on goes under another name. */
async function deliver(attempt: (part: RelayLease) => Promise<DeliveryResult>) {
  const relay: Relay = { attempt, forget: () => {}, close: async () => {} };
  const forwarded = async () => ({ sender: 'srs@example.org' });
  const one = deliveryBy(relay, () => route, { forwarded });
  const { recipients } = await one(lease, new AbortController().signal);
  return recipients.map(({ kind, facts }) => `${kind} ${facts?.sender ?? ''}`.trim());
}

it('goes in a transaction of its own for each name, and results come in the order of the lease', async () => {
  const senders: string[] = [];
  const results = await deliver(async (part) => {
    senders.push(`${part.message.sender}: ${part.recipients.map(({ address }) => address)}`);
    return relayed(part);
  });
  assert.deepEqual(senders, [
    'srs@example.org: bob@far.test,dan@far.test',
    'zoe@third.test: c@backup.test',
  ]);
  const sentOn = 'relayed srs@example.org';
  assert.deepEqual(results, [sentOn, 'relayed', sentOn]);
});

it('who has the message already does not get it again when a later part breaks off', async () => {
  const results = await deliver(async (part) => {
    if (part.message.sender === 'zoe@third.test') throw new Error('the content cannot be read');
    return relayed(part);
  });
  const sentOn = 'relayed srs@example.org';
  assert.deepEqual(results, [sentOn, 'deferred', sentOn]);
  await assert.rejects(
    deliver(() => Promise.reject(new Error('broken'))),
    /broken/,
  );
});
