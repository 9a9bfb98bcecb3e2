// Failure reports: of a message that fails DMARC, at once, to a domain that asks for it (`ruf`). Off unless somebody
// turns it on: RFC 9991 §7 says why. Few of them: so many an hour for a domain and in all (§2, §8.1), none of mail
// without a sender or of reports, so that nobody's failures are reported in circles, and none for public suffixes.

import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import { TokenBuckets } from '../../base/token-buckets.ts';
import { version } from '../../base/version.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { Finding } from '../../mail/finding.ts';
import { resultsField } from '../../mail/trace/results-field.ts';
import type { Judged } from '../../policy/senders/sender-authentication.ts';
import type { FailureReport } from '../../report/failure-report.ts';
import { feedbackFields, shownHeader } from '../../report/failure-report.ts';
import { looksLikeReport } from '../../report/find-report.ts';
import { reportMail } from '../../report/report-mail.ts';
import { reportDestinations } from '../../trust/report-destinations.ts';
import { isSpfRecord } from '../../trust/spf-record.ts';
import type { ReporterSettings } from './dmarc-reports.ts';
import type { QueueReport } from './report-queue.ts';

export interface FailureReportsParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly settings: () => { readonly send: boolean; readonly perHour: number };
  readonly reporter: () => ReporterSettings;
  readonly ids: () => string;
  readonly queue: QueueReport;
  readonly sent?: Counter | undefined;
}

/** Limit: of all domains together. */
const allPerHour = 100;
const hourMs = 3_600_000;
/** Limit: domains whose number is remembered. */
const domainsMax = 1_000;
/** Limit: reports that are being made. */
const underWayMax = 10;

export class FailureReports {
  readonly #parts: FailureReportsParts;
  readonly #buckets: TokenBuckets;
  #underWay = 0;

  constructor(parts: FailureReportsParts) {
    this.#parts = parts;
    this.#buckets = new TokenBuckets(parts.clock, domainsMax);
  }

  /** Never throws, and nothing waits for it. */
  note(judged: Judged): void {
    const { settings, log } = this.#parts;
    const { send, perHour } = settings();
    if (!send || !isWanted(judged) || this.#underWay >= underWayMax) return;
    const { policyDomain, domain } = judged.verdict;
    const rate = (count: number) => [{ count, perMs: hourMs }];
    if (this.#buckets.take(`of ${policyDomain}`, rate(perHour)) !== undefined) return;
    if (this.#buckets.take('all', rate(allPerHour)) !== undefined) return;
    this.#underWay += 1;
    this.#send(judged)
      .catch((error: unknown) => {
        if (error instanceof DnsError) log.info('report waits', { domain, error: error.message });
        else log.error('report failed', { domain, error: stackOf(error) });
      })
      .finally(() => {
        this.#underWay -= 1;
      });
  }

  async #send({ envelope, arrival, verdict, findings }: Judged): Promise<void> {
    const { resolver, reporter, queue, clock, log, ids, sent } = this.#parts;
    const { policyDomain = '', domain = '', record } = verdict;
    // Before anything is waited for: the message goes its way meanwhile.
    const header = shownHeader(arrival.head.subarray(0, arrival.header.end));
    const question = { domain: policyDomain, tag: 'ruf', addresses: record?.ruf ?? [] } as const;
    const destinations = await reportDestinations(question, resolver);
    if (destinations.length === 0) return;
    const { hostname, from, organization } = reporter();
    const report: FailureReport = {
      ...{ program: `Postrider/${version}`, domain, at: clock.now() },
      sourceIp: envelope.client.remote.address,
      mailFrom: envelope.sender!,
      results: resultsField(hostname, findings) ?? '',
      failed: [
        ...(verdict.alignedDkim === true ? [] : (['dkim'] as const)),
        ...(verdict.alignedSpf === true ? [] : (['spf'] as const)),
      ],
      delivery: deliveryOf(findings),
      signature: ownSignature(findings, domain),
      spf: await spfRecord(findings, domain, resolver),
    };
    const { address } = envelope.client.remote;
    for (const to of destinations) {
      const messageId = `${ids()}@${hostname}`;
      const bytes = reportMail({
        ...{ organization, from, to, at: clock.now(), messageId },
        subject: `Authentication failure of mail from ${domain}`,
        text: `A message that says it is from ${domain} came from ${address} and failed DMARC.\n`,
        multipart: 'report; report-type=feedback-report',
        parts: [
          { type: 'message/feedback-report', bytes: Buffer.from(feedbackFields(report)) },
          { type: 'text/rfc822-headers', bytes: header },
        ],
      });
      if (!(await queue({ to, bytes, messageId }))) continue;
      sent?.add();
      log.info('report sent', { type: 'failure', domain, to });
    }
  }
}

/** RFC 9991 §2, and RFC 9989 §4.7 for what `fo` asks for. */
function isWanted({ verdict, envelope, arrival, findings }: Judged): boolean {
  const { result, record, alignedDkim, alignedSpf } = verdict;
  if (record === undefined || record.ruf.length === 0 || record.psd === 'y') return false;
  if (result !== 'pass' && result !== 'fail') return false;
  if (envelope.sender === null || looksLikeReport(arrival.head)) return false;
  const options = new Set(record.fo.toLowerCase().split(/[ \t]*:[ \t]*/));
  const has = (kind: 'dkim' | 'spf') =>
    findings.some(
      (one) => one.kind === kind && (one.result === 'fail' || one.result === 'softfail'),
    );
  if (options.has('1')) return alignedDkim !== true || alignedSpf !== true;
  if ((options.has('d') && has('dkim')) || (options.has('s') && has('spf'))) return true;
  return options.has('0') && result === 'fail';
}

function deliveryOf(findings: readonly Finding[]): FailureReport['delivery'] {
  const found = findings.find((one) => one.kind === 'dmarc');
  if (found?.disposition === 'reject') return 'reject';
  return found?.disposition === 'quarantine' ? 'spam' : 'delivered';
}

/** RFC 9991 §4: of an aligned identifier. */
const isOf = (domain: string | undefined, author: string): domain is string =>
  domain !== undefined &&
  (domain === author || domain.endsWith(`.${author}`) || author.endsWith(`.${domain}`));

function ownSignature(findings: readonly Finding[], author: string): FailureReport['signature'] {
  for (const one of findings) {
    if (one.kind !== 'dkim' || one.result === 'pass' || !isOf(one.domain, author)) continue;
    return { domain: one.domain, selector: one.selector ?? '' };
  }
  return undefined;
}

/** RFC 9991 §4: required where SPF failed for an aligned identifier. @throws DnsError */
async function spfRecord(
  findings: readonly Finding[],
  author: string,
  resolver: Resolver,
): Promise<FailureReport['spf']> {
  const found = findings.find((one) => one.kind === 'spf');
  if (found === undefined || found.result === 'pass' || !isOf(found.domain, author))
    return undefined;
  const answer = await resolver.resolve(found.domain, 'TXT');
  const texts = answer.kind === 'records' ? answer.records : [];
  const record = texts.find(isSpfRecord);
  return record === undefined ? undefined : { domain: found.domain, record };
}
