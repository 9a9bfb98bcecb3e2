// DMARC aggregate reports to the domains whose mail, or what says so, came here: counted as it is judged, and made
// when a day is over. RFC 9990.

import { gzipSync } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import { version } from '../../base/version.ts';
import type { Resolver } from '../../dns/resolver.ts';
import type { Judged } from '../../policy/senders/sender-authentication.ts';
import type { CountedDay } from '../../report/daily-counts.ts';
import { DailyCounts } from '../../report/daily-counts.ts';
import { looksLikeReport } from '../../report/find-report.ts';
import { formatAggregateReport } from '../../report/format-aggregate.ts';
import { reportMail, reportNames } from '../../report/report-mail.ts';
import type { Turn } from '../../store/nodes.ts';
import { parseDmarcRecord } from '../../trust/dmarc-record.ts';
import { reportDestinations } from '../../trust/report-destinations.ts';
import type { DailyReport } from './daily-reports.ts';
import { aggregateReport, dmarcRow } from './dmarc-rows.ts';
import type { QueueReport } from './report-queue.ts';

/** Who we are in reports. */
export interface ReporterSettings {
  readonly hostname: string;
  readonly from: string;
  readonly organization: string;
}

export interface DmarcReportsParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly isOn: () => boolean;
  readonly reporter: () => ReporterSettings;
  readonly queue: QueueReport;
  readonly sent?: Counter | undefined;
}

/** Limit: rows of all domains and days, and of one: whoever forges mail makes rows. */
const limits = { rowsMax: 20_000, rowsPerDomain: 1_000, charactersMax: 16 * 2 ** 20 };

export class DmarcReports implements DailyReport {
  readonly kind = 'dmarc';
  readonly counts = new DailyCounts(limits);
  readonly sent: Counter | undefined;
  readonly #parts: DmarcReportsParts;

  constructor(parts: DmarcReportsParts) {
    this.#parts = parts;
    this.sent = parts.sent;
  }

  readonly isOn = (): boolean => this.#parts.isOn();

  /** Never throws: mail does not wait for statistics. */
  note(judged: Judged): void {
    const { clock, log } = this.#parts;
    if (!this.isOn()) return;
    try {
      const row = dmarcRow(judged);
      if (row === undefined) return;
      // Two servers that have nothing else to say would report each other's reports for ever.
      if (judged.verdict.result === 'pass' && looksLikeReport(judged.arrival.head)) return;
      this.counts.note(clock.now(), row.domain, row.row, row.about);
    } catch (error) {
      log.error('not counted for reports', { error: stackOf(error) });
    }
  }

  async send(day: CountedDay, turn?: Turn): Promise<'sent' | 'unwanted'> {
    const { resolver, reporter, queue, clock, log } = this.#parts;
    const { domain, about } = day;
    const record = parseDmarcRecord(about);
    if (record === undefined || day.rows.length === 0) return 'unwanted';
    const question = { domain, tag: 'rua', addresses: record.rua } as const;
    const destinations = await reportDestinations(question, resolver);
    const { hostname, from, organization } = reporter();
    const { id, file, subject } = reportNames(hostname, domain, day);
    const generator = `Postrider ${version}`;
    const report = aggregateReport(day, record, { organization, email: from, id, generator });
    const bytes = gzipSync(formatAggregateReport(report));
    let sent = 0;
    for (const to of destinations) {
      const mail = reportMail({
        ...{ organization, from, to, at: clock.now(), subject, messageId: id },
        text: `This is a DMARC aggregate report about ${domain}, by ${hostname}.\n`,
        multipart: 'mixed',
        // RFC 9990 §3.5.2
        parts: [{ type: 'application/gzip', filename: `${file}.xml.gz`, bytes }],
      });
      const most = record.sizes.get(to) ?? Number.POSITIVE_INFINITY;
      if (mail.length > most)
        log.info('report not sent', {
          domain,
          to,
          reason: `larger than the ${most} octets it takes`,
        });
      else if (await queue({ to, bytes: mail, messageId: id, turn })) sent += 1;
    }
    return sent > 0 ? 'sent' : 'unwanted';
  }
}
