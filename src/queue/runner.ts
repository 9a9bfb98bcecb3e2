// SPINE 2: from queued to settled. Takes leases (from a message just received, or claimed from the
// store: claims.ts), has them delivered, records what happened and whom it concerns. Reads top to bottom
// as a message goes: submit, start, conclude, record.
//
// Promises: what submit() resolved for is durable; a message leaves the queue only with a recorded
// outcome, in one transaction with the report of its failure; one destination's trouble is not
// another's; nothing polls; memory does not grow with the queue.

import type { Clock } from '../base/clock.ts';
import { stackOf } from '../base/error-text.ts';
import { requestsOf } from '../smtp/envelope-requests.ts';
import { reply } from '../smtp/reply.ts';
import { localError } from '../smtp/smtp-error.ts';
import type { Shares, Turn } from '../store/nodes.ts';
import type {
  EnqueuedWithRoom,
  Lease,
  NewMessage,
  QueueStore,
  RoomAsked,
  Settlement,
} from '../store/queue-store.ts';
import { Claims, leaseMs } from './claims.ts';
import type { Deliver, DeliveryResult, RecipientResult, Skipped } from './delivery.ts';
import { destinationText } from './destination-text.ts';
import { expandAliases } from './expansion.ts';
import type { Attempt } from './line/attempts.ts';
import { Attempts, attemptMs } from './line/attempts.ts';
import type { Destination, DestinationState } from './line/destination.ts';
import { Lineup } from './line/lineup.ts';
import type { RateOf } from './line/pace.ts';
import { Pace } from './line/pace.ts';
import { Parts } from './line/parts.ts';
import type { Waiting } from './line/waiting.ts';
import type { ConclusionsParts } from './outcomes/conclusions.ts';
import { Conclusions } from './outcomes/conclusions.ts';
import type { RetrySettings } from './outcomes/outcomes.ts';
import { Recorder } from './outcomes/recorder.ts';
import type { Report } from './reports/bounce.ts';
import { arrived } from './story/arrivals.ts';
import type { WaitingLine } from './taking-out.ts';

/** The configuration's `queue`: milliseconds, octets. */
export interface QueueSettings extends RetrySettings {
  readonly connectionsPerDestination: number;
  /** Attempts at once in all. */
  readonly deliveries: number;
  /** Octets of content that may wait in memory. */
  readonly memory: number;
}

export interface RunnerParts extends ConclusionsParts {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly deliver: Deliver;
  /** What is tried although its destination was found dead: what failed for others may not concern it. */
  readonly isUndeterred?: ((message: Lease['message']) => boolean) | undefined;
  /** How many messages a destination may get. */
  readonly rateOf?: RateOf | undefined;
  /** This node's part of what may be done to destinations; all of it where there is no other. */
  readonly shares?: Shares | undefined;
  /** Read anew each time, as the hostname is: both may change while the server runs. */
  readonly settings: QueueSettings;
  /** What was found dead is worth another try: also its hosts. */
  readonly onForgiven?: (() => void) | undefined;
}

/** Limit: outcomes waiting to be recorded; beyond it nothing new is attempted. */
const pendingMax = 2000;
/** How long aborted attempts have to come back when the server stops. */
const abortedMs = 2000;

// RFC 3463 §3.5: X.4.2, bad connection; postmasters read the text in `why`.
const tookTooLong = reply(451, '4.2', 'The attempt took too long and was given up');
const nobody: readonly number[] = [];
const unforeseen: RecipientResult = { kind: 'deferred', reply: localError };

export class QueueRunner {
  readonly #parts: RunnerParts;
  readonly #pace: Pace | undefined;
  readonly #lineup: Lineup;
  readonly #attempts: Attempts;
  readonly #recorder: Recorder;
  readonly #claims: Claims;
  readonly #conclusions: Conclusions;
  /** Destinations whose mail an operator keeps back. */
  readonly #held = new Set<string>();
  #state: 'idle' | 'running' | 'stopping' = 'idle';
  #whenQuiet: (() => void)[] = [];
  readonly #parted: Parts;
  /** What waits here for its turn. */
  readonly line: WaitingLine = {
    takeOut: (ids) => this.#lineup.takeOut(new Set(ids)),
    giveBack: (leases) => this.#claims.giveBack(leases),
  };
  /** Of what others do to the queue. */
  #unwatch: readonly (() => void)[] = [];

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#parted = new Parts(parts);
    const { rateOf } = this.#parted;
    const onReady = (destination: Destination) => {
      this.#lineup.line(destination);
      this.#pump();
    };
    this.#pace = parts.rateOf && new Pace({ clock: parts.clock, rateOf, onReady });
    this.#lineup = new Lineup(this.#parted.limits, this.#pace);
    this.#attempts = new Attempts(parts.clock, (attempt) => this.#overdue(attempt));
    const { store, clock, log } = parts;
    this.#recorder = new Recorder({
      ...{ store, clock, log },
      onDone: (settlement, nextDue) => this.#recorded(settlement, nextDue),
      onProbe: () => this.#probe(),
    });
    this.#conclusions = new Conclusions(parts, {
      ...{ lineup: this.#lineup, recorder: this.#recorder },
    });
    this.#claims = new Claims(parts, {
      ...{
        held: this.#held,
        isOthers: this.#parted.isOthers,
        lineup: this.#lineup,
        attempts: this.#attempts,
        recorder: this.#recorder,
      },
      onChange: () => this.#pump(),
    });
  }

  start(): void {
    this.#state = 'running';
    const changed = () => {
      this.#recorder.hurry();
      this.#claims.note();
      this.#pump();
    };
    this.#unwatch = [
      this.#parts.store.watch(changed),
      this.#parted.watch(this.#lineup.destinations, () => this.#shared()),
    ];
    this.#claims.start();
    this.#pump();
  }

  /**
   * Durable once resolved: then we may say 250. Delivery begins at once when there is room. With
   * `room` only as far as mailboxes have it: see QueueStore.enqueueWithRoom; resolves to which of its
   * replies are "full". With `turn` only in that turn.
   * @throws StorageError when the disk is full or fails; TurnLostError
   */
  async submit(submitted: NewMessage, room?: RoomAsked, turn?: Turn): Promise<readonly number[]> {
    const { clock } = this.#parts;
    const { message, report } = expandAliases(submitted);
    const { content } = message;
    const bytes = content.kind === 'inline' ? content.bytes.length : 0;
    const now = clock.now();
    // RFC 4865 §4.2 (5), (6): what is to leave later waits in the store.
    const isFree = message.held !== true && (requestsOf(message).release ?? 0) <= now;
    const leaseUntil = isFree && this.#hasRoomFor(message, bytes) ? now + leaseMs : undefined;
    this.#lineup.reserve(bytes);
    let enqueued: EnqueuedWithRoom;
    try {
      enqueued = await this.#enqueue(message, { leaseUntil, turn }, room);
    } finally {
      this.#lineup.reserve(-bytes);
    }
    const { leases, full } = enqueued;
    const taken = arrived(message, enqueued, report, this.#parts.history);
    if (taken === undefined) return full;
    if (taken.report !== undefined) void this.#reportExpansion(message, taken.report, leases[0]);
    if (this.#state === 'stopping') void this.#claims.giveBack(leases);
    else for (const lease of leases) this.#lineup.add(lease, 'fresh');
    if (leases.length === 0) this.#claims.note();
    this.#pump();
    return full;
  }

  async #enqueue(
    message: NewMessage,
    options: Parameters<QueueStore['enqueue']>[1],
    room: RoomAsked | undefined,
  ): Promise<EnqueuedWithRoom> {
    const { store } = this.#parts;
    if (room !== undefined) return store.enqueueWithRoom(message, { ...options, room });
    return { leases: await store.enqueue(message, options), full: nobody, queued: nobody };
  }

  /** Something in the store was changed by somebody else, who wants to see it tried. */
  wake(): void {
    for (const destination of this.#lineup.destinations.values()) destination.forgive();
    this.#parts.onForgiven?.();
    this.#claims.note();
    this.#pump();
  }

  /** Attempts nothing there until release(); what is under way goes on. */
  hold(destination: string): void {
    this.#held.add(destination);
    void this.#claims.giveBack(this.#lineup.drainOf(destination));
  }

  release(destination: string): void {
    if (this.#held.delete(destination)) this.forgive(destination);
  }

  /** A destination that was found dead is worth trying. */
  forgive(destination: string): void {
    this.#lineup.destinations.peek(destination)?.forgive();
    this.#parts.onForgiven?.();
    this.#claims.note();
    this.#pump();
  }

  /** This node has other parts of what may be done: what is another's goes back. */
  #shared(): void {
    void this.#claims.giveBack(this.#lineup.drainWhere(this.#parted.isOthers()));
    this.#claims.note();
    this.#pump();
  }

  /** For metrics, and for "mail is not leaving". */
  get facts() {
    return {
      active: this.#attempts.count,
      waiting: this.#lineup.waiting,
      unrecorded: this.#recorder.pending,
      memoryBytes: this.#lineup.bytes,
      storeFailing: this.#recorder.failing,
    };
  }

  /** Every destination that is in use, or was lately. */
  destinations(): readonly DestinationState[] {
    return [...this.#lineup.destinations.values()];
  }

  /** Why the message, or what is due in the store, is not attempted there, as far as this node knows. */
  waiting(destination: string, id?: string): Waiting | undefined {
    if (this.#held.has(destination)) return { for: 'release' };
    return this.#lineup.keeping(destination, id, this.#parts.clock.now());
  }

  /** Begins nothing new, waits for what is under way, aborts what takes longer than `graceMs`. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#state = 'stopping';
    for (const unwatch of this.#unwatch) unwatch();
    this.#claims.stop();
    void this.#claims.giveBack(this.#lineup.drain());
    await this.#quiet(graceMs);
    this.#attempts.abortAll();
    // What has not come back even now is attempted again by the server that is started next.
    await this.#quiet(abortedMs);
  }

  /** A fresh message is delivered from memory only while that is bounded, for each destination. */
  #hasRoomFor({ recipients }: NewMessage, bytes: number): boolean {
    if (this.#state !== 'running' || this.#recorder.failing) return false;
    const isOthers = this.#parted.isOthers();
    if (recipients.some(({ destination: of }) => this.#held.has(of) || isOthers?.(of) === true))
      return false;
    return this.#lineup.hasRoomFor(recipients, bytes);
  }

  /** Whatever can be done now is done; called after everything that changes what can be done. */
  #pump(): void {
    if (this.#state === 'running' && !this.#recorder.failing && this.#parts.store.isSure) {
      this.#startSome();
      this.#claims.proceed();
    }
    if (this.#whenQuiet.length > 0 && this.#isQuiet())
      for (const resolve of this.#whenQuiet.splice(0)) resolve();
  }

  #startSome(): void {
    const { settings, clock } = this.#parts;
    const now = clock.now();
    while (this.#recorder.pending < pendingMax) {
      const next = this.#lineup.take(settings.deliveries - this.#attempts.count, now);
      if (next === undefined) return;
      this.#start(next.lease, next.destination, now);
    }
  }

  #start(lease: Lease, destination: Destination, now: number): void {
    const { store, isUndeterred } = this.#parts;
    if (store.isLost(lease)) {
      this.#lineup.drop(lease);
    } else if (destination.isDead(now) && isUndeterred?.(lease.message) !== true) {
      this.#skip(lease, destination.lastFailure ?? unforeseen);
      this.#freed(destination);
    } else if (lease.expires - now < attemptMs) {
      // It waited so long that somebody else might take it before the attempt is over.
      this.#lineup.drop(lease);
      void this.#claims.giveBack([lease]);
    } else {
      this.#attempt(this.#attempts.begin(lease, destination, now));
    }
  }

  /** The destination was found dead a moment ago: what was found then is this lease's result, too. */
  #skip(lease: Lease, { reply: said, facts, ...last }: RecipientResult): void {
    const remote = 'remote' in last && last.remote;
    const skipped: Skipped = { kind: 'skipped', reply: said, remote, facts };
    const results = lease.recipients.map(() => skipped);
    this.#conclusions.conclude(lease, results, undefined);
  }

  #attempt(attempt: Attempt): void {
    const { lease, generation } = attempt;
    let delivery: Promise<DeliveryResult>;
    try {
      delivery = this.#parts.deliver(lease, generation.controller.signal);
    } catch (error) {
      delivery = Promise.reject(error);
    }
    delivery.then(
      (result) => this.#ended(attempt, result),
      (error) => this.#ended(attempt, this.#failure(lease, error)),
    );
  }

  /** Unknown means later: a bug delays mail, it never bounces or loses it. */
  #failure({ message, destination, recipients }: Lease, error: unknown): DeliveryResult {
    const where = destinationText(destination);
    this.#parts.log.error('delivery failed unforeseen', {
      ...{ id: message.id, destination: where, error: stackOf(error) },
    });
    return { recipients: recipients.map(() => unforeseen), health: 'ok' };
  }

  #overdue(attempt: Attempt): void {
    const late: RecipientResult = { kind: 'deferred', reply: tookTooLong };
    this.#learn(attempt, { recipients: attempt.lease.recipients.map(() => late), health: 'busy' });
  }

  #ended(attempt: Attempt, result: DeliveryResult): void {
    if (this.#attempts.end(attempt)) this.#learn(attempt, result);
  }

  #learn({ lease, destination, startedAt }: Attempt, result: DeliveryResult): void {
    const { clock, random } = this.#parts;
    const now = clock.now();
    destination.learn(result, now, random.fraction());
    this.#conclusions.conclude(lease, result.recipients, now - startedAt);
    this.#freed(destination);
    this.#pump();
  }

  #freed(destination: Destination): void {
    this.#lineup.line(destination);
    if (!destination.backlog || destination.saturated) return;
    destination.backlog = false;
    this.#claims.note();
  }

  #recorded({ effects }: Settlement, nextDue: number | undefined): void {
    if (effects.some(({ kind }) => kind === 'enqueue')) this.#claims.note();
    if (nextDue !== undefined) this.#claims.wakeAt(nextDue);
    this.#pump();
  }

  /**
   * The store failed; a claim shows whether it works again. Where there is no room for one, attempts go on, and
   * recording the next outcome shows it.
   */
  #probe(): void {
    if (this.#claims.room > 0) {
      void this.#claims.claim();
    } else {
      this.#recorder.worked();
      this.#pump();
    }
  }

  #isQuiet(): boolean {
    const active = this.#attempts.count + this.#recorder.pending + this.#conclusions.reporting;
    return active === 0 && this.#claims.isQuiet;
  }

  /** Resolves when nothing is under way, or after `graceMs`. */
  async #quiet(graceMs: number): Promise<void> {
    if (this.#isQuiet()) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(graceMs, resolve);
      this.#whenQuiet.push(() => {
        cancel();
        resolve();
      });
    });
  }

  async #reportExpansion({ id }: NewMessage, report: Report, lease: Lease | undefined) {
    await this.#conclusions.reportExpansion(id, report, lease?.message);
    this.#claims.note();
    this.#pump();
  }
}
