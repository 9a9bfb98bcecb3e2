// Several nodes share one queue in a hostile world: they die at any statement, stand still and wake up long after others
// took what they had, are cut off and mended, have clocks that are wrong by minutes, and ask a database that comes and goes.
// The runner, the life of a node and what it knows of its leases are the real ones.
//
// Safety: what was answered with 250 arrives; it arrives once more only for a reply that was lost, or where an attempt
// was under way when its node died or lost it. Nothing that a node had only waiting is attempted twice.
// Liveness: once the faults stop, the queue is empty long before a lease would run out.

import assert from 'node:assert/strict';
import { FakeClock } from '../../src/base/fake-clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { DeliveryResult } from '../../src/queue/delivery.ts';
import { createMessageIds } from '../../src/queue/message-id.ts';
import { QueueRunner } from '../../src/queue/runner.ts';
import { reply } from '../../src/smtp/reply.ts';
import type { Lease } from '../../src/store/queue-store.ts';
import { memoryHistory } from '../../src/store/test-history.ts';
import type { LineTroubles } from './node-process.ts';
import { NodeProcess } from './node-process.ts';
import type { NodeView } from './nodes-view.ts';
import { viewOf } from './nodes-view.ts';
import { SharedQueue } from './shared-queue.ts';

const minute = 60_000;
const names = ['n1', 'n2', 'n3'];
const hosts = ['a', 'b', 'c', 'd'];
const steps = 70;

const settings = {
  ...{ retryAfter: [minute, 3 * minute], warnAfter: 24 * 60 * minute },
  ...{ expireAfter: 5 * 24 * 60 * minute, connectionsPerDestination: 2, deliveries: 5 },
  memory: 1_000_000,
};

export interface NodesResult {
  readonly seed: number;
  readonly recipients: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly crashes: number;
  readonly freezes: number;
  readonly cuts: number;
  /** Recipients that a node lost before it had begun with them. */
  readonly lost: number;
  readonly mark: number;
}

interface Fate {
  accepted: boolean;
  arrivals: number;
  /** So often it may arrive once more. */
  excuses: number;
}

/** Under way: a recipient of a lease of some session. */
interface Attempt {
  readonly key: string;
  readonly session: number;
}

interface Node {
  readonly process: NodeProcess;
  readonly view: NodeView;
  readonly runner: QueueRunner;
  readonly attempts: Set<Attempt>;
}

const none: LineTroubles = { crashBefore: 0, crashAfter: 0, lost: 0, answerLost: 0 };

export async function simulateNodes(seed: number): Promise<NodesResult> {
  return new Simulation(seed).run();
}

class Simulation {
  readonly #seed: number;
  readonly #random: Random;
  readonly #time = new FakeClock();
  readonly #shared = new SharedQueue(() => this.#time.now());
  readonly #nodes = new Map<string, Node>();
  readonly #fates = new Map<string, Fate>();
  readonly #counts = { crashes: 0, freezes: 0, cuts: 0, duplicates: 0, lost: 0 };
  readonly #moods: { slow: number; defer: number; loseReply: number };
  readonly #wrong: string[] = [];
  #troubles: LineTroubles;
  #isHealed = false;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    const some = (most: number) => (this.#happens(0.6) ? most * this.#random.fraction() : 0);
    this.#moods = { slow: some(1), defer: some(0.4), loseReply: some(0.05) };
    this.#troubles = {
      ...{ crashBefore: some(0.005), crashAfter: some(0.005) },
      ...{ lost: some(0.05), answerLost: some(0.05) },
    };
    this.#shared.onTaken = ({ message, index }, session) => {
      const key = keyOf(message.id, index);
      const isUnderWay = this.#attemptsOf(key, session, () => this.#excuse(key));
      if (!isUnderWay) this.#counts.lost += 1;
    };
    this.#shared.onSettled = ({ message, index }, session) => {
      this.#attemptsOf(keyOf(message.id, index), session, () => {});
    };
  }

  async run(): Promise<NodesResult> {
    for (const name of names) this.#start(name);
    await this.#time.advance(minute);
    for (let step = 0; step < steps; step += 1) await this.#step();
    await this.#heal();
    assert.deepEqual(this.#wrong, []);
    const fates = [...this.#fates.values()];
    return {
      ...{ seed: this.#seed, recipients: fates.length },
      accepted: fates.filter(({ accepted }) => accepted).length,
      ...this.#counts,
      mark: this.#random.fraction(),
    };
  }

  async #step(): Promise<void> {
    const what = this.#random.fraction();
    const [name, node] = this.#pick([...this.#nodes]);
    if (what < 0.5) this.#submitSome();
    else if (what < 0.58) node.process.die();
    else if (what < 0.7) this.#freeze(node);
    else if (what < 0.82) this.#cut([node]);
    else if (what < 0.85) this.#cut([...this.#nodes.values()]);
    else if (node.process.isDead) this.#start(name);
    await this.#time.advance(Math.floor(this.#random.fraction() * 90_000));
  }

  #start(name: string): void {
    const process = new NodeProcess(this.#time, this.#random, {
      offsetMs: Math.floor((this.#random.fraction() - 0.5) * 10 * minute),
      troubles: this.#isHealed ? none : this.#troubles,
    });
    const onReplaced = () => process.die();
    const view = viewOf({ shared: this.#shared, process, name, onReplaced });
    const attempts = new Set<Attempt>();
    process.onDeath = () => {
      this.#counts.crashes += 1;
      for (const { key } of attempts) this.#excuse(key);
      attempts.clear();
    };
    let ids: (() => string) | undefined;
    const runner = new QueueRunner({
      ...{ clock: process, random: this.#random, settings, log: silentLog },
      ...{ history: memoryHistory(100), hostname: `${name}.test`, store: view.queue },
      ids: () => ids!(),
      resolve: () => [],
      deliver: (lease) => this.#deliver(lease, this.#nodes.get(name)!),
    });
    this.#nodes.set(name, { process, view, runner, attempts });
    const begin = (): void => {
      view.start().then(
        () => {
          ids = createMessageIds({
            ...{ clock: process, random: this.#random, node: view.nodes.number },
          });
          this.#ids.set(process, ids);
          runner.start();
        },
        () => process.after(1000, begin),
      );
    };
    begin();
  }

  /** What processes that have begun make ids by. */
  readonly #ids = new WeakMap<NodeProcess, () => string>();

  #freeze({ process }: Node): void {
    if (process.isDead || process.isFrozen) return;
    this.#counts.freezes += 1;
    process.freeze();
    const most = this.#happens(0.9) ? 4 * minute : 150 * minute;
    this.#time.after(Math.floor(this.#random.fraction() * most), () => process.thaw());
  }

  #cut(nodes: readonly Node[]): void {
    this.#counts.cuts += 1;
    for (const { process } of nodes) process.isCut = true;
    this.#time.after(Math.floor(this.#random.fraction() * 4 * minute), () => {
      for (const { process } of nodes) process.mend();
    });
  }

  #submitSome(): void {
    const count = this.#happens(0.3) ? 15 : 2;
    for (let i = 0; i < count; i += 1) void this.#submit(this.#pick([...this.#nodes.values()]));
  }

  async #submit({ process, runner }: Node): Promise<void> {
    const ids = this.#ids.get(process);
    if (process.isDead || process.isFrozen || ids === undefined) return;
    const id = ids();
    const recipients = Array.from({ length: this.#happens(0.2) ? 3 : 1 }, () => {
      const destination = `mx:${this.#pick(hosts)}.test`;
      return { address: 'x@far.test', params: [], delivery: 'relay' as const, destination };
    });
    const fates = recipients.map((_, index) => {
      const fate: Fate = { accepted: false, arrivals: 0, excuses: 0 };
      this.#fates.set(keyOf(id, index), fate);
      return fate;
    });
    try {
      await runner.submit({
        ...{ id, received: process.now(), sender: 'ann@home.test', params: [], prefix: '' },
        content: { kind: 'inline', bytes: Buffer.from('x') },
        ...{ recipients, origin: { session: 's', service: 'smtp', protocol: 'ESMTP' } },
      });
      for (const fate of fates) fate.accepted = true;
    } catch {
      // No 250: it may arrive, and need not.
    }
  }

  async #deliver({ message, recipients }: Lease, node: Node): Promise<DeliveryResult> {
    const { process, view, attempts } = node;
    const { session } = view.nodes;
    for (const { index } of recipients) attempts.add({ key: keyOf(message.id, index), session });
    if (this.#happens(this.#moods.slow)) await this.#pause(this.#random.fraction() * 3 * minute);
    await process.here();
    const results = recipients.map(({ index }) => this.#arrive(keyOf(message.id, index)));
    return { recipients: results, health: 'ok' };
  }

  #arrive(key: string): DeliveryResult['recipients'][number] {
    const later = { kind: 'deferred', reply: reply(451, '4.2', 'Later') } as const;
    if (this.#happens(this.#moods.defer)) return later;
    const fate = this.#fates.get(key)!;
    if (fate.arrivals > 0) {
      // A runner would take what is thrown here for a failure of the delivery.
      if (fate.excuses === 0) this.#wrong.push(`${key} arrives twice without a reason`);
      fate.excuses -= 1;
      this.#counts.duplicates += 1;
    }
    fate.arrivals += 1;
    if (this.#happens(this.#moods.loseReply)) {
      this.#excuse(key);
      return later;
    }
    return { kind: 'relayed', reply: reply(250, '0.0', 'OK'), dsn: false };
  }

  #excuse(key: string): void {
    const fate = this.#fates.get(key);
    if (fate !== undefined) fate.excuses += 1;
  }

  /** Those of that session with that recipient are under way no more; false if there are none. */
  #attemptsOf(key: string, session: number, each: () => void): boolean {
    let any = false;
    for (const { attempts } of this.#nodes.values())
      for (const attempt of [...attempts]) {
        if (attempt.key !== key || attempt.session !== session) continue;
        attempts.delete(attempt);
        any = true;
        each();
      }
    return any;
  }

  /** The world is kind from now on. */
  async #heal(): Promise<void> {
    this.#isHealed = true;
    this.#troubles = none;
    Object.assign(this.#moods, { slow: 0.2, defer: 0, loseReply: 0 });
    for (const { process } of this.#nodes.values()) {
      process.troubles = none;
      process.mend();
      process.thaw();
    }
    for (const [name, { process }] of this.#nodes) if (process.isDead) this.#start(name);
    for (let i = 0; i < 35 && this.#shared.rows.length > 0; i += 1)
      await this.#time.advance(minute);
    assert.deepEqual(
      this.#shared.rows.map(({ message, owner }) => [message.id, owner]),
      [],
      'the queue empties before a lease runs out',
    );
    for (const [key, { accepted, arrivals }] of this.#fates)
      assert.ok(!accepted || arrivals > 0, `${key} is lost`);
    await this.#time.advance(minute);
    for (const { runner } of this.#nodes.values())
      assert.deepEqual(
        [runner.facts.active, runner.facts.waiting, runner.facts.unrecorded],
        [0, 0, 0],
        'nothing is left over',
      );
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.fraction() * from.length)]!;
  }

  #happens(probability: number): boolean {
    return this.#random.fraction() < probability;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#time.after(Math.floor(ms), resolve);
    });
  }
}

const keyOf = (id: string, index: number): string => `${id} ${index}`;
