// What the server has done, over time: counted as it happens, kept as records, so that a restart forgets no more than
// the minute it is in. A minute is kept for an hour, five minutes for a day, an hour for 90 days. Nodes that share a store
// count each for itself, and whoever is asked adds them up.

import type { Clock } from '../base/clock.ts';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import { destinationText } from '../queue/destination-text.ts';
import { messageIdTime } from '../queue/message-id.ts';
import { allRecords } from '../store/all-records.ts';
import type { HistoryEvent } from '../store/history.ts';
import type { RecordStore } from '../store/record-store.ts';
import type { Led } from './leaders.ts';
import { Leaders, likeness } from './leaders.ts';
import type { KeptPoint, OtherPoints } from './other-nodes.ts';
import { OtherNodes, statisticsKind } from './other-nodes.ts';
import type { Tally } from './tally.ts';
import { addTally, countEvent, emptyTally, percentile } from './tally.ts';

const minuteMs = 60_000;

/** How long each point is, and how many are kept. */
const scales = [
  { name: 'minute', stepMs: minuteMs, kept: 60 },
  { name: 'five', stepMs: 5 * minuteMs, kept: 288 },
  { name: 'hour', stepMs: 60 * minuteMs, kept: 90 * 24 },
] as const;
type Scale = (typeof scales)[number];

export type StatisticsPeriod = 'hour' | 'day' | 'month' | 'quarter';
const shown: Readonly<Record<StatisticsPeriod, readonly [scale: number, points: number]>> = {
  hour: [0, 60],
  day: [1, 288],
  month: [2, 30 * 24],
  quarter: [2, 90 * 24],
};

type Counts = readonly number[];
/** Null where nothing was measured. */
type Measures = readonly (number | null)[];

export interface Statistics {
  /** Of the first point, ISO 8601; each covers `stepSeconds`. */
  readonly from: string;
  readonly stepSeconds: number;
  readonly received: Counts;
  readonly refused: Counts;
  readonly delivered: Counts;
  readonly deferred: Counts;
  readonly bounced: Counts;
  readonly queued: Measures;
  /** In seconds. */
  readonly latency: { readonly p50: Measures; readonly p95: Measures; readonly p99: Measures };
  readonly top: Readonly<Record<Board, readonly Led[]>>;
  /** What each node has counted in all of it; none where there is one server. */
  readonly ofNodes: readonly (Pick<Tally, Counted> & { readonly number: number })[];
}

type Counted = 'received' | 'refused' | 'delivered' | 'deferred' | 'bounced';

const boards = ['deferrals', 'refusals', 'senders', 'destinations'] as const;
type Board = (typeof boards)[number];
type Boards = Readonly<Record<Board, Leaders>>;

export interface StatisticsParts {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Which of those that share the store this one is; 0 when it is alone. */
  readonly node?: number | undefined;
  /** Recipients in the queue. */
  readonly queued: () => Promise<number>;
  /** How many refusals there were so far. */
  readonly refused: () => number;
  /** Called when a minute is over. */
  readonly onMinute?: ((tally: Tally, at: number) => void) | undefined;
}

/** Limit: names of a board. */
const topMax = 20;
/** Hours whose boards are added up. */
const boardHours = 24;

export class StatisticsKeeper {
  readonly #parts: StatisticsParts;
  readonly #points = new Map<Scale['name'], Map<number, Tally>>(
    scales.map(({ name }) => [name, new Map()]),
  );
  /** By the hour. */
  readonly #boards = new Map<number, Boards>();
  /** Of all refusals, those that minutes before this one have counted. */
  #refused = 0;
  #minute: { readonly at: number; readonly tally: Tally };
  readonly #others: OtherNodes;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  /** Of the minute before: it is being written. */
  #ending: Promise<void> = Promise.resolve();

  constructor(parts: StatisticsParts) {
    this.#parts = parts;
    this.#others = new OtherNodes({ ...parts, node: parts.node ?? 0 });
    this.#minute = { at: floor(parts.clock.now(), minuteMs), tally: emptyTally() };
  }

  /** Never rejects: what was kept and cannot be read is begun anew. */
  async start(): Promise<void> {
    const { records, log } = this.#parts;
    try {
      for await (const { key, value } of allRecords(records, statisticsKind))
        this.#load(key, value);
    } catch (error) {
      log.warn('statistics not read', { error: stackOf(error) });
    }
    this.#wait();
  }

  note(event: HistoryEvent): void {
    countEvent(this.#minute.tally, event, messageIdTime(event.id));
    this.#others.counted(() => this.#soFar());
    const now = this.#boardsAt(event.at);
    if (event.kind === 'received') now.senders.add(event.sender === '' ? '<>' : event.sender);
    else if (event.kind === 'refused') now.refusals.add(likeness(event.refusal.reason));
    else if (event.kind === 'attempt') {
      now.destinations.add(destinationText(event.destination), event.results.length);
      for (const { result, reply } of event.results)
        if (result === 'deferred') now.deferrals.add(likeness(reply));
    }
  }

  async get(period: StatisticsPeriod): Promise<Statistics> {
    // Of the minute that it is nobody has written down yet how much waits.
    const queued = await this.#parts.queued().catch(() => undefined);
    const [scale, points] = shown[period];
    const { name, stepMs } = scales[scale]!;
    const last = floor(this.#parts.clock.now(), stepMs);
    const first = last - (points - 1) * stepMs;
    const kept = this.#points.get(name)!;
    const others = await this.#others.points(scales[scale]!, first);
    const own = emptyTally();
    const tallies = Array.from({ length: points }, (_, i) => {
      const at = first + i * stepMs;
      const tally = { ...(kept.get(at) ?? emptyTally()), took: [...(kept.get(at)?.took ?? [])] };
      if (at === last) addTally(tally, this.#soFar().tally);
      addTally(own, tally);
      const theirs = others.points.get(at);
      if (theirs !== undefined) addTally(tally, theirs);
      return tally;
    });
    const counts = (which: Counted) => tallies.map((tally) => tally[which]);
    const latency = (share: number) => tallies.map((tally) => percentile(tally, share));
    return {
      ...{ from: new Date(first).toISOString(), stepSeconds: stepMs / 1000 },
      ...{ received: counts('received'), refused: counts('refused') },
      ...{ delivered: counts('delivered'), deferred: counts('deferred') },
      bounced: counts('bounced'),
      queued: tallies.map((tally, i) => (i === points - 1 ? queued : undefined) ?? tally.queued),
      latency: { p50: latency(0.5), p95: latency(0.95), p99: latency(0.99) },
      top: await this.#top(),
      ofNodes: this.#ofNodes(own, others),
    };
  }

  #ofNodes(own: Tally, { ofNodes }: OtherPoints): Statistics['ofNodes'] {
    const { node = 0 } = this.#parts;
    if (node === 0) return [];
    return [[node, own] as const, ...ofNodes]
      .map(([number, { received, refused, delivered, deferred, bounced }]) => ({
        ...{ number, received, refused, delivered, deferred, bounced },
      }))
      .sort((a, b) => a.number - b.number);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    this.#others.stop();
    await this.#ending;
    await this.#end(this.#parts.clock.now());
  }

  #wait(): void {
    if (this.#isStopped) return;
    const { clock } = this.#parts;
    const ms = this.#minute.at + minuteMs - clock.now();
    this.#cancel = clock.after(Math.max(1, ms), () => {
      this.#ending = this.#end(this.#minute.at + minuteMs);
      void this.#ending.then(() => this.#wait());
    });
  }

  /** The minute is over. Never rejects. */
  async #end(next: number): Promise<void> {
    const { records, log, queued, onMinute } = this.#parts;
    const { at, tally } = this.#minute;
    tally.refused = this.#newlyRefused();
    this.#refused += tally.refused;
    const started = Math.max(next, this.#parts.clock.now());
    this.#minute = { at: floor(started, minuteMs), tally: emptyTally() };
    try {
      tally.queued = await queued();
    } catch {
      // The store says so itself.
    }
    onMinute?.(tally, at);
    const changed = scales.map((scale) => this.#add(scale, at, tally));
    await records.put(changed).catch((error: unknown) => {
      log.warn('statistics not kept', { error: stackOf(error) });
    });
  }

  #soFar(): { readonly at: number; readonly tally: Tally } {
    const { at, tally } = this.#minute;
    return { at, tally: { ...tally, refused: this.#newlyRefused() } };
  }

  /** In this minute; those that history leaves out, too. */
  #newlyRefused(): number {
    return this.#parts.refused() - this.#refused;
  }

  #add({ name, stepMs, kept }: Scale, at: number, tally: Tally) {
    const points = this.#points.get(name)!;
    const start = floor(at, stepMs);
    const point = points.get(start) ?? emptyTally();
    addTally(point, tally);
    points.set(start, point);
    for (const old of points.keys()) if (old <= start - kept * stepMs) points.delete(old);
    const boardsThen = name === 'hour' ? this.#boards.get(start) : undefined;
    const top =
      boardsThen && Object.fromEntries(boards.map((one) => [one, boardsThen[one].top(topMax)]));
    return {
      ...{ kind: statisticsKind, key: this.#others.keyOf(name, start) },
      value: JSON.stringify({ ...point, top, through: at + minuteMs } satisfies KeptPoint),
      expires: start + (kept + 1) * stepMs,
    };
  }

  #load(key: string, value: string): void {
    const [name, time = ''] = key.split(' ');
    const points = this.#points.get(name as Scale['name']);
    const at = Date.parse(time);
    if (points === undefined || Number.isNaN(at)) return;
    // Another node's.
    if (key !== this.#others.keyOf(name!, at)) return;
    const { top, through: _, ...tally } = JSON.parse(value) as KeptPoint;
    points.set(at, { ...emptyTally(), ...tally });
    if (top === undefined || at < this.#parts.clock.now() - boardHours * 60 * minuteMs) return;
    const then = this.#boardsAt(at);
    for (const board of boards)
      for (const { name: led, count } of top[board] ?? []) then[board].add(led, count);
  }

  #boardsAt(ms: number): Boards {
    const hour = floor(ms, 60 * minuteMs);
    const known = this.#boards.get(hour);
    if (known !== undefined) return known;
    const made = Object.fromEntries(boards.map((one) => [one, new Leaders()])) as Boards;
    this.#boards.set(hour, made);
    for (const old of this.#boards.keys())
      if (old < hour - boardHours * 60 * minuteMs) this.#boards.delete(old);
    return made;
  }

  async #top(): Promise<Statistics['top']> {
    const hour = floor(this.#parts.clock.now(), 60 * minuteMs);
    const { tops } = await this.#others.points(scales[2], hour - (boardHours - 1) * 60 * minuteMs);
    const all = boards.map((board) => {
      const sum = new Leaders();
      for (const then of this.#boards.values())
        for (const { name, count } of then[board].top(topMax)) sum.add(name, count);
      for (const [, top] of tops)
        for (const { name, count } of top[board] ?? []) sum.add(name, count);
      return [board, sum.top(topMax)] as const;
    });
    return Object.fromEntries(all) as Statistics['top'];
  }
}

const floor = (ms: number, stepMs: number): number => ms - (ms % stepMs);
