// Runs the real queue on the real store against a hostile world, kills it again and again, then lets
// the world heal.
//
// Safety: what was answered with 250 is delivered, or bounced, or still queued, at every restart;
// nothing arrives twice but for a crash or a lost reply; a local delivery happens exactly once.
// Liveness: once the faults stop, the queue empties and every sender knows.

import assert from 'node:assert/strict';
import { FakeClock } from '../../src/base/fake-clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';
import { cancelMessage } from '../../src/queue/cancellation.ts';
import type { DeliveryResult } from '../../src/queue/delivery.ts';
import { createMessageIds } from '../../src/queue/message-id.ts';
import { QueueRunner } from '../../src/queue/runner.ts';
import { holdMessages } from '../../src/queue/taking-out.ts';
import { reply } from '../../src/smtp/reply.ts';
import { countOf, listed } from '../../src/store/conformance/harness.ts';
import { queueEntries } from '../../src/store/queue-entries.ts';
import type {
  Effect,
  Lease,
  NewRecipient,
  QueueStore,
  Settlement,
} from '../../src/store/queue-store.ts';
import type { WriteFault } from '../../src/store/sqlite/journal/memory-directory.ts';
import { MemoryDisk, openSqliteStores } from '../../src/store/sqlite/stores.ts';
import type { Fault } from '../../src/store/sqlite/transport.ts';
import { StoreCrashedError } from '../../src/store/sqlite/transport.ts';
import type { Stores } from '../../src/store/stores.ts';
import { memoryHistory } from '../../src/store/test-history.ts';
import { journalFault, journalSegmentBytes } from './journal-faults.ts';
import { ProcessClock } from './process-clock.ts';
import type { Fate, Moods } from './remote-world.ts';
import { homeDomain, RemoteWorld } from './remote-world.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const localAccount = `local@${homeDomain}`;

const settings = {
  ...{ retryAfter: [5 * minute, 15 * minute, hour, 4 * hour], warnAfter: 4 * hour },
  ...{ expireAfter: 5 * day, connectionsPerDestination: 3, deliveries: 8 },
  memory: 100_000,
};

export interface SimulationResult {
  readonly seed: number;
  readonly recipients: number;
  readonly crashes: number;
  readonly duplicates: number;
  readonly arrived: number;
  readonly bounced: number;
  /** Messages that local deliveries made. */
  readonly derived: number;
}

interface StoreFaults {
  readonly full: number;
  readonly crashBefore: number;
  readonly crashAfter: number;
}

/** One life of the server, from start to crash or stop. */
interface Process {
  readonly stores: Stores;
  readonly runner: QueueRunner;
  readonly clock: ProcessClock;
  readonly ids: () => string;
  readonly life: { dead: boolean };
}

export async function simulateQueue(seed: number): Promise<SimulationResult> {
  return new Simulation(seed).run();
}

class Simulation {
  readonly #seed: number;
  readonly #random: Random;
  readonly #time = new FakeClock();
  readonly #disk = new MemoryDisk();
  readonly #remote: RemoteWorld;
  #storeFaults: StoreFaults;
  /** How often a local delivery makes another message. */
  readonly #deriving: number;
  #process!: Process;
  #crashes = 0;
  #diedAt = 0;
  #lastId: string | undefined;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    // Swarm testing: each seed turns most faults off.
    const some = (most: number) => (this.#happens(0.5) ? most * this.#random.fraction() : 0);
    const moods: Moods = {
      ...{ refuse: some(0.3), defer: some(0.7), hang: some(0.1), throwUp: some(0.2) },
      ...{ down: some(0.1), busy: some(0.3), loseReply: some(0.1), delay: some(0.8) },
    };
    this.#storeFaults = { full: some(0.1), crashBefore: some(0.02), crashAfter: some(0.02) };
    this.#deriving = some(0.9);
    this.#remote = new RemoteWorld(this.#time, this.#random, moods);
  }

  async run(): Promise<SimulationResult> {
    await this.#start(0);
    for (let step = 0; step < 150; step += 1) {
      await this.#step();
      if (this.#process.life.dead) await this.#restart();
      const { active, waiting, memoryBytes } = this.#process.runner.facts;
      assert.ok(active <= settings.deliveries && waiting <= 1_000, 'bounded attempts');
      assert.ok(memoryBytes <= settings.memory + 5 * 1_100_000, 'bounded memory');
    }
    await this.#heal();
    return this.#result();
  }

  async #step(): Promise<void> {
    const what = this.#random.fraction();
    if (what < 0.55) await this.#submitSome();
    else if (what < 0.6) await this.#operate();
    else if (what < 0.62) this.#die();
    else if (what < 0.63) await this.#stop();
    // Mostly moments, now and then a night, rarely a holiday.
    const scale = this.#happens(0.9) ? 2 * minute : this.#happens(0.9) ? 8 * hour : 6 * day;
    await this.#time.advance(Math.floor(this.#random.fraction() * scale));
  }

  /** Starts the server on what the last one left, with a clock that may have been set wrong. */
  async #start(offsetMs: number): Promise<void> {
    const clock = new ProcessClock(this.#time, offsetMs);
    const random = this.#random;
    const life = { dead: false, open: false };
    this.#disk.journal.faults = () => (life.open ? this.#journalFault(life) : undefined);
    const stores = await openSqliteStores({
      ...{ directory: ':memory:', log: silentLog, clock, disk: this.#disk },
      faults: () => (life.open ? this.#fault(life) : undefined),
      journal: { prepare: true, segmentBytes: journalSegmentBytes },
    });
    const ids = createMessageIds({ clock, random, after: this.#lastId });
    const next = () => {
      this.#lastId = ids();
      return this.#lastId;
    };
    const runner = new QueueRunner({
      ...{ clock, random, settings, ids: next, log: silentLog, history: memoryHistory(100) },
      store: this.#watched(stores.queue),
      hostname: `mx.${homeDomain}`,
      resolve: (address) => [to(address, homeDomain)],
      deliver: (lease, signal) =>
        lease.recipients[0]?.delivery === 'local'
          ? Promise.resolve(this.#deliverHere(lease))
          : this.#remote.deliver(lease, signal, () => life.dead),
    });
    life.open = true;
    this.#process = { stores, runner, clock, ids: next, life };
    runner.start();
    await this.#time.advance(0);
  }

  async #restart(): Promise<void> {
    this.#crashes += 1;
    this.#remote.crashed(this.#diedAt);
    const jump = this.#happens(0.2) ? (this.#random.fraction() - 0.5) * 4 * day : 0;
    const faults = this.#storeFaults;
    this.#storeFaults = { full: 0, crashBefore: 0, crashAfter: 0 };
    await this.#checkNothingLost();
    this.#storeFaults = faults;
    await this.#start(Math.floor(jump));
  }

  /** The power goes: what is not in the store now was never there. */
  #die(): void {
    this.#process.life.dead = true;
    this.#process.clock.die();
    this.#disk.journal.crash();
    this.#diedAt = this.#time.now();
  }

  async #stop(): Promise<void> {
    const stopped = this.#process.runner.stop({ graceMs: minute });
    await this.#time.advance(2 * minute);
    if (this.#process.life.dead) return; // the dead do not say that they have stopped
    await stopped;
    this.#die();
  }

  #fault(life: Process['life']): Fault | undefined {
    if (life.dead) return 'crash-before';
    const { full, crashBefore, crashAfter } = this.#storeFaults;
    if (this.#happens(full)) return 'full';
    const fault = this.#happens(crashBefore)
      ? 'crash-before'
      : this.#happens(crashAfter)
        ? 'crash-after'
        : undefined;
    if (fault !== undefined) this.#die();
    return fault;
  }

  #journalFault(life: Process['life']): WriteFault | undefined {
    return journalFault(this.#fault(life), this.#random);
  }

  /** Notes what the store says is recorded. */
  #watched(store: QueueStore): QueueStore {
    const settle = async (settlement: Settlement) => {
      const fates = this.#recordedAsDelivered(settlement);
      const recorded = await store.settle(settlement);
      if (!recorded) return false;
      for (const fate of fates) if (fate.arrivals > 0) fate.settledAt = this.#time.now();
      for (const fate of this.#derivedBy(settlement)) fate.accepted = true;
      return true;
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'settle') return settle;
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #derivedBy({ effects }: Settlement): Fate[] {
    const ids = new Set(effects.map((one) => (one.kind === 'enqueue' ? one.message.id : '')));
    return [...this.#remote.fates.values()].filter(({ id }) => ids.has(id));
  }

  #recordedAsDelivered({ message, outcomes }: Settlement): Fate[] {
    const fates = [...this.#remote.fates.values()].filter(({ id }) => id === message);
    return outcomes.flatMap(({ index, outcome }) =>
      outcome.kind === 'delivered' ? (fates[index] ?? []) : [],
    );
  }

  #deliverHere({ message, recipients }: Lease): DeliveryResult {
    const { received } = message;
    return {
      recipients: recipients.map(({ address }) => ({
        kind: 'delivered',
        reply: reply(250, '1.5', 'Stored'),
        effects: [
          {
            ...{ kind: 'append', account: localAccount, folder: 'INBOX', prefix: '', received },
            // The keyword tells copies apart when they are counted.
            flags: [keyword(message.id, address)],
            content: { kind: 'queued', id: message.id },
          },
          ...this.#derive(message.id, address),
        ],
      })),
      health: 'ok',
    };
  }

  /** As a filter of the mailbox's owner would: sends it on or answers, and remembers that it did. */
  #derive(parent: string, address: string): Effect[] {
    const fate = this.#remote.fates.get(`${parent} ${address}`)!;
    if (!fate.derives) return [];
    const id = this.#process.ids();
    const isSentOn = this.#happens(0.5);
    const sender = `ann@${homeDomain}`;
    const host = `d${Math.floor(this.#random.fraction() * 5)}.example`;
    const recipient = to(`c@${host}`, host);
    const token = isSentOn ? fate.token : id;
    fate.children.push(this.#expect(id, recipient, { sender, token, derives: false }));
    const text = Buffer.from(`X-Token: ${id}\r\n\r\nthe end\r\n`);
    const received = this.#process.clock.now();
    return [
      {
        ...{ kind: 'enqueue', reason: isSentOn ? 'redirect' : 'vacation' },
        message: {
          ...{ id, received, sender, params: [], recipients: [recipient], prefix: '' },
          origin: { session: parent, service: 'sieve', protocol: 'local', parent },
          content: isSentOn ? { kind: 'queued', id: parent } : { kind: 'inline', bytes: text },
        },
      },
      { kind: 'remember', account: localAccount, key: fate.key, until: Number.MAX_SAFE_INTEGER },
    ];
  }

  async #submitSome(): Promise<void> {
    const count = this.#happens(0.1) ? 20 : 1;
    await Promise.all(Array.from({ length: count }, () => this.#submit()));
  }

  async #submit(): Promise<void> {
    const { runner, clock, ids, stores } = this.#process;
    const id = ids();
    const sender = this.#happens(0.1) ? '' : `ann@${homeDomain}`;
    const recipients = Array.from(
      { length: 1 + Math.floor(this.#random.fraction() * 4) },
      (_, i) => {
        const here = this.#happens(0.2);
        const host = `d${Math.floor(this.#random.fraction() * 5)}.example`;
        return here ? toMailbox(i) : to(`r${i}@${host}`, host);
      },
    );
    const fates = recipients.map((recipient) => {
      const derives = recipient.delivery === 'local' && this.#happens(this.#deriving);
      return this.#expect(id, recipient, { sender, token: id, derives });
    });
    const large = this.#happens(0.02) ? 'x'.repeat(200_000) : '';
    const writer = stores.spool.create();
    await writer.write(Buffer.from(`X-Token: ${id}\r\n\r\n${large}\r\nthe end\r\n`));
    try {
      await runner.submit({
        ...{ id, received: clock.now(), sender, params: [], recipients, prefix: '' },
        content: await writer.commit(),
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      });
      for (const fate of fates) fate.accepted = true;
    } catch (error) {
      // No answer is not a no: only what the living store refuses was certainly not taken.
      if (error instanceof StoreCrashedError || this.#process.life.dead) return;
      for (const { key } of fates) this.#remote.fates.delete(key);
    }
  }

  #expect(
    id: string,
    { address, delivery }: NewRecipient,
    {
      sender,
      token,
      derives,
    }: { readonly sender: string; readonly token: string; readonly derives: boolean },
  ): Fate {
    const fate: Fate = {
      ...{ key: `${id} ${address}`, id, address, delivery, nullSender: sender === '' },
      ...{ token, derives, children: [] },
      ...{ accepted: false, arrivals: 0, doubtful: false, settledAt: undefined, refused: false },
      ...{ told: false, cancelled: false },
    };
    this.#remote.fates.set(fate.key, fate);
    return fate;
  }

  /** The operator does something, and may meet any fault while at it. */
  async #operate(): Promise<void> {
    const { stores, runner, clock } = this.#process;
    const some = [...this.#remote.fates.values()].filter(() => this.#happens(0.1));
    const chosen = [...new Set(some.map(({ id }) => id))];
    try {
      const what = this.#random.fraction();
      if (what < 0.3) await stores.queue.retry(chosen, clock.now());
      else if (what < 0.5) await holdMessages({ queue: stores.queue, line: runner.line }, chosen);
      else if (what < 0.8) await stores.queue.unhold(chosen, clock.now());
      else await this.#cancel(chosen[0], this.#process);
      runner.wake();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'SmtpError') throw error;
    }
  }

  async #cancel(id: string | undefined, { stores, runner, clock, ids }: Process): Promise<void> {
    if (id === undefined) return;
    const silent = this.#happens(0.5);
    for (const fate of this.#remote.fates.values())
      if (fate.id === id) {
        fate.refused = true;
        if (silent) fate.cancelled = true;
      }
    const parts = {
      ...{ store: stores.queue, clock, ids, hostname: `mx.${homeDomain}`, log: silentLog },
      ...{ history: memoryHistory(10), line: runner.line },
      resolve: (address: string) => [to(address, homeDomain)],
    };
    await cancelMessage(parts, id, { silent });
  }

  /** Every recipient we answered for is accounted for by what is durable now. */
  async #checkNothingLost(): Promise<void> {
    const clock = new ProcessClock(this.#time, 0);
    const stores = await openSqliteStores({
      ...{ directory: ':memory:', log: silentLog, clock, disk: this.#disk, journal: false },
    });
    const queued = new Set<string>();
    for await (const entry of queueEntries(stores.queue)) {
      for (const { address } of entry.recipients) queued.add(`${entry.id} ${address}`);
      if (entry.origin.service !== 'queue') continue;
      const message = await stores.queue.open(entry.id);
      const report = Buffer.from(message?.content.bytes ?? []).toString();
      if (!report.includes('\r\nAction: failed\r\n')) continue;
      const id = /^X-Postrider-Queue-Id: (.*)\r$/m.exec(report)?.[1];
      for (const [, of] of report.matchAll(/^Final-Recipient: rfc822; (.*)\r$/gm))
        queued.add(`${id} ${of}`);
    }
    const here = await this.#mailbox(stores);
    for (const fate of this.#remote.fates.values()) {
      if (!fate.accepted || queued.has(fate.key) || fate.told || fate.cancelled) continue;
      const known =
        fate.delivery === 'local'
          ? here.get(keyword(fate.id, fate.address)) === 1
          : fate.arrivals > 0;
      // Mail from the null reverse-path may also have been given up, of which nobody is told.
      assert.ok(known || fate.nullSender, `${fate.key} is lost`);
    }
    await this.#checkEffects(stores, here, queued);
  }

  /** What follows from a local delivery is there when its message is, once; and not without it. */
  async #checkEffects(
    stores: Stores,
    here: ReadonlyMap<string, number>,
    queued: ReadonlySet<string>,
  ): Promise<void> {
    for (const fate of this.#remote.fates.values()) {
      if (!fate.derives) continue;
      const copies = here.get(keyword(fate.id, fate.address)) ?? 0;
      const children = fate.children.filter(
        ({ key, arrivals, told }) => queued.has(key) || arrivals > 0 || told,
      );
      assert.ok(children.length <= copies, `${fate.key} made ${children.length} messages`);
      const isCancelled = fate.children.some(({ cancelled }) => cancelled);
      assert.ok(children.length === copies || isCancelled, `what ${fate.key} made is lost`);
      const remembered = await stores.queue.remembered(localAccount, fate.key);
      assert.equal(remembered, copies === 1, `${fate.key} is remembered`);
    }
  }

  async #mailbox(stores: Stores): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (let after = 0; ; ) {
      const page = await listed(stores.folders, localAccount, { after, limit: 500 });
      for (const { flags } of page) found.set(flags[0]!, (found.get(flags[0]!) ?? 0) + 1);
      const last = page.at(-1);
      if (last === undefined) return found;
      after = last.uid;
    }
  }

  /** The world is kind from now on: everything must come to an end, and soon. */
  async #heal(): Promise<void> {
    this.#remote.heal();
    this.#storeFaults = { full: 0, crashBefore: 0, crashAfter: 0 };
    if (this.#process.life.dead) await this.#restart();
    await this.#time.advance(2 * minute);
    const { stores, clock, runner } = this.#process;
    for await (const { id } of queueEntries(stores.queue))
      await stores.queue.unhold([id], clock.now());
    runner.wake();
    for (let hours = 0; hours < 24; hours += 1) {
      await this.#time.advance(hour);
      if ((await countOf(stores.queue)).recipients === 0) break;
    }
    assert.equal((await countOf(stores.queue)).recipients, 0, 'the queue empties');
    const { active, waiting, unrecorded, memoryBytes } = runner.facts;
    assert.deepEqual(
      [active, waiting, unrecorded, memoryBytes],
      [0, 0, 0, 0],
      'nothing is left over',
    );
    const here = await this.#mailbox(stores);
    for (const fate of this.#remote.fates.values()) {
      const copies = here.get(keyword(fate.id, fate.address)) ?? 0;
      assert.ok(copies <= 1, `${fate.key} was stored ${copies} times`);
      if (fate.delivery === 'local') fate.arrivals += copies;
      if (!fate.accepted || fate.arrivals > 0 || fate.cancelled || fate.nullSender) continue;
      assert.ok(fate.told, `nobody was told of ${fate.key}`);
    }
    await this.#checkEffects(stores, here, new Set());
  }

  #result(): SimulationResult {
    const fates = [...this.#remote.fates.values()];
    return {
      seed: this.#seed,
      recipients: fates.length,
      crashes: this.#crashes,
      duplicates: this.#remote.duplicates,
      arrived: fates.filter(({ arrivals }) => arrivals > 0).length,
      bounced: fates.filter(({ told }) => told).length,
      derived: fates.flatMap(({ children }) => children).filter(({ accepted }) => accepted).length,
    };
  }

  #happens(probability: number): boolean {
    return this.#random.fraction() < probability;
  }
}

const to = (address: string, host: string): NewRecipient => ({
  ...{ address, params: [], delivery: 'relay', destination: `mx:${host}` },
});

const toMailbox = (number: number): NewRecipient => ({
  ...{ address: `local+${number}@${homeDomain}`, params: [] },
  ...{ delivery: 'local', destination: 'local' },
});

const keyword = (id: string, address: string): string =>
  `${id}-${address.slice(0, address.indexOf('@'))}`;
