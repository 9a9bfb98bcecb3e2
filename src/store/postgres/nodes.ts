// Which processes share the queue, and which of them are alive. A node says so every few seconds, by the
// database's clock; one that has not for too long has lost what it claimed, and others go on with it. It finds
// that out itself when it comes back, and begins anew.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Holdings, InTurn, NodeFacts, Nodes, TellOthers } from '../nodes.ts';
import { StoreOpenError } from '../open-error.ts';
import type { OtherNode } from '../shares.ts';
import type { SaidOfShares } from './node-shares.ts';
import { NodeShares } from './node-shares.ts';
import type { Signals } from './signals.ts';

/** Where nodes are written down; each of these happens as a whole or not at all. */
export interface NodeTable {
  /** Takes the place of that name. What the process before had claimed is due again. */
  join(name: string): Promise<Joined>;
  /** For a command: it claims in a name of its own, and is on no list. */
  visit(): Promise<number>;
  beat(session: number, said: SaidOfShares): Promise<'heard' | 'draining' | 'gone'>;
  /**
   * What all others said last that nobody has buried: after the database was away all have been silent. It throws where
   * the answer does not come before the next beat; who joins waits for it as long as for anything else.
   */
  others(session: number, isJoining?: boolean): Promise<readonly OtherNode[]>;
  standing(name: string): Promise<NodeStanding>;
  /** Those that were silent for too long lose their sessions, and what they had claimed. */
  bury(): Promise<readonly { readonly node: string; readonly recipients: number }[]>;
  /** Nothing of that session is claimed any more. */
  leave(session: number): Promise<void>;
  list(): Promise<readonly NodeFacts[]>;
  /** A process that begins under that name begins without. */
  drain(name: string): Promise<boolean>;
  /** What it had claimed goes to the others; a process that still runs under that name ends. */
  remove(name: string): Promise<boolean>;
}

export interface Joined {
  readonly number: number;
  readonly session: number;
  /** Recipients that the process before had claimed. */
  readonly given: number;
}

/** Whether a process of that name may begin anew. */
export type NodeStanding = 'free' | 'taken' | 'removed';

export interface PostgresNodesParts {
  readonly table: NodeTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly signals: Pick<Signals, 'send' | 'listen'>;
  readonly tellOthers: TellOthers;
  /** What this node is called. */
  readonly name: string;
  /** After so long without a word a node is taken for dead, in milliseconds. */
  readonly timeoutMs: number;
  /** For a process that has this session. */
  readonly turns: (session: () => number) => InTurn;
  readonly holdings: (node: Pick<PostgresNodes, 'session' | 'isHeard'>) => Holdings;
  /** What was claimed in the name of sessions that were over by then is due. */
  readonly giveBackOrphans: () => Promise<void>;
  /** Nobody could be sure of us, and now the database has heard us again. */
  readonly onHeard: () => void;
  /** Another process goes on under our name, an operator removed us, or the tables are not ours any more: this one has to end. */
  readonly onReplaced: (error: Error) => void;
}

/** A node speaks so often within the time after which it is taken for dead. */
export const beatsPerTimeout = 4;
const topic = 'nodes';

export class PostgresNodes implements Nodes, AsyncDisposable {
  readonly inTurn: InTurn;
  readonly holdings: Holdings;
  readonly tellOthers: TellOthers;
  readonly shares = new NodeShares(() => this.#session);
  readonly #parts: PostgresNodesParts;
  #number = 0;
  #session = 0;
  #onDrained: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  #isBurying = false;
  #isBeating = false;
  #isDue = false;
  #unlisten: (() => void) | undefined;
  /**
   * When we last said what the database heard, by the monotonic clock; others are judged only by who was heard
   * himself.
   */
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(parts: PostgresNodesParts) {
    this.#parts = parts;
    this.inTurn = parts.turns(() => this.#session);
    this.holdings = parts.holdings(this);
    this.tellOthers = parts.tellOthers;
  }

  get number(): number {
    return this.#number;
  }

  get name(): string {
    return this.#parts.name;
  }

  get session(): number {
    return this.#session;
  }

  /** Whether nobody can have taken us for dead: not for so long after what the database has heard. */
  get isHeard(): boolean {
    return this.#parts.clock.now() - this.#heardAt < this.#parts.timeoutMs;
  }

  whenDrained(listener: () => void): void {
    this.#onDrained = listener;
  }

  /** Takes our place among the nodes. */
  async join(): Promise<void> {
    const given = await this.#joinNow();
    if (given > 0) this.#parts.log.info('store-recovered', { recipients: given });
    this.#unlisten = this.#parts.signals.listen(topic, () => void this.#beatNow());
    await this.#hearOthers(true);
    this.#beatLater();
  }

  async visit(): Promise<void> {
    this.#session = await this.#parts.table.visit();
  }

  list(): Promise<readonly NodeFacts[]> {
    return this.#parts.table.list();
  }

  drain(name: string): Promise<boolean> {
    return this.#parts.table.drain(name);
  }

  remove(name: string): Promise<boolean> {
    return this.#parts.table.remove(name);
  }

  /** Leaves in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    this.#unlisten?.();
    if (this.#number === 0) return;
    await this.#parts.table.leave(this.#session).catch(() => {}); // the others notice
  }

  /** Who has come, who is gone: each answers at once, so that nobody waits long for his part. */
  async #hearOthers(isJoining = false): Promise<void> {
    const session = this.#session;
    const others = await this.#parts.table.others(session, isJoining);
    if (this.#isStopped || session !== this.#session) return;
    if (!this.shares.heard(others) || others.length === 0) return;
    setImmediate(() => {
      const say = () => this.#parts.signals.send(topic, this.#session);
      void this.#beatNow().then(say);
    });
  }

  /** One that is under way may have said what it says before. */
  async #beatNow(): Promise<void> {
    this.#isDue = true;
    if (this.#isBeating) return;
    while (this.#isDue && !this.#isStopped) {
      this.#cancel?.();
      await this.#beat();
    }
  }

  #beatLater(): void {
    if (this.#isStopped) return;
    const { clock, timeoutMs } = this.#parts;
    this.#cancel = clock.after(timeoutMs / beatsPerTimeout, () => void this.#beatNow());
  }

  async #beat(): Promise<void> {
    const { table, clock, timeoutMs } = this.#parts;
    this.#isBeating = true;
    this.#isDue = false;
    const saidAt = clock.now();
    const wasHeard = saidAt - this.#heardAt < timeoutMs / 2;
    try {
      const answer = await table.beat(this.#session, this.shares.said());
      if (this.#isStopped) return;
      if (answer === 'gone') await this.#comeBack();
      else this.#heard(saidAt);
      if (answer === 'draining') this.#drained();
      await this.#hearOthers();
      // When the database was away for everybody, everybody has been silent.
      if (wasHeard) void this.#bury();
    } catch (error) {
      if (error instanceof StoreOpenError) this.#end(error);
      // Otherwise the database is away, which is told where that matters.
    }
    this.#isBeating = false;
    this.#beatLater();
  }

  #heard(saidAt: number): void {
    const { isHeard } = this;
    this.#heardAt = saidAt;
    if (!isHeard && this.isHeard) this.#parts.onHeard();
  }

  async #joinNow(): Promise<number> {
    const { table, clock, name } = this.#parts;
    const saidAt = clock.now();
    const { number, session, given } = await table.join(name);
    this.#number = number;
    this.#session = session;
    this.shares.begin();
    this.#heard(saidAt);
    return given;
  }

  #drained(): void {
    const listener = this.#onDrained;
    this.#onDrained = undefined;
    listener?.();
  }

  #end(why: Error): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#parts.onReplaced(why);
  }

  /** Others took us for dead: what we had claimed is theirs. */
  async #comeBack(): Promise<void> {
    const { table, name, log } = this.#parts;
    const standing = await table.standing(name);
    if (standing !== 'free') {
      const why = standing === 'removed' ? 'was removed' : 'is another process now';
      return this.#end(new Error(`node ${name} ${why}: this one ends`));
    }
    await this.#joinNow();
    log.warn('node was taken for dead', {});
  }

  /** Our own beats do not wait for it. */
  async #bury(): Promise<void> {
    if (this.#isBurying) return;
    const { table, giveBackOrphans, log } = this.#parts;
    this.#isBurying = true;
    try {
      for (const { node, recipients } of await table.bury())
        log.warn('node is dead', { node, recipients });
      await giveBackOrphans();
    } catch {
      // As above: the next beat tries again, and so do others.
    }
    this.#isBurying = false;
  }
}
