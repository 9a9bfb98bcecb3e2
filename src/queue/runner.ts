// SPINE 2: from queued to settled. Takes leases (from a message just received, or claimed from the
// store: claims.ts), has them delivered, records what happened and whom it concerns. Reads top to bottom
// as a message goes: submit, start, conclude, record.
//
// Promises: what submit() resolved for is durable; a message leaves the queue only with a recorded
// outcome, in one transaction with the report of its failure; one destination's trouble is not
// another's; nothing polls; memory does not grow with the queue.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { errorText } from '../base/log.ts';
import type { Histogram } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import { requestsOf, startOf } from '../smtp/envelope-requests.ts';
import { reply } from '../smtp/reply.ts';
import { localError } from '../smtp/smtp-error.ts';
import { storedSize } from '../store/content.ts';
import type { HistoryStore } from '../store/history.ts';
import type {
  Effect,
  EnqueuedWithRoom,
  Lease,
  NewMessage,
  QueueStore,
  RoomAsked,
  Settlement,
} from '../store/queue-store.ts';
import type { Attempt } from './attempts.ts';
import { Attempts, attemptMs } from './attempts.ts';
import type { Report, ReportParts } from './bounce.ts';
import { Claims, leaseMs, waitingMax } from './claims.ts';
import type { Deliver, DeliveryResult, RecipientResult, Skipped } from './delivery.ts';
import type { Destination } from './destination.ts';
import { destinationText } from './destination-text.ts';
import { recordDerived, recordReceived, recordUntold } from './diary.ts';
import { expandAliases } from './expansion.ts';
import { Lineup } from './lineup.ts';
import type { Outcomes, RetrySettings } from './outcomes.ts';
import { outcomesOf } from './outcomes.ts';
import type { RateOf } from './pace.ts';
import { Pace } from './pace.ts';
import { Recorder } from './recorder.ts';
import { reportExpansion, withReports } from './reporting.ts';
import { logResults, measureDeliveries } from './result-log.ts';

/** The configuration's `queue`: milliseconds, octets. */
export interface QueueSettings extends RetrySettings {
  readonly connectionsPerDestination: number;
  /** Attempts at once in all. */
  readonly deliveries: number;
  /** Octets of content that may wait in memory. */
  readonly memory: number;
}

export interface RunnerParts extends Pick<ReportParts, 'hostname' | 'ids' | 'resolve'> {
  readonly store: QueueStore;
  readonly deliver: Deliver;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly history: Pick<HistoryStore, 'record'>;
  /** Seconds from coming in to delivery. */
  readonly deliverySeconds?: Histogram | undefined;
  /** How many messages a destination may get. */
  readonly rateOf?: RateOf | undefined;
  /** Read anew each time, as the hostname is: both may change while the server runs. */
  readonly settings: QueueSettings;
}

/** Limit: fresh leases of one destination that wait in memory. */
const waitingPerDestinationMax = 1000;
/** The same where they wait for a rate, so that they leave room for all others. */
const waitingForRateMax = 50;
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
  #state: 'idle' | 'running' | 'stopping' = 'idle';
  /** Reports being written. */
  #reporting = 0;
  #whenQuiet: (() => void)[] = [];

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    const { rateOf } = parts;
    const onReady = (destination: Destination) => {
      this.#lineup.line(destination);
      this.#pump();
    };
    this.#pace = rateOf && new Pace({ clock: parts.clock, rateOf, onReady });
    this.#lineup = new Lineup(() => parts.settings, this.#pace);
    this.#attempts = new Attempts(parts.clock, (attempt) => this.#overdue(attempt));
    const { store, clock, log } = parts;
    this.#recorder = new Recorder({
      ...{ store, clock, log },
      onDone: (settlement, nextDue) => this.#recorded(settlement, nextDue),
      onProbe: () => this.#probe(),
    });
    this.#claims = new Claims(parts, {
      ...{ lineup: this.#lineup, attempts: this.#attempts, recorder: this.#recorder },
      onChange: () => this.#pump(),
    });
  }

  start(): void {
    this.#state = 'running';
    this.#claims.start();
    this.#pump();
  }

  /**
   * Durable once resolved: then we may say 250. Delivery begins at once when there is room. With
   * `room` only as far as mailboxes have it: see QueueStore.enqueueWithRoom; resolves to which of its
   * replies are "full".
   * @throws StorageError when the disk is full or fails
   */
  async submit(submitted: NewMessage, room?: RoomAsked): Promise<readonly number[]> {
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
      enqueued = await this.#enqueue(message, leaseUntil, room);
    } finally {
      this.#lineup.reserve(-bytes);
    }
    const { leases, full } = enqueued;
    if (!this.#noteReceived(message, enqueued, report)) return full;
    if (this.#state === 'stopping') this.#claims.giveBack(leases);
    else for (const lease of leases) this.#lineup.add(lease, 'fresh');
    if (leases.length === 0) this.#claims.note();
    this.#pump();
    return full;
  }

  async #enqueue(
    message: NewMessage,
    leaseUntil: number | undefined,
    room: RoomAsked | undefined,
  ): Promise<EnqueuedWithRoom> {
    const { store } = this.#parts;
    if (room !== undefined) return store.enqueueWithRoom(message, { leaseUntil, room });
    return { leases: await store.enqueue(message, { leaseUntil }), full: nobody, queued: nobody };
  }

  /** False when nothing of it was queued. */
  #noteReceived(
    message: NewMessage,
    { leases, full, queued }: EnqueuedWithRoom,
    report: Report | undefined,
  ): boolean {
    const { recipients } = message;
    if (full.length > 0 && queued.length === 0) return false;
    const isWhole = full.length === 0 || queued.length === recipients.length;
    const taken = isWhole ? recipients : queued.map((index) => recipients[index]!);
    const size = storedSize(message.content);
    recordReceived(this.#parts.history, { ...message, recipients: taken }, size);
    const addresses = new Set(taken.map(({ address }) => address));
    const reported = report?.recipients.filter((one) => addresses.has(one.recipient.address)) ?? [];
    if (report !== undefined && reported.length > 0)
      void this.#reportExpansion(message, { ...report, recipients: reported }, leases[0]);
    return true;
  }

  /** Something in the store was changed by somebody else, who wants to see it tried. */
  wake(): void {
    for (const destination of this.#lineup.destinations.values()) destination.forgive();
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

  /** The state of every destination that is in use, or was lately. */
  destinations(): readonly Pick<
    Destination,
    'name' | 'active' | 'waiting' | 'window' | 'deadUntil'
  >[] {
    return [...this.#lineup.destinations.values()].map(
      ({ name, active, waiting, window, deadUntil }) => ({
        name,
        active,
        waiting,
        window,
        deadUntil,
      }),
    );
  }

  /** Begins nothing new, waits for what is under way, aborts what takes longer than `graceMs`. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#state = 'stopping';
    this.#claims.stop();
    this.#claims.giveBack(this.#lineup.drain());
    await this.#quiet(graceMs);
    this.#attempts.abortAll();
    // What has not come back even now is attempted again by the server that is started next.
    await this.#quiet(abortedMs);
  }

  /** A fresh message is delivered from memory only while that is bounded, for each destination. */
  #hasRoomFor({ recipients }: NewMessage, bytes: number): boolean {
    const { memory } = this.#parts.settings;
    if (this.#state !== 'running' || this.#recorder.failing) return false;
    if (this.#lineup.bytes + bytes > memory) return false;
    if (this.#lineup.waiting >= waitingMax) return false;
    for (const { destination } of recipients) {
      const waiting = this.#lineup.destinations.peek(destination)?.fresh.length ?? 0;
      const most = this.#pace?.isLimited(destination)
        ? waitingForRateMax
        : waitingPerDestinationMax;
      if (waiting >= most) return false;
    }
    return true;
  }

  /** Whatever can be done now is done; called after everything that changes what can be done. */
  #pump(): void {
    if (this.#state === 'running' && !this.#recorder.failing) {
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
    if (destination.isDead(now)) {
      this.#skip(lease, destination.lastFailure ?? unforeseen);
      this.#freed(destination);
    } else if (lease.expires - now < attemptMs) {
      // It waited so long that somebody else might take it before the attempt is over.
      this.#lineup.drop(lease);
      this.#claims.giveBack([lease]);
    } else {
      this.#attempt(this.#attempts.begin(lease, destination, now));
    }
  }

  /** The destination was found dead a moment ago: what was found then is this lease's result, too. */
  #skip(lease: Lease, { reply: said, facts, ...last }: RecipientResult): void {
    const remote = 'remote' in last && last.remote;
    const skipped: Skipped = { kind: 'skipped', reply: said, remote, facts };
    this.#conclude(
      lease,
      lease.recipients.map(() => skipped),
      undefined,
    );
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
      ...{ id: message.id, destination: where, error: errorText(error) },
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
    this.#conclude(lease, result.recipients, now - startedAt);
    this.#freed(destination);
    this.#pump();
  }

  #freed(destination: Destination): void {
    this.#lineup.line(destination);
    if (!destination.backlog || destination.saturated) return;
    destination.backlog = false;
    this.#claims.note();
  }

  /** From results to a settlement. Without a duration nothing was attempted. */
  #conclude(
    lease: Lease,
    given: readonly (RecipientResult | Skipped)[],
    durationMs: number | undefined,
  ): void {
    const { clock, settings, random, history, log, deliverySeconds } = this.#parts;
    const { message, destination } = lease;
    const now = clock.now();
    const concluded = outcomesOf(lease, given, { now, settings, random });
    const { results, reports, untold, nextDue } = concluded;
    const { id } = message;
    history.record({ id, at: now, kind: 'attempt', destination, durationMs, results });
    logResults(log, lease, results, durationMs);
    if (deliverySeconds !== undefined)
      measureDeliveries(deliverySeconds, results, now - startOf(message));
    if (untold !== undefined) recordUntold(history, id, now, untold);
    if (concluded.effects.length > 0) recordDerived(history, message, concluded.effects);
    if (reports.length === 0) {
      this.#lineup.drop(lease);
      this.#recorder.record(settlementOf(lease, concluded), nextDue);
    } else {
      void this.#recordWithReports(lease, concluded);
    }
  }

  async #recordWithReports(lease: Lease, concluded: Outcomes): Promise<void> {
    this.#reporting += 1;
    const reported = await withReports(lease.message, concluded, this.#parts);
    this.#reporting -= 1;
    this.#lineup.drop(lease);
    this.#recorder.record(settlementOf(lease, reported), reported.nextDue);
  }

  #recorded({ effects }: Settlement, nextDue: number | undefined): void {
    if (effects.length > 0 && effects.some(isEnqueue)) this.#claims.note();
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
    const active = this.#attempts.count + this.#recorder.pending + this.#reporting;
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
    this.#reporting += 1;
    await reportExpansion(id, report, lease?.message, this.#parts);
    this.#reporting -= 1;
    this.#claims.note();
    this.#pump();
  }
}

const settlementOf = (
  { message }: Lease,
  { outcomes, effects }: Pick<Outcomes, 'outcomes' | 'effects'>,
): Settlement => ({ message: message.id, outcomes, effects });

const isEnqueue = ({ kind }: Effect): boolean => kind === 'enqueue';
