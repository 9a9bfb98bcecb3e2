// SPINE 2: from queued to settled. Takes leases (from a message just received, or claimed from the
// store), has them delivered, records what happened and whom it concerns. Reads top to bottom as a
// message goes: submit, claim, start, conclude, record.
//
// Promises: what submit() resolved for is durable; a message leaves the queue only with a recorded
// outcome, in one transaction with the report of its failure; one destination's trouble is not
// another's; nothing polls; memory does not grow with the queue.

import type { Clock } from '../base/clock.ts';
import { timerDelayMsMax } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { errorText } from '../base/log.ts';
import type { Histogram } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import { reply } from '../smtp/reply.ts';
import { localError } from '../smtp/smtp-error.ts';
import { storedSize } from '../store/content.ts';
import type { AttemptResult, HistoryStore } from '../store/history.ts';
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
import { deliveryReports, reportEffect, whyUntold } from './bounce.ts';
import type { Deliver, DeliveryResult, RecipientResult, Skipped } from './delivery.ts';
import type { Destination } from './destination.ts';
import { destinationText } from './destination-text.ts';
import { recordDerived, recordReceived, recordReport, recordUntold } from './diary.ts';
import { expandAliases } from './expansion.ts';
import { Lineup } from './lineup.ts';
import type { Outcomes, RetrySettings } from './outcomes.ts';
import { outcomesOf } from './outcomes.ts';
import { Recorder } from './recorder.ts';

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
  /** Read anew each time, as the hostname is: both may change while the server runs. */
  readonly settings: QueueSettings;
}

/** Covers the longest attempt, and the same again for waiting before it. */
const leaseMs = 2 * attemptMs;
/** Limit: fresh leases of one destination that wait in memory. */
const waitingPerDestinationMax = 1000;
/** Limit: leases that wait in memory in all. */
const waitingMax = 10_000;
/** Limit: leases taken from the store at once. */
const claimMax = 100;
/** Limit: outcomes waiting to be recorded; beyond it nothing new is attempted. */
const pendingMax = 2000;
/** Limit: a store that says "due" and gives nothing is asked no more often than this. */
const claimAgainMs = 1000;
/** How long aborted attempts have to come back when the server stops. */
const abortedMs = 2000;

// RFC 3463 §3.5: X.4.2, bad connection; postmasters read the text in `why`.
const tookTooLong = reply(451, '4.2', 'The attempt took too long and was given up');
const nobody: readonly number[] = [];
const unforeseen: RecipientResult = { kind: 'deferred', reply: localError };

export class QueueRunner {
  readonly #parts: RunnerParts;
  readonly #lineup: Lineup;
  readonly #attempts: Attempts;
  readonly #recorder: Recorder;
  #state: 'idle' | 'running' | 'stopping' = 'idle';
  /** The store may hold recipients that are due. */
  #due = false;
  #claiming = false;
  /** Reports being written, and leases being given back. */
  #busy = 0;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  #whenQuiet: (() => void)[] = [];

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#lineup = new Lineup(() => parts.settings);
    this.#attempts = new Attempts(parts.clock, (attempt) => this.#overdue(attempt));
    const { store, clock, log } = parts;
    this.#recorder = new Recorder({
      ...{ store, clock, log },
      onDone: (settlement, nextDue) => this.#recorded(settlement, nextDue),
      onProbe: () => this.#probe(),
    });
  }

  start(): void {
    this.#state = 'running';
    this.#due = true;
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
    const leaseUntil = this.#hasRoomFor(message, bytes) ? clock.now() + leaseMs : undefined;
    this.#lineup.reserve(bytes);
    let enqueued: EnqueuedWithRoom;
    try {
      enqueued = await this.#enqueue(message, leaseUntil, room);
    } finally {
      this.#lineup.reserve(-bytes);
    }
    const { leases, full } = enqueued;
    if (!this.#noteReceived(message, enqueued, report)) return full;
    if (this.#state === 'stopping') this.#giveBack(leases);
    else for (const lease of leases) this.#lineup.add(lease, 'fresh');
    if (leases.length === 0) this.#due = true;
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
    this.#due = true;
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

  /** How the destinations do that something goes on at, or went on lately. */
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
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#giveBack(this.#lineup.drain());
    await this.#quiet(graceMs);
    this.#attempts.abortAll();
    // What does not come back even now is tried again when the server is.
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
      if (waiting >= waitingPerDestinationMax) return false;
    }
    return true;
  }

  /** Whatever can be done now is done; called after everything that changes what can be done. */
  #pump(): void {
    if (this.#state === 'running' && !this.#recorder.failing) {
      this.#startSome();
      if (this.#due && !this.#claiming) void this.#claim();
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
      this.#giveBack([lease]);
    } else {
      this.#attempt(this.#attempts.begin(lease, destination, now));
    }
  }

  /** The destination was found dead a moment ago: why, holds for this lease too. */
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
    this.#due = true;
  }

  /** From results to a settlement. Without a duration nothing was attempted. */
  #conclude(
    lease: Lease,
    given: readonly (RecipientResult | Skipped)[],
    durationMs: number | undefined,
  ): void {
    const { clock, settings, random, history } = this.#parts;
    const { message, destination } = lease;
    const now = clock.now();
    const concluded = outcomesOf(lease, given, { now, settings, random });
    const { results, reports, untold, nextDue } = concluded;
    const { id } = message;
    history.record({ id, at: now, kind: 'attempt', destination, durationMs, results });
    this.#say(lease, results, durationMs);
    this.#measure(message.received, results, now);
    if (untold !== undefined) recordUntold(history, id, now, untold);
    if (concluded.effects.length > 0) recordDerived(history, message, concluded.effects);
    if (reports.length === 0) {
      this.#lineup.drop(lease);
      this.#recorder.record(settlementOf(lease, concluded), nextDue);
    } else {
      void this.#recordWithReports(lease, concluded);
    }
  }

  #measure(received: number, results: readonly AttemptResult[], now: number): void {
    const { deliverySeconds } = this.#parts;
    if (deliverySeconds === undefined) return;
    for (const { result } of results)
      if (result === 'delivered' || result === 'relayed')
        deliverySeconds.observe((now - received) / 1000);
  }

  #say(lease: Lease, results: readonly AttemptResult[], ms: number | undefined): void {
    const { log } = this.#parts;
    const { id, sender } = lease.message;
    for (const [at, { address, result, reply: said, host, until }] of results.entries()) {
      const fields = { id, to: address, host, reply: said, ms };
      if (result === 'delivered' || result === 'relayed') log.info(result, fields);
      else if (result === 'deferred') log.info(result, { ...fields, until });
      else if (result === 'skipped') {
        const destination = destinationText(lease.destination);
        log.info('not tried', { id, to: address, destination, reason: said, until });
      } else {
        const { params } = lease.recipients[at]!;
        const untold = whyUntold(sender, params, 'failed');
        log.warn(untold === undefined ? 'bounced' : 'dropped', { ...fields, from: sender, untold });
      }
    }
  }

  async #recordWithReports(lease: Lease, concluded: Outcomes): Promise<void> {
    const { log, clock, settings, history } = this.#parts;
    const { message } = lease;
    let { outcomes, nextDue } = concluded;
    const reports: NewMessage[] = [];
    this.#busy += 1;
    try {
      for (const report of concluded.reports) {
        const made = await deliveryReports(message, report, this.#parts);
        for (const one of made) recordReport(history, message.id, report.action, one);
        reports.push(...made);
        if (made.length === 0 && report.action === 'failed')
          recordUntold(history, message.id, clock.now(), 'no-mailbox');
      }
    } catch (error) {
      // Without its report a failure is not recorded as one: it is tried again.
      log.error('report failed', { id: message.id, error: errorText(error) });
      const until = clock.now() + settings.retryAfter[0]!;
      const later = { kind: 'deferred', until, reply: localError } as const;
      outcomes = outcomes.map((one) =>
        one.outcome.kind === 'failed' ? { ...one, outcome: later } : one,
      );
      nextDue = Math.min(until, nextDue ?? until);
    }
    this.#busy -= 1;
    this.#lineup.drop(lease);
    const effects = [...concluded.effects, ...reports.map(reportEffect)];
    this.#recorder.record(settlementOf(lease, { outcomes, effects }), nextDue);
  }

  #recorded({ effects }: Settlement, nextDue: number | undefined): void {
    if (effects.length > 0 && effects.some(isEnqueue)) this.#due = true;
    if (nextDue !== undefined) this.#wakeAt(nextDue);
    this.#pump();
  }

  /** With no room to claim, what is here goes on: its outcome will show whether the store works. */
  #probe(): void {
    if (this.#roomToClaim() > 0) {
      void this.#claim();
    } else {
      this.#recorder.worked();
      this.#pump();
    }
  }

  #roomToClaim(): number {
    const { deliveries, memory } = this.#parts.settings;
    if (this.#lineup.bytes >= memory || this.#lineup.waiting >= waitingMax) return 0;
    return Math.min(claimMax, deliveries - this.#attempts.count);
  }

  /** Takes what is due from the store, as much as can be started soon; sleeps when there is none. */
  async #claim(): Promise<void> {
    const { store, clock, settings } = this.#parts;
    const limit = this.#roomToClaim();
    // Without room `due` stays, and the next attempt to end comes back here.
    if (limit <= 0 || this.#claiming) return;
    this.#claiming = true;
    this.#due = false;
    try {
      const skip = this.#saturated();
      const perDestination = settings.connectionsPerDestination;
      const now = clock.now();
      const leases = await store.claim({ now, limit, perDestination, skip, leaseMs });
      this.#recorder.worked();
      if (this.#state === 'stopping') this.#giveBack(leases);
      else for (const lease of leases) this.#lineup.add(lease, 'claimed');
      if (leases.length > 0) this.#due = true;
      else await this.#sleepUntilDue(skip);
    } catch (error) {
      this.#due = true;
      this.#recorder.failed(error);
    }
    this.#claiming = false;
    this.#pump();
  }

  /** Destinations with enough to do; the one that has less comes back here by way of #freed(). */
  #saturated(): Set<string> {
    const names = new Set<string>();
    for (const destination of this.#lineup.destinations.values()) {
      if (!destination.saturated || destination.idle) continue;
      destination.backlog = true;
      names.add(destination.name);
    }
    return names;
  }

  async #sleepUntilDue(skip: ReadonlySet<string>): Promise<void> {
    const due = await this.#parts.store.nextDue(skip);
    if (due !== undefined) this.#wakeAt(Math.max(due, this.#parts.clock.now() + claimAgainMs));
  }

  #wakeAt(at: number): void {
    if (this.#state !== 'running' || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const delayMs = Math.min(Math.max(0, at - this.#parts.clock.now()), timerDelayMsMax);
    const cancel = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#due = true;
      this.#pump();
    });
    this.#timer = { at, cancel };
  }

  #giveBack(leases: readonly Lease[]): void {
    if (leases.length === 0) return;
    this.#busy += 1; // a stop waits for it
    const done = () => {
      this.#busy -= 1;
      this.#due = true;
      this.#pump();
    };
    this.#parts.store.release(leases).then(done, (error) => {
      // They come back when the leases run out, or when the server starts again.
      this.#parts.log.warn('leases not given back', {
        leases: leases.length,
        error: errorText(error),
      });
      done();
    });
  }

  #isQuiet(): boolean {
    return this.#attempts.count + this.#recorder.pending + this.#busy === 0 && !this.#claiming;
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

  /** Best effort after the fact: the mail itself is queued and on its way. */
  async #reportExpansion(message: NewMessage, report: Report, lease: Lease | undefined) {
    const { store, log, history } = this.#parts;
    this.#busy += 1;
    try {
      const queued = lease?.message ?? (await store.open(message.id));
      const made = queued === undefined ? [] : await deliveryReports(queued, report, this.#parts);
      for (const one of made) {
        await store.enqueue(one, { leaseUntil: undefined });
        recordReport(history, message.id, report.action, one);
      }
    } catch (error) {
      log.warn('report failed', { id: message.id, error: errorText(error) });
    }
    this.#busy -= 1;
    this.#due = true;
    this.#pump();
  }
}

const settlementOf = (
  { message }: Lease,
  { outcomes, effects }: Pick<Outcomes, 'outcomes' | 'effects'>,
): Settlement => ({ message: message.id, outcomes, effects });

const isEnqueue = ({ kind }: Effect): boolean => kind === 'enqueue';
