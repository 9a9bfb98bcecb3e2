// For tests: a runner on a real store, with made-up time, chance and remote ends.

import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { reply } from '../smtp/reply.ts';
import { countOf } from '../store/conformance/harness.ts';
import type { Lease, NewMessage, NewRecipient } from '../store/queue-store.ts';
import { MemoryDisk, openSqliteStores } from '../store/sqlite/stores.ts';
import type { Fault } from '../store/sqlite/transport.ts';
import { memoryHistory } from '../store/test-history.ts';
import type { DeliveryResult, RecipientResult } from './delivery.ts';
import type { RateOf } from './line/pace.ts';
import { createMessageIds } from './message-id.ts';
import type { QueueSettings } from './runner.ts';
import { QueueRunner } from './runner.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const defaults: QueueSettings = {
  retryAfter: [5 * minute, 15 * minute, hour],
  warnAfter: 4 * hour,
  expireAfter: 24 * hour,
  connectionsPerDestination: 4,
  deliveries: 20,
  memory: 2 ** 20,
};

const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1);
export const to = (address: string, more: Partial<NewRecipient> = {}): NewRecipient => ({
  address,
  params: [],
  delivery: 'relay',
  destination: `mx:${domainOf(address)}`,
  ...more,
});
export const results = (lease: Lease, one: RecipientResult): DeliveryResult => ({
  recipients: lease.recipients.map(() => one),
  health: 'ok',
});
export const taken: RecipientResult = {
  kind: 'relayed',
  reply: reply(250, '0.0', 'OK'),
  dsn: false,
};
export const later: RecipientResult = { kind: 'deferred', reply: reply(451, '7.1', 'Greylisted') };
export const never: RecipientResult = {
  kind: 'failed',
  reply: reply(550, '1.1', 'No such user'),
  remote: true,
};
export const unreachable: RecipientResult = {
  kind: 'deferred',
  reply: reply(451, '4.1', 'No answer'),
};

type Answer = DeliveryResult | Promise<DeliveryResult>;

/** A runner on a real store, with made-up time, chance and remote ends. */
export async function world(
  settings: Partial<QueueSettings> = {},
  disk = new MemoryDisk(),
  rateOf?: RateOf,
) {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const faults: { next: (operations: readonly string[]) => Fault | undefined } = {
    next: () => undefined,
  };
  const options = { directory: ':memory:', log: silentLog, clock, disk };
  const stores = await openSqliteStores({
    ...options,
    faults: (operations) => faults.next(operations),
  });
  const attempts: Lease[] = [];
  const remote: { answer: (lease: Lease, signal: AbortSignal) => Answer } = {
    answer: (lease) => results(lease, taken),
  };
  const history = memoryHistory();
  const ids = createMessageIds({ clock, random });
  const logged: string[] = [];
  const parts = {
    ...{ store: stores.queue, clock, random, history, ids, hostname: 'mx.example.org' },
    log: { ...silentLog, warn: (event: string) => void logged.push(event) },
    resolve: (address: string) => [to(address)],
    settings: { ...defaults, ...settings },
    rateOf,
    isUndeterred: ({ origin }: Lease['message']) => origin.service === 'reports',
    deliver: async (lease: Lease, signal: AbortSignal) => {
      attempts.push(lease);
      return remote.answer(lease, signal);
    },
  };
  const runner = new QueueRunner(parts);
  runner.start();
  await clock.advance(0);
  return {
    ...{ clock, stores, attempts, remote, faults, history, parts, runner, disk, logged },
    /** Everything delivered or tried so far, `address attempt`. */
    tried: () =>
      attempts.flatMap(({ recipients }) =>
        recipients.map(({ address, attempt }) => `${address} ${attempt}`),
      ),
    async submit(recipients: readonly (string | NewRecipient)[], more: Partial<NewMessage> = {}) {
      const id = ids();
      await runner.submit({
        ...{ id, received: clock.now(), sender: 'ann@example.org', params: [], prefix: '' },
        recipients: recipients.map((one) => (typeof one === 'string' ? to(one) : one)),
        content: { kind: 'inline', bytes: Buffer.from('Subject: x\r\n\r\nx\r\n') },
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
        ...more,
      });
      await clock.advance(0);
      return id;
    },
    async left() {
      return (await countOf(stores.queue)).recipients;
    },
  };
}

export const text = ({ message }: Lease) => Buffer.from(message.content.bytes!).toString();
