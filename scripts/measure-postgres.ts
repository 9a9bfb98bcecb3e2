// What the queue on PostgreSQL carries on this machine: whole lives of messages, and claims of what waits, by one
// node and by two. `node scripts/measure-postgres.ts URL [SECONDS]`; the database of URL is filled and left so.

import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { systemRandom } from '../src/base/random.ts';
import { createMessageIds } from '../src/queue/message-id.ts';
import { openStores } from '../src/store/open-stores.ts';
import type { Lease, NewMessage } from '../src/store/queue-store.ts';
import type { Stores } from '../src/store/stores.ts';

const [url, seconds = '4'] = process.argv.slice(2);
if (url === undefined) throw new Error('name a database: postgres://…');
const clock = systemClock();

const open = (node: string) =>
  openStores({
    store: { kind: 'postgres', url, node, connections: 12, nodeTimeout: 15_000, notify: true },
    ...{ directory: '/nonexistent', clock, log: silentLog },
  });

const content = { kind: 'inline', bytes: Buffer.alloc(1000, 'x') } as const;
const leaseMs = 60_000;

function makerOf({ nodes }: Stores): () => NewMessage {
  const ids = createMessageIds({ clock, random: systemRandom, node: nodes.number });
  let made = 0;
  return () => {
    made += 1;
    const destination = `mx:d${made % 50}.test`;
    return {
      ...{ id: ids(), received: clock.now(), sender: 'ann@example.org', params: [], prefix: '' },
      recipients: [{ address: 'bob@far.test', params: [], delivery: 'relay', destination }],
      ...{ content, origin: { session: 's', service: 'smtp', protocol: 'ESMTP' } },
    };
  };
}

const settle = ({ queue }: Stores, { message, recipients }: Lease) =>
  queue.settle({
    message: message.id,
    outcomes: recipients.map(({ index, fence }) => ({
      ...{ index, fence, outcome: { kind: 'delivered' } },
    })),
    effects: [],
  });

/** Enqueued under a lease and settled, as mail that is relayed at once. */
async function lives(all: readonly Stores[], atOnce: number): Promise<number> {
  const end = performance.now() + 1000 * Number(seconds);
  let count = 0;
  await Promise.all(
    all.flatMap((stores) => {
      const make = makerOf(stores);
      return Array.from({ length: atOnce }, async () => {
        while (performance.now() < end) {
          const leaseUntil = clock.now() + leaseMs;
          for (const lease of await stores.queue.enqueue(make(), { leaseUntil }))
            await settle(stores, lease);
          count += 1;
        }
      });
    }),
  );
  return count / Number(seconds);
}

/** What waits is claimed by hundreds and settled. */
async function claims(all: readonly Stores[], waiting: number): Promise<number> {
  const [first] = all as [Stores];
  const make = makerOf(first);
  for (let at = 0; at < waiting; at += 500)
    await Promise.all(
      Array.from({ length: 500 }, () => first.queue.enqueue(make(), { leaseUntil: undefined })),
    );
  const began = performance.now();
  let count = 0;
  await Promise.all(
    all.map(async (stores) => {
      for (;;) {
        const options = { now: clock.now(), limit: 100, perDestination: 20, leaseMs };
        const leases = await stores.queue.claim({ ...options, skip: new Set() });
        if (leases.length === 0) return;
        await Promise.all(leases.map((lease) => settle(stores, lease)));
        count += leases.length;
      }
    }),
  );
  return (1000 * count) / (performance.now() - began);
}

const say = (what: string, rate: number) => console.log(`${what}: ${Math.round(rate)}/s`);

const one = await open('measure-one');
for (const atOnce of [1, 16, 128])
  say(`lives, one node, ${atOnce} at once`, await lives([one], atOnce));
say('claimed and settled, one node', await claims([one], 20_000));
const two = await open('measure-two');
say('lives, two nodes, 64 at once each', await lives([one, two], 64));
say('claimed and settled, two nodes', await claims([one, two], 20_000));
await one[Symbol.asyncDispose]();
await two[Symbol.asyncDispose]();
