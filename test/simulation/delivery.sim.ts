// The whole path, from a client's bytes to a next hop's bytes, against a hostile world: the real
// session, reception, queue, store and delivery; only time, chance, network, DNS and disk are made up.
//
// Safety: what a client was told 250 for is delivered, content intact, or its sender was told that it
// was not, or it is still queued, at every restart and at the end; what was refused or cut off is
// never delivered; a recipient gets it twice only where a reply was lost or the server died.
// Liveness: once the faults stop, the queue empties, and neither spool nor store keeps anything.

import assert from 'node:assert/strict';
import { FakeClock } from '../../src/base/fake-clock.ts';
import type { Log } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';
import { countOf, listed, openById } from '../../src/store/conformance/harness.ts';
import type { Content } from '../../src/store/content.ts';
import { queueEntries } from '../../src/store/queue-entries.ts';
import { MemoryDisk } from '../../src/store/sqlite/stores.ts';
import type { Fault } from '../../src/store/sqlite/transport.ts';
import type { Stores } from '../../src/store/stores.ts';
import { runClient } from './clients.ts';
import type { Home } from './home.ts';
import { accounts, alias, homeDomain, openStores, queueSettings, startHome } from './home.ts';
import type { Moods } from './hosts.ts';
import { day, hour, Internet, minute } from './hosts.ts';
import { Ledger } from './ledger.ts';
import { Line, theWorld } from './network.ts';

export interface DeliveryResult extends Readonly<Ledger['counts']> {
  readonly seed: number;
  readonly crashes: number;
  /** The next number of the seed's sequence: the same only if all before it were asked for alike. */
  readonly mark: number;
}

/** What may go wrong with ourselves and our clients. */
interface Troubles {
  readonly crash: number;
  readonly crashBefore: number;
  readonly crashAfter: number;
  readonly full: number;
  readonly clockJump: number;
  readonly clientCut: number;
  readonly clientHangUp: boolean;
  readonly noRoom: number;
}

const none: Troubles = {
  ...{ crash: 0, crashBefore: 0, crashAfter: 0, full: 0, clockJump: 0 },
  ...{ clientCut: 0, clientHangUp: false, noRoom: 0 },
};
const steps = 60;

export async function simulateDelivery(seed: number): Promise<DeliveryResult> {
  return new Simulation(seed).run();
}

class Simulation {
  readonly #seed: number;
  readonly #random: Random;
  readonly #time = new FakeClock();
  readonly #disk = new MemoryDisk();
  readonly #ledger: Ledger;
  readonly #internet: Internet;
  readonly #startTls: boolean;
  readonly #mustLogIn: boolean;
  readonly #log: Log;
  readonly #seenUids = new Map<string, number>(accounts.map((account) => [account, 0]));
  #troubles: Troubles;
  #fullUntil = 0;
  #home!: Home;
  #crashes = 0;
  #tokens = 0;
  #clients = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    // Swarm testing: each seed turns about half of the faults off.
    const some = (most: number) => (this.#happens(0.5) ? most * this.#random.fraction() : 0);
    const moods: Moods = {
      ...{ refuse: some(0.3), defer: some(0.5), shut: some(0.5), slow: some(0.5) },
      ...{ rude: some(0.4), cut: some(0.6), tlsFails: some(0.8), down: some(0.3), dns: some(0.6) },
    };
    this.#troubles = {
      ...{ crash: some(0.2), crashBefore: some(0.02), crashAfter: some(0.02), full: some(0.1) },
      ...{ clockJump: some(0.5), clientCut: some(0.5), clientHangUp: this.#happens(0.5) },
      noRoom: some(0.4),
    };
    this.#ledger = new Ledger({
      now: () => this.#time.now(),
      expireAfterMs: this.#troubles.clockJump > 0 ? undefined : queueSettings.expireAfter,
      localDomain: homeDomain,
      aliased: new Map([[alias.name, alias.targets[1]]]),
    });
    this.#startTls = this.#happens(0.5);
    this.#mustLogIn = this.#happens(0.3);
    const parts = { clock: this.#time, random: this.#random, ledger: this.#ledger, moods };
    this.#internet = new Internet(parts);
    this.#log = { ...silentLog, error: (event, fields) => this.#complain(event, fields) };
  }

  async run(): Promise<DeliveryResult> {
    await this.#start(0);
    for (let step = 0; step < steps; step += 1) {
      await this.#step();
      if (this.#home.life.dead) await this.#restart();
      this.#checkNow();
    }
    await this.#heal();
    await this.#checkNothingLeft();
    this.#checkNow();
    const { counts } = this.#ledger;
    return {
      ...{ seed: this.#seed, ...counts, crashes: this.#crashes },
      mark: this.#random.fraction(),
    };
  }

  async #step(): Promise<void> {
    const what = this.#random.fraction();
    const { crash } = this.#troubles;
    if (what < 0.6) this.#callers();
    else if (what < 0.75) this.#internet.change();
    else if (what < 0.8) this.#home.runner.wake();
    else if (what < 0.8 + crash * 0.8) this.#home.die();
    else if (what > 0.98) await this.#stop();
    if (this.#happens(this.#troubles.full))
      this.#fullUntil = this.#time.now() + this.#random.fraction() * 2 * hour;
    // Mostly moments, now and then a night, rarely a holiday.
    const scale = this.#happens(0.3)
      ? 1000
      : this.#happens(0.8)
        ? 20 * minute
        : this.#happens(0.8)
          ? 8 * hour
          : 4 * day;
    await this.#time.advance(Math.floor(this.#random.fraction() * scale));
  }

  async #start(offsetMs: number): Promise<void> {
    this.#home = await startHome({
      ...{ time: this.#time, random: this.#random, disk: this.#disk, internet: this.#internet },
      ...{ ledger: this.#ledger, log: this.#log, offsetMs, startTls: this.#startTls },
      mustLogIn: this.#mustLogIn,
      noRoom: () => this.#happens(this.#troubles.noRoom),
      faults: () => this.#fault(),
      lastId: this.#home?.lastId(),
    });
    await this.#time.advance(0);
  }

  async #restart(): Promise<void> {
    this.#crashes += 1;
    // What was on its way is there, or is lost.
    await this.#time.advance(1000);
    const stores = await openStores({ time: this.#time, disk: this.#disk, log: this.#log });
    await this.#checkNothingLost(stores);
    const jump = this.#happens(this.#troubles.clockJump) ? this.#random.fraction() - 0.5 : 0;
    await this.#start(Math.floor(jump * 4 * day));
  }

  async #stop(): Promise<void> {
    const home = this.#home;
    let stopped = false;
    home.stop(minute).then(
      () => {
        stopped = true;
      },
      () => {}, // it died over it
    );
    await this.#time.advance(5 * minute);
    assert.ok(stopped || home.life.dead, 'the server stops when it is told to');
    home.die();
  }

  #callers(): void {
    const count = this.#happens(0.2) ? 6 : 1;
    for (let i = 0; i < count; i += 1) this.#call();
  }

  #call(): void {
    const random = this.#random;
    const { clientCut, clientHangUp } = this.#troubles;
    const side = this.#happens(0.7) ? 'caller' : 'called';
    const line = new Line({
      ...{ clock: this.#time, random, latencyMs: this.#happens(0.7) ? 0 : 1 + this.#below(300) },
      pieceBytesMax: this.#happens(0.8) ? 65_536 : 300,
      cut: this.#happens(clientCut)
        ? {
            ...{ from: side, afterBytes: this.#below(side === 'caller' ? 5_000 : 900) },
            how: this.#happens(0.5) ? 'reset' : 'hole',
          }
        : undefined,
      caller: { address: '192.0.2.1', port: 50_000, life: theWorld },
      called: { address: '10.9.9.9', port: 25, life: this.#home.life },
    });
    const protocol = this.#happens(0.2) ? 'lmtp' : 'smtp';
    this.#home.accept(line.called, protocol);
    this.#clients += 1;
    const token = () => {
      this.#tokens += 1;
      return `t${this.#tokens}`;
    };
    const parts = { end: line.caller, random, ledger: this.#ledger, token, protocol } as const;
    void runClient({ ...parts, mayHangUp: clientHangUp }).then(() => {
      this.#clients -= 1;
    });
  }

  #fault(): Fault | undefined {
    const { crashBefore, crashAfter } = this.#troubles;
    if (this.#time.now() < this.#fullUntil && this.#happens(0.9)) return 'full';
    if (this.#happens(crashBefore)) return 'crash-before';
    return this.#happens(crashAfter) ? 'crash-after' : undefined;
  }

  /** An error in the log is one of ours, but for those of a disk that is full or gone. */
  #complain(event: string, fields: unknown): void {
    const text = JSON.stringify(fields, (_, value: unknown) =>
      value instanceof Error ? `${value.stack} ${value.cause}` : value,
    );
    if (/disk is full|input\/output error|store crashed|store is closed/.test(text)) return;
    this.#ledger.failure ??= new Error(`the log says: ${event} ${text}`);
  }

  #checkNow(): void {
    if (this.#ledger.failure !== undefined) throw this.#ledger.failure;
    const { active, waiting, memoryBytes } = this.#home.runner.facts;
    assert.ok(active <= queueSettings.deliveries && waiting <= 1_000, 'bounded attempts');
    assert.ok(memoryBytes <= queueSettings.memory + 20 * 1_500_000, 'bounded memory');
  }

  /** Every recipient we answered for is accounted for by what is durable now. */
  async #checkNothingLost(stores: Stores): Promise<void> {
    await this.#readMailboxes(stores);
    const queued = new Set<string>();
    for await (const { id, origin, recipients } of queueEntries(stores.queue)) {
      const token = this.#ledger.tokenOf(id);
      for (const { address } of recipients) queued.add(`${token} ${address}`);
      if (origin.service !== 'queue') continue;
      const report = await stores.queue.open(id);
      for (const named of this.#ledger.namedBy(await bytesOf(report!.content))) queued.add(named);
    }
    this.#ledger.checkNothingLost(queued);
  }

  /** What is new in the mailboxes has arrived, each message once for each line in them. */
  async #readMailboxes({ folders }: Stores): Promise<void> {
    for (const [account, seen] of this.#seenUids)
      for (let after = seen; ; ) {
        const page = await listed(folders, account, { after, limit: 100 });
        for (const { id } of page) {
          const content = await bytesOf((await openById(folders, account, id))!);
          const path = /^Return-Path: <(.*)>\r$/m.exec(content.toString())?.[1];
          // It is in the mailbox because its settlement was recorded: never twice.
          this.#ledger.stored(content, account, path ?? 'no Return-Path');
        }
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.uid;
        this.#seenUids.set(account, after);
      }
  }

  /** The world is kind from now on: everything must come to an end, and soon. */
  async #heal(): Promise<void> {
    this.#troubles = none;
    this.#fullUntil = 0;
    this.#internet.heal();
    if (this.#home.life.dead) await this.#restart();
    await this.#time.advance(hour);
    this.#home.runner.wake();
    const { queue } = this.#home.stores;
    for (let hours = 0; hours < 24; hours += 1) {
      await this.#time.advance(hour);
      if ((await countOf(queue)).recipients === 0) break;
    }
    this.#checkNow();
    assert.equal((await countOf(queue)).recipients, 0, 'the queue empties');
  }

  async #checkNothingLeft(): Promise<void> {
    const { stores, runner, conversations } = this.#home;
    const { active, waiting, unrecorded, memoryBytes } = runner.facts;
    assert.deepEqual([active, waiting, unrecorded, memoryBytes], [0, 0, 0, 0], 'nothing waits');
    await this.#checkNothingLost(stores);
    assert.deepEqual([this.#clients, conversations], [0, 0], 'nobody hangs on the line');
    for (const account of accounts) await stores.folders.removeAll(account);
    await this.#time.advance(minute);
    assert.equal(this.#disk.spool.files, 0, 'nothing is left in the spool');
    for (const table of ['message', 'recipient', 'content', 'email', 'mail']) {
      const row = this.#disk.database.prepare(`SELECT count(*) AS rows FROM ${table}`).get();
      assert.equal(row?.rows, 0, `nothing is left in ${table}`);
    }
  }

  #happens(probability: number): boolean {
    return this.#random.fraction() < probability;
  }

  #below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit);
  }
}

async function bytesOf(content: Content): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content.read()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

if (import.meta.main) console.log(await simulateDelivery(Number(process.argv[2] ?? 1)));
