// Our own side of the simulation: one life of the server, from start to crash or stop, put together
// as compose/server.ts does it, with the simulated network and disk in place of the real ones.

import type { FakeClock } from '../../src/base/fake-clock.ts';
import type { Log } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import { createDelivery } from '../../src/deliver/dispatch.ts';
import { createLocalDelivery } from '../../src/deliver/local/local.ts';
import { createRelay } from '../../src/deliver/relay/create-relay.ts';
import { deliveryBy } from '../../src/deliver/relay/relay-delivery.ts';
import { createRouter } from '../../src/deliver/route.ts';
import { parseMailbox } from '../../src/mail/fields/address.ts';
import type { Peer } from '../../src/net/peer.ts';
import { Login } from '../../src/policy/accounts/login.ts';
import { createLoginThrottle } from '../../src/policy/accounts/login-throttle.ts';
import { createAddressMap } from '../../src/policy/addresses/address-map.ts';
import { createConnectionLimits } from '../../src/policy/connection-limits.ts';
import { byStage } from '../../src/policy/policy.ts';
import { createMessageIds } from '../../src/queue/message-id.ts';
import { QueueRunner } from '../../src/queue/runner.ts';
import { createSmtpService } from '../../src/receive/smtp-service.ts';
import { defaultLimits } from '../../src/smtp/limits.ts';
import { reply } from '../../src/smtp/reply.ts';
import type { NewMessage, QueueStore, Settlement } from '../../src/store/queue-store.ts';
import type { MemoryDisk } from '../../src/store/sqlite/stores.ts';
import { openSqliteStores } from '../../src/store/sqlite/stores.ts';
import type { Faults } from '../../src/store/sqlite/transport.ts';
import type { Stores } from '../../src/store/stores.ts';
import { memoryHistory } from '../../src/store/test-history.ts';
import type { Internet } from './hosts.ts';
import { day, dropLines, hour, lmtpHost, minute, smartHost } from './hosts.ts';
import { journalFault, journalSegmentBytes } from './journal-faults.ts';
import type { Ledger } from './ledger.ts';
import type { End, Life } from './network.ts';
import { ProcessClock } from './process-clock.ts';

export const homeDomain = 'home.example';
export const accounts = [`ann@${homeDomain}`, `bob@${homeDomain}`, `jörg@${homeDomain}`] as const;
export const loginPassword = 'correct horse';

/** RFC 3464 §2.3.2: of those behind it a report says nothing but its name. */
export const alias = {
  name: `team@${homeDomain}`,
  targets: [accounts[0], 'alias@d1.example'],
} as const;

const hostname = `mx.${homeDomain}`;
export const messageBytesMax = 1_400_000;

export const queueSettings = {
  ...{ retryAfter: [5 * minute, 15 * minute, hour, 4 * hour], warnAfter: 4 * hour },
  ...{ expireAfter: 5 * day, connectionsPerDestination: 3, deliveries: 8 },
  memory: 300_000,
};

export interface HomeParts {
  readonly time: FakeClock;
  readonly random: Random;
  readonly disk: MemoryDisk;
  readonly internet: Internet;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly faults: Faults;
  /** How wrong the machine's clock is set. */
  readonly offsetMs: number;
  readonly startTls: boolean;
  /** Whoever wants to relay has to log in. */
  readonly mustLogIn: boolean;
  /** How often a recipient by LMTP turns out to have no room. */
  readonly noRoom: () => boolean;
  readonly lastId: string | undefined;
}

export interface Home {
  readonly life: Life;
  readonly stores: Stores;
  readonly runner: QueueRunner;
  /** Connections that are open, by SMTP and by LMTP. */
  readonly conversations: number;
  readonly clock: ProcessClock;
  readonly lastId: () => string | undefined;
  accept(end: End, service: 'smtp' | 'lmtp'): void;
  /** The power goes: what is not on the disk now was never there. */
  die(): void;
  stop(graceMs: number): Promise<void>;
}

export async function openStores({
  time,
  disk,
  log,
}: Pick<HomeParts, 'time' | 'disk' | 'log'>): Promise<Stores> {
  const clock = new ProcessClock(time, 0);
  return openSqliteStores({ directory: ':memory:', log, clock, disk, journal: false });
}

export async function startHome(parts: HomeParts): Promise<Home> {
  const { time, random, disk, internet, ledger, offsetMs, startTls } = parts;
  const clock = new ProcessClock(time, offsetMs);
  const life = { dead: false };
  // The dead say nothing.
  const log: Log = {
    ...parts.log,
    error: (event, fields) => {
      if (!life.dead) parts.log.error(event, fields);
    },
  };
  const ends = new Set<End>();
  let open = false;
  const die = () => {
    if (life.dead) return;
    life.dead = true;
    clock.die();
    ledger.crashed();
    dropLines(life);
    for (const end of ends) end.die();
    disk.journal.crash();
  };
  const faults: Faults = (operations) => {
    if (life.dead) return 'crash-before';
    const fault = open ? parts.faults(operations) : undefined;
    if (fault !== undefined && fault !== 'full') die();
    return fault;
  };
  disk.journal.faults = () => journalFault(faults(['journal']), random);
  const stores = await openSqliteStores({
    ...{ directory: ':memory:', log, clock, disk, faults },
    journal: { prepare: true, segmentBytes: journalSegmentBytes },
  });
  for (const account of accounts) await stores.accounts.add(account, undefined, clock.now());
  open = true;

  const router = createRouter({
    domains: [homeDomain],
    routes: [
      { domain: 'l.example', kind: 'lmtp', host: lmtpHost, port: 24, tls: 'opportunistic' },
      { domain: 's.example', kind: 'host', host: smartHost, port: 587, tls: 'opportunistic' },
    ],
  });
  const addressMap = createAddressMap({
    ...{ accounts: stores.accounts, domains: [homeDomain], relayDomains: [], hostname, log },
    aliases: new Map([[alias.name, alias.targets]]),
    recipientDelimiter: '+',
  });
  let lastId = parts.lastId;
  const makeId = createMessageIds({ clock, random, after: lastId });
  const ids = () => {
    lastId = makeId();
    return lastId;
  };
  const createdRelay = createRelay({
    ...{ hostname, clock, random, log },
    ...{ resolver: internet.resolverFor(life), dialer: internet.dialer(life) },
    ourNames: new Set([hostname]),
    limits: { messagesPerConnection: 5 },
  });
  const relay = deliveryBy(createdRelay, (destination) => router.routeOfDestination(destination));
  const history = memoryHistory(1000);
  const runner = new QueueRunner({
    ...{ clock, random, log, history, hostname, ids, settings: queueSettings },
    store: watched(stores.queue, disk, ledger, life),
    deliver: createDelivery({
      router,
      local: createLocalDelivery({ addressMap, clock, spool: stores.spool }),
      relay,
      ...{ clock, log },
    }),
    resolve: async (address) => {
      const mailbox = parseMailbox(address)!;
      const found = await addressMap.resolve(mailbox, { mayRelay: true });
      if (found.kind === 'refuse') return [];
      return found.recipients.map((one) => ({
        ...{ address: one.address, params: [] },
        ...router.wayOf(one.address),
      }));
    },
  });
  const throttle = createLoginThrottle({ clock, failuresPerNetwork: 10_000 });
  const authenticator = {
    verifyPassword: async (user: string, password: string) =>
      password === loginPassword ? user : undefined,
    mayActAs: async () => true,
  };
  const login = (log: Log) => new Login({ authenticator, throttle, clock, log });
  const full = { objection: reply(452, '2.2', 'Mailbox full') };
  const policies = byStage([
    { name: 'room', messageFor: async () => (parts.noRoom() ? full : undefined) },
  ]);
  const serve = (kind: 'smtp' | 'lmtp') =>
    createSmtpService({
      settings: () => ({
        ...{ hostname, service: kind, startTls, bareNewlines: 'refuse', authRequired: false },
        limits: { ...defaultLimits, messageSize: messageBytesMax, textLine: 0 },
        ...{ isTrusted: () => kind === 'lmtp' || !parts.mustLogIn, addressMap, login },
        mechanisms: () => (kind === 'smtp' ? ['PLAIN'] : []),
        wayOf: router.wayOf,
        ...{ policies, vrfy: 'no' },
      }),
      connections: createConnectionLimits({ connections: 20, connectionsPerClient: 20 }),
      startTls: (peer: Peer) => (peer as End).startTls(30_000),
      ...{ spool: stores.spool, submit: (message) => runner.submit(message), messageId: ids },
      startQueue: async () => reply(250, '0.0', 'OK'),
      ...{ clock, random, log },
    });
  const services = { smtp: serve('smtp'), lmtp: serve('lmtp') };
  runner.start();
  return {
    ...{ life, stores, runner, clock, die, lastId: () => lastId },
    get conversations() {
      return services.smtp.conversations + services.lmtp.conversations;
    },
    accept(end, service) {
      ends.add(end);
      services[service].accept(end);
    },
    async stop(graceMs) {
      const all = [services.smtp, services.lmtp];
      clock.after(graceMs, () => {
        for (const service of all) service.destroy();
      });
      await Promise.all(all.map((service) => service.shutdown()));
      await runner.stop({ graceMs });
      await relay.close();
      await stores[Symbol.asyncDispose]();
    },
  };
}

/** Tells the ledger what the store has, and what it says is recorded. */
function watched(store: QueueStore, disk: MemoryDisk, ledger: Ledger, life: Life): QueueStore {
  const enqueue: QueueStore['enqueue'] = (message, options) => {
    note(message, disk, ledger);
    return store.enqueue(message, options);
  };
  const settle = async (settlement: Settlement) => {
    const recorded = await store.settle(settlement);
    // What the dead are told they do not know any more.
    if (recorded && !life.dead)
      for (const { index, outcome } of settlement.outcomes)
        if (outcome.kind === 'delivered') ledger.settled(settlement.message, index);
    return recorded;
  };
  const own = new Map<PropertyKey, unknown>([
    ['enqueue', enqueue],
    ['settle', settle],
  ]);
  return new Proxy(store, {
    get: (target, name) => {
      const value = own.get(name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function note({ id, content, recipients }: NewMessage, disk: MemoryDisk, ledger: Ledger): void {
  const head = content.kind === 'inline' ? content.bytes : disk.spool.head(content.key, 4096);
  ledger.queued(
    id,
    Buffer.from(head),
    recipients.map(({ address }) => address),
  );
}
