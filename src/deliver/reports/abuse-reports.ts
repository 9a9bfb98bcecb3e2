// Abuse reports: an operator complains of a message that lies in a mailbox here, to whoever is proven to have sent it
// (RFC 5965). Nothing is sent by itself. The message goes along as it is, or its header; few reports go to one
// domain in an hour, so that nobody's postbox is filled by a script.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import { TokenBuckets } from '../../base/token-buckets.ts';
import { version } from '../../base/version.ts';
import { domainKey, parseMailbox } from '../../mail/fields/address.ts';
import { formatDate } from '../../mail/fields/date.ts';
import { decodeEncodedWords, encodeHeaderText } from '../../mail/fields/encoded-word.ts';
import { enclosedHeader, isEnclosable } from '../../mail/mime/enclosed-message.ts';
import type { AbuseType, Provenance } from '../../report/abuse-report.ts';
import { abuseFields, provenanceOf } from '../../report/abuse-report.ts';
import { reportMail } from '../../report/report-mail.ts';
import type { ReporterSettings } from './dmarc-reports.ts';
import type { QueueReport } from './report-queue.ts';

export interface AbuseReportsParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: () => ReporterSettings;
  readonly ids: () => string;
  readonly queue: QueueReport;
  readonly sent?: Counter | undefined;
}

export interface Complaint {
  /** As it lies in the mailbox; its beginning, with all of the header, where `isWhole` is not set. */
  readonly message: Buffer;
  readonly isWhole: boolean;
  /** In whose mailbox. */
  readonly recipient: string;
  readonly type: AbuseType;
  /** Undefined: `abuse@` the domain that is proven to have sent it (RFC 2142 §4). */
  readonly to: string | undefined;
}

export type Complained =
  | {
      readonly kind: 'sent';
      readonly to: string;
      readonly domain: string | undefined;
      /** Without its brackets. */
      readonly messageId: string;
    }
  /** One line that says why, and what to do. */
  | { readonly kind: 'refused'; readonly problem: string };

/** Limit: to one domain. */
const domainPerHour = 20;
/** Limit: of all together. */
const allPerHour = 100;
const hourMs = 3_600_000;
/** Limit: domains whose number is remembered. */
const domainsMax = 1_000;

const nobodyKnown =
  'neither DKIM nor SPF says who sent this message, so nobody is known to complain to: name an address by `--to`';

export class AbuseReports {
  readonly #parts: AbuseReportsParts;
  readonly #buckets: TokenBuckets;

  constructor(parts: AbuseReportsParts) {
    this.#parts = parts;
    this.#buckets = new TokenBuckets(parts.clock, domainsMax);
  }

  /** The report is in the queue once it is `sent`. */
  async send(complaint: Complaint): Promise<Complained> {
    const { reporter, queue, ids, log, sent } = this.#parts;
    const { hostname } = reporter();
    const provenance = provenanceOf(complaint.message, hostname);
    const { domain } = provenance;
    const to = complaint.to ?? (domain === undefined ? undefined : `abuse@${domain}`);
    if (to === undefined) return { kind: 'refused', problem: nobodyKnown };
    const mailbox = parseMailbox(to);
    if (mailbox === undefined) return { kind: 'refused', problem: `${to} is no mail address` };
    const problem = this.#tooMany(domainKey(mailbox.domain));
    if (problem !== undefined) return { kind: 'refused', problem };
    const messageId = `${ids()}@${hostname}`;
    const bytes = this.#reportBytes(complaint, provenance, { to, messageId });
    if (!(await queue({ to, bytes, messageId })))
      return { kind: 'refused', problem: `mail for ${to} goes nowhere here` };
    sent?.add();
    log.info('report sent', { type: complaint.type, domain, to });
    return { kind: 'sent', to, domain, messageId };
  }

  #tooMany(domain: string): string | undefined {
    const { clock } = this.#parts;
    const exceeded =
      this.#buckets.take(`of ${domain}`, [{ count: domainPerHour, perMs: hourMs }]) ??
      this.#buckets.take('all', [{ count: allPerHour, perMs: hourMs }]);
    if (exceeded === undefined) return undefined;
    const again = new Date(clock.now() + exceeded.waitMs).toISOString();
    return `${domainPerHour} reports an hour to one domain and ${allPerHour} in all are enough: the next one may go at ${again}`;
  }

  #reportBytes(
    { message, isWhole, recipient, type }: Complaint,
    provenance: Provenance,
    { to, messageId }: { readonly to: string; readonly messageId: string },
  ): Buffer {
    const { clock, reporter } = this.#parts;
    const { hostname, from, organization } = reporter();
    const program = `Postrider/${version}`;
    const fields = abuseFields({ ...provenance, program, type, hostname, recipient });
    return reportMail({
      ...{ organization, from, to, at: clock.now(), messageId },
      // RFC 5965 §2 (f): the same, but for a prefix.
      subject: `FW: ${encodeHeaderText(decodeEncodedWords(provenance.subject))}`,
      text: forPeople(type, hostname, provenance),
      multipart: 'report; report-type=feedback-report',
      parts: [
        { type: 'message/feedback-report', bytes: Buffer.from(fields) },
        isWhole && isEnclosable(message)
          ? { type: 'message/rfc822', bytes: message }
          : { type: 'text/rfc822-headers', bytes: enclosedHeader(message) },
      ],
    });
  }
}

/** RFC 5965 §2 (b): what a person has to know. */
function forPeople(
  type: AbuseType,
  hostname: string,
  { sourceIp, arrival, domain }: Provenance,
): string {
  return [
    `This is a report of type "${type}" about a message that came to ${hostname}.`,
    ...(sourceIp === undefined ? [] : [`It came from ${sourceIp}.`]),
    ...(arrival === undefined ? [] : [`It came on ${formatDate(arrival)}.`]),
    ...(domain === undefined ? [] : [`By DKIM or SPF it was sent by ${domain}.`]),
    'The message, or its header, is enclosed.\n',
  ].join('\n');
}
