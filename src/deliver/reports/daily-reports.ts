// The daily work on reports: what is counted goes to records once a minute and at the end, and when a day of UTC is
// over each domain gets its report, some hours later, each at its own time. A report is counted as sent when
// it is in the queue, and only then is what it was made of forgotten: a crash in between sends it again, with the
// same Report-ID. Whatever fails is tried again each hour, for three days. RFC 9990 §3.5, RFC 8460 §4.1, §5.5.

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
import { daySeconds } from '../../report/daily-counts.ts';
import type { RecordStore } from '../../store/record-store.ts';

/** One kind of report. */
export interface DailyReport {
  readonly kind: 'dmarc' | 'tls';
  readonly counts: DailyCounts;
  readonly isOn: () => boolean;
  readonly sent?: Counter | undefined;
  /**
   * `unwanted`: nobody wants it, or may have it. `later`: it did not come through.
   * @throws DnsError
   */
  send(day: CountedDay): Promise<'sent' | 'unwanted' | 'later'>;
}

export interface DailyReportsParts {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly hostname: () => string;
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
const pageRecords = 500;

export class DailyReports {
  readonly #parts: DailyReportsParts;
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
    const { reports, clock } = this.#parts;
    for (const report of reports) {
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
        .catch((error: unknown) =>
          this.#parts.log.error('report failed', { error: stackOf(error) }),
        );
    });
  }

  async #round(): Promise<void> {
    const { reports, clock } = this.#parts;
    await this.#keepAll();
    let next = Number.POSITIVE_INFINITY;
    for (const report of reports)
      for (const { begin, domain } of report.counts.days) {
        if (this.#stopping) return;
        if (this.#dueAt(report, { begin, domain }) <= clock.now()) {
          const day = report.counts.day({ begin, domain });
          if (day !== undefined) await this.#settle(report, day);
        }
        if (report.counts.has({ begin, domain }))
          next = Math.min(next, this.#dueAt(report, { begin, domain }));
      }
    // A clock that was set, or a timer that ends early, costs a round.
    this.#wake(Math.max(next, clock.now() + minuteMs));
  }

  #dueAt({ kind }: DailyReport, { begin, domain }: DayOfDomain): number {
    // As good as chance, and the same after a restart.
    const text = `${this.#parts.hostname()} ${kind} ${begin} ${domain}`;
    const chance = createHash('sha256').update(text).digest().readUInt32BE(0) % spreadMs;
    const due = (begin + daySeconds) * 1000 + settlingMs + chance;
    return Math.max(due, this.#later.get(nameOf(kind, begin, domain)) ?? 0);
  }

  async #settle(report: DailyReport, day: CountedDay): Promise<void> {
    const { clock, log } = this.#parts;
    const { kind } = report;
    const { begin, end, domain, rows } = day;
    const name = nameOf(kind, begin, domain);
    const isOver = clock.now() >= (end + 1) * 1000 + patienceMs;
    try {
      const result = isOver || !report.isOn() ? 'unwanted' : await report.send(day);
      if (result === 'later') {
        this.#later.set(name, clock.now() + hourMs);
        return;
      }
      if (result === 'sent') report.sent?.add();
      if (result === 'sent') log.info('report sent', { type: kind, domain, count: rows.length });
      else if (isOver) log.warn('report given up', { type: kind, domain });
    } catch (error) {
      if (error instanceof DnsError) log.info('report waits', { domain, error: error.message });
      else log.error('report failed', { type: kind, domain, error: stackOf(error) });
      this.#later.set(name, clock.now() + hourMs);
      return;
    }
    this.#later.delete(name);
    await this.#forget(report, day);
  }

  /** Where the store fails, what is forgotten here comes back with the next start, and is sent again. */
  async #forget({ kind, counts }: DailyReport, day: CountedDay): Promise<void> {
    const { records, log } = this.#parts;
    try {
      await records.remove(recordKind(kind), counts.remove(day));
    } catch (error) {
      log.error('report failed', { type: kind, domain: day.domain, error: stackOf(error) });
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

  async #restore({ kind, counts }: DailyReport): Promise<void> {
    const { records } = this.#parts;
    let after: string | undefined;
    for (;;) {
      const page = await records.list(recordKind(kind), { after, limit: pageRecords });
      for (const record of page) counts.restore(record);
      after = page.at(-1)?.key;
      if (page.length < pageRecords) return;
    }
  }
}

const recordKind = (kind: DailyReport['kind']): string => `${kind}-count`;

const nameOf = (kind: string, begin: number, domain: string): string =>
  `${kind} ${begin} ${domain}`;
