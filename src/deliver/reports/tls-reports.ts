// TLS reports to the domains that mail goes to: sessions are counted as they come back with attempts, and what they
// came to is reported when a day is over, by mail or by HTTPS. RFC 8460.

import { gzipSync } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { HttpError, httpRequest } from '../../net/http-request.ts';
import { isPublicAddress } from '../../net/public-address.ts';
import type { Deliver } from '../../queue/delivery.ts';
import type { CountedDay } from '../../report/daily-counts.ts';
import { DailyCounts } from '../../report/daily-counts.ts';
import { reportMail, reportNames } from '../../report/report-mail.ts';
import { formatTlsReport } from '../../report/tls-report.ts';
import type { TlsReportCounts, TlsSession } from '../../report/tls-session.ts';
import type { Turn } from '../../store/nodes.ts';
import type { TlsReportDestination } from '../../trust/tls-report-record.ts';
import { tlsReportDestinations } from '../../trust/tls-report-record.ts';
import type { DailyReport } from './daily-reports.ts';
import type { ReporterSettings } from './dmarc-reports.ts';
import type { QueueReport } from './report-queue.ts';
import { isOurReport } from './report-queue.ts';
import { tlsReport, tlsRow } from './tls-rows.ts';

export interface TlsReportsParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly isOn: () => boolean;
  readonly reporter: () => ReporterSettings;
  /** Whether what comes from this domain is signed. */
  readonly signs: (domain: string) => boolean;
  readonly queue: QueueReport;
  readonly sent?: Counter | undefined;
  /** Default: over the network. @throws HttpError */
  readonly post?: typeof httpRequest | undefined;
}

/** Limit: rows of all domains and days, and of one. */
const limits = { rowsMax: 20_000, rowsPerDomain: 500, charactersMax: 16 * 2 ** 20 };
/** Limit: of a report that is posted, and of what is answered. */
const postMs = 30_000;
const answerBytes = 64 * 1024;

interface Made extends ReporterSettings {
  readonly day: CountedDay;
  readonly id: string;
  readonly file: string;
  readonly subject: string;
  readonly turn: Turn | undefined;
  /** Packed. */
  readonly bytes: Buffer;
}

export class TlsReports implements DailyReport, TlsReportCounts {
  readonly kind = 'tls';
  readonly counts = new DailyCounts(limits);
  readonly sent: Counter | undefined;
  readonly #parts: TlsReportsParts;

  constructor(parts: TlsReportsParts) {
    this.#parts = parts;
    this.sent = parts.sent;
  }

  readonly isOn = (): boolean => this.#parts.isOn();

  noteSession(session: TlsSession): void {
    if (this.isOn()) this.counts.note(this.#parts.clock.now(), session.domain, tlsRow(session));
  }

  /** The same delivery, whose sessions are counted, but for those that carry reports: RFC 8460 §3. */
  watch(deliver: Deliver): Deliver {
    return async (lease, signal) => {
      const result = await deliver(lease, signal);
      if (result.sessions !== undefined && !isOurReport(lease.message.origin))
        for (const session of result.sessions) this.noteSession(session);
      return result;
    };
  }

  async send(day: CountedDay, turn?: Turn): Promise<'sent' | 'unwanted' | 'later'> {
    const { resolver, reporter } = this.#parts;
    const { domain } = day;
    const answer = await resolver.resolve(`_smtp._tls.${domain}`, 'TXT');
    const destinations = answer.kind === 'records' ? tlsReportDestinations(answer.records) : [];
    if (destinations.length === 0 || day.rows.length === 0) return 'unwanted';
    const who = reporter();
    const names = reportNames(who.hostname, domain, day);
    const report = tlsReport(day, { ...names, organization: who.organization, contact: who.from });
    const made = { ...who, ...names, day, turn, bytes: gzipSync(formatTlsReport(report)) };
    const results: ('sent' | 'unwanted' | 'later')[] = [];
    for (const destination of destinations) results.push(await this.#sendTo(destination, made));
    // RFC 8460 §3: it is delivered when one of the destinations has taken it.
    if (results.includes('sent')) return 'sent';
    return results.includes('later') ? 'later' : 'unwanted';
  }

  async #sendTo(
    destination: TlsReportDestination,
    made: Made,
  ): Promise<'sent' | 'unwanted' | 'later'> {
    const { log } = this.#parts;
    const { domain } = made.day;
    if (destination.kind === 'mailto') return this.#mail(destination.address, made);
    const { url } = destination;
    await made.turn?.confirm();
    try {
      const { status } = await this.#post(url, made.bytes);
      if (status >= 200 && status < 300) return 'sent';
      log.info('report waits', { domain, error: `${url} answered ${status}` });
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      log.info('report waits', { domain, error: `${url}: ${error.message}` });
    }
    return 'later';
  }

  /** RFC 8460 §5.4. Where to, anybody's DNS says: it is not to make us ask what the Internet does not reach. */
  #post(url: string, body: Uint8Array) {
    const { post = httpRequest, resolver } = this.#parts;
    return post({
      ...{ url, body, resolver, method: 'POST', timeoutMs: postMs, bytesMax: answerBytes },
      headers: { 'Content-Type': 'application/tlsrpt+gzip' },
      allows: isPublicAddress,
    });
  }

  /** RFC 8460 §5.3. */
  async #mail(to: string, made: Made): Promise<'sent' | 'unwanted'> {
    const { queue, signs, clock, log } = this.#parts;
    const { from, hostname, organization, id, day, file, subject, bytes, turn } = made;
    const submitter = from.slice(from.lastIndexOf('@') + 1);
    if (!signs(submitter)) {
      // RFC 8460 §3: it MUST have a DKIM signature, and is ignored without.
      const reason = `nothing signs for ${submitter}: see \`postrider dkim create\``;
      log.info('report not sent', { domain: day.domain, to, reason });
      return 'unwanted';
    }
    const mail = reportMail({
      ...{ organization, from, to, at: clock.now(), subject, messageId: id },
      fields: [
        `TLS-Report-Domain: ${day.domain}\r\nTLS-Report-Submitter: ${submitter}\r\n`,
        // RFC 8460 §3: it is delivered despite any TLS-related failures. RFC 8689 §4.1
        'TLS-Required: No\r\n',
      ].join(''),
      text: `This is an aggregate report about TLS with the mail hosts of ${day.domain}, by ${hostname}.\n`,
      multipart: 'report; report-type="tlsrpt"',
      parts: [{ type: 'application/tlsrpt+gzip', filename: `${file}.json.gz`, bytes }],
    });
    return (await queue({ to, bytes: mail, messageId: id, turn })) ? 'sent' : 'unwanted';
  }
}
