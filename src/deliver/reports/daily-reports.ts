// The daily work on reports: what is counted goes to records once a minute and at the end, and when a day of UTC is
// over each domain gets its report, some hours later, each at its own time, of what all nodes have counted, by one
// of them. A report is counted as sent when it is in the queue, and only then is what it was made of forgotten: a
// crash in between sends it again, with the same Report-ID. Whatever fails is tried again each hour, for three
// days. RFC 9990 §3.5, RFC 8460 §4.1, §5.5.

import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import { DnsError } from '../../dns/resolver.ts';
import type {
  CountedDay,
  CountRecord,
  DailyCounts,
  DayOfDomain,
} from '../../report/daily-counts.ts';
import { dayOf, dayOfKey, daySeconds } from '../../report/daily-counts.ts';
import { allRecords } from '../../store/all-records.ts';
import type { Nodes, Turn } from '../../store/nodes.ts';
import { TurnLostError } from '../../store/nodes.ts';
import type { RecordStore } from '../../store/record-store.ts';

/** One kind of report. */
export interface DailyReport {
  readonly kind: 'dmarc' | 'tls';
  readonly counts: DailyCounts;
  readonly isOn: () => boolean;
  readonly sent?: Counter | undefined;
  /**
   * `unwanted`: nobody wants it, or may have it. `later`: it did not come through.
   * @throws DnsError, TurnLostError
   */
  send(day: CountedDay, turn: Turn): Promise<'sent' | 'unwanted' | 'later'>;
}

export interface DailyReportsParts {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly hostname: () => string;
  readonly nodes: Pick<Nodes, 'inTurn' | 'number'>;
  readonly reports: readonly DailyReport[];
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** RFC 8460 §4.1: up to four hours, so that not everybody reports at midnight. */
const spreadMs = 4 * hourMs;
/** What came in the last minutes of the day is judged and counted by then. */
const settlingMs = 10 * minuteMs;
/** Limit: after the day ended. */
const patienceMs = 3 * 24 * hourMs;
/** Limit: how long a stop waits for one report that is being made. */
const stopMs = 2_000;
/** How often it is looked for what other nodes have counted, and left. */
const lookMs = hourMs;

/** A report that is to be made. */
interface Planned extends DayOfDomain {
  readonly report: DailyReport;
}

export class DailyReports {
  readonly #parts: DailyReportsParts;
  /** By kind, day and domain: what is to be sent of days that are over. */
  #planned = new Map<string, Planned>();
  /** When it is looked for again. */
  #lookAt = Number.NEGATIVE_INFINITY;
  /** By kind, day and domain: when what failed is tried again. */
  readonly #later = new Map<string, number>();
  #cancel = () => {};
  /** When there is something to do. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(parts: DailyReportsParts) {
    this.#parts = parts;
  }

  /** Reads what was counted before; from then on it works when there is something to do. */
  async start(): Promise<void> {
    const { reports, clock, nodes } = this.#parts;
    for (const report of reports) {
      report.counts.node = nodes.number;
      await this.#restore(report);
      report.counts.onChange = () => this.#wake(clock.now() + minuteMs);
    }
    this.#wake(clock.now() + minuteMs);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancel();
    await Promise.race([this.#work, sleep(this.#parts.clock, stopMs)]);
    await this.#keepAll();
  }

  #wake(at: number): void {
    if (this.#stopping || at >= this.#wakeAt) return;
    this.#cancel();
    this.#wakeAt = at;
    this.#cancel = this.#parts.clock.after(at - this.#parts.clock.now(), () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      // One at a time: a round may take long.
      this.#work = this.#work
        .then(() => this.#round())
        .catch((error: unknown) => {
          this.#parts.log.error('report failed', { error: stackOf(error) });
          this.#wake(this.#parts.clock.now() + hourMs);
        });
    });
  }

  async #round(): Promise<void> {
    const { reports, clock, nodes } = this.#parts;
    await this.#keepAll();
    const today = dayOf(clock.now());
    for (const { counts } of reports) counts.forgetBefore(today);
    if (this.#lookAt <= clock.now()) await this.#look(today);
    const isDue = (one: Planned) => this.#dueAt(one) <= clock.now();
    const due = [...this.#planned.values()].filter(isDue);
    // Where another node is at it, it is looked at in the next round what it has left.
    if (due.length > 0) await nodes.inTurn('reports', (turn) => this.#settleAll(due, turn));
    const next = [...this.#planned.values()].map((one) => this.#dueAt(one));
    // A clock that was set, or a timer that ends early, costs a round.
    this.#wake(Math.max(Math.min(this.#lookAt, ...next), clock.now() + minuteMs));
  }

  /** What records there are of days that are over: of this node, of others, of those that are gone. */
  async #look(today: number): Promise<void> {
    const { reports, clock } = this.#parts;
    const planned = new Map<string, Planned>();
    for (const report of reports)
      for await (const { key } of this.#records(report, '')) {
        const day = dayOfKey(key);
        if (day === undefined) continue;
        if (day.begin >= today) break; // they are in order
        planned.set(nameOf(report.kind, day.begin, day.domain), { ...day, report });
      }
    this.#planned = planned;
    // Another node may have sent it.
    for (const name of this.#later.keys()) if (!planned.has(name)) this.#later.delete(name);
    const tomorrow = (today + daySeconds) * 1000 + settlingMs;
    this.#lookAt = Math.min(clock.now() + lookMs, Math.max(tomorrow, clock.now() + minuteMs));
  }

  async #settleAll(due: readonly Planned[], turn: Turn): Promise<void> {
    for (const one of due) {
      if (this.#stopping) return;
      try {
        await this.#settle(one, turn);
      } catch (error) {
        if (!(error instanceof TurnLostError)) throw error;
        return; // somebody else goes on
      }
    }
  }

  #dueAt({ report: { kind }, begin, domain }: Planned): number {
    // As good as chance, and the same after a restart.
    const text = `${this.#parts.hostname()} ${kind} ${begin} ${domain}`;
    const chance = createHash('sha256').update(text).digest().readUInt32BE(0) % spreadMs;
    const due = (begin + daySeconds) * 1000 + settlingMs + chance;
    return Math.max(due, this.#later.get(nameOf(kind, begin, domain)) ?? 0);
  }

  async #settle(planned: Planned, turn: Turn): Promise<void> {
    const { clock, log } = this.#parts;
    const { report, begin, domain } = planned;
    const { kind } = report;
    const name = nameOf(kind, begin, domain);
    const found = await this.#counted(planned);
    try {
      if (found !== undefined && !(await this.#send(report, found.day, turn))) {
        this.#later.set(name, clock.now() + hourMs);
        return;
      }
    } catch (error) {
      if (error instanceof TurnLostError) throw error;
      if (error instanceof DnsError) log.info('report waits', { domain, error: error.message });
      else log.error('report failed', { type: kind, domain, error: stackOf(error) });
      this.#later.set(name, clock.now() + hourMs);
      return;
    }
    this.#later.delete(name);
    this.#planned.delete(name);
    if (found !== undefined) await this.#forget(planned, found.keys, turn);
  }

  /** True when there is nothing more to be done about it. */
  async #send(report: DailyReport, day: CountedDay, turn: Turn): Promise<boolean> {
    const { clock, log } = this.#parts;
    const { kind } = report;
    const { end, domain, rows } = day;
    const isOver = clock.now() >= (end + 1) * 1000 + patienceMs;
    const result = isOver || !report.isOn() ? 'unwanted' : await report.send(day, turn);
    if (result === 'later') return false;
    if (result === 'sent') report.sent?.add();
    if (result === 'sent') log.info('report sent', { type: kind, domain, count: rows.length });
    else if (isOver) log.warn('report given up', { type: kind, domain });
    return true;
  }

  /** What all nodes have counted, and under which keys; undefined when another one has sent it. */
  async #counted({ report, begin, domain }: Planned) {
    const sum = report.counts.emptied();
    const keys: string[] = [];
    for await (const record of this.#records(report, prefixOf(begin, domain))) {
      // Others begin with the same letters.
      if (dayOfKey(record.key)?.domain !== domain) continue;
      sum.restore(record);
      keys.push(record.key);
    }
    const day = sum.day({ begin, domain });
    return day && { day, keys };
  }

  /** Where the store fails, it is found again within the hour, and sent again. */
  async #forget(
    { report: { kind }, domain }: Planned,
    keys: readonly string[],
    turn: Turn,
  ): Promise<void> {
    const { records, log } = this.#parts;
    try {
      await records.remove(recordKind(kind), keys, turn);
    } catch (error) {
      if (error instanceof TurnLostError) throw error;
      log.error('report failed', { type: kind, domain, error: stackOf(error) });
    }
  }

  async #keepAll(): Promise<void> {
    for (const report of this.#parts.reports) await this.#keep(report);
  }

  async #keep({ kind, counts }: DailyReport): Promise<void> {
    const { records, log } = this.#parts;
    const changes = counts.changes();
    if (changes.length === 0) return;
    const expiring = ({ key, value }: CountRecord) => {
      const day = (Number(key.slice(0, 10)) + daySeconds) * 1000;
      return { kind: recordKind(kind), key, value, expires: day + patienceMs + hourMs };
    };
    try {
      await records.put(changes.map(expiring));
    } catch (error) {
      counts.notKept(changes);
      log.error('counts for reports not kept', { error: stackOf(error) });
    }
  }

  /** What this node has counted today. */
  async #restore(report: DailyReport): Promise<void> {
    const { counts } = report;
    const today = dayOf(this.#parts.clock.now());
    for await (const record of this.#records(report, ''))
      if (counts.isOwn(record.key) && (dayOfKey(record.key)?.begin ?? 0) >= today)
        counts.restore(record);
  }

  #records({ kind }: DailyReport, prefix: string): AsyncIterable<CountRecord> {
    return allRecords(this.#parts.records, recordKind(kind), { prefix });
  }
}

const recordKind = (kind: DailyReport['kind']): string => `${kind}-count`;

const prefixOf = (begin: number, domain: string): string =>
  `${String(begin).padStart(10, '0')} ${domain}`;

const nameOf = (kind: string, begin: number, domain: string): string =>
  `${kind} ${begin} ${domain}`;
