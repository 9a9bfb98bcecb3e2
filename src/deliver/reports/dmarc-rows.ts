// What DMARC found out about a message, as a row of the report that the domain gets; and from a day's rows that
// report. RFC 9990 §3.1.

import type { Finding } from '../../mail/finding.ts';
import type { Judged } from '../../policy/senders/sender-authentication.ts';
import type { AggregateRecord, AggregateReport, AuthResult } from '../../report/aggregate.ts';
import type { CountedDay } from '../../report/daily-counts.ts';
import type { DmarcRecord } from '../../trust/dmarc-record.ts';

export interface DmarcRow {
  /** Where the record was found. */
  readonly domain: string;
  readonly row: string;
  /** The record. */
  readonly about: string;
}

type Found<K extends Finding['kind']> = Extract<Finding, { readonly kind: K }>;

/** Limit: signatures of one row. RFC 9990 §3.1.3 has 100; ten are looked at. */
const signaturesMax = 10;
/** Limit: characters of a name in a row. */
const nameMax = 255;

/** Undefined where nobody wants to know. */
export function dmarcRow({ envelope, verdict, findings }: Judged): DmarcRow | undefined {
  const { policyDomain, record, domain } = verdict;
  if (policyDomain === undefined || record === undefined || domain === undefined) return undefined;
  if (record.rua.length === 0) return undefined;
  const found = findings.find((one): one is Found<'dmarc'> => one.kind === 'dmarc');
  const row: Omit<AggregateRecord, 'count'> = {
    sourceIp: envelope.client.remote.address,
    ...evaluated(verdict, found),
    headerFrom: name(domain),
    envelopeFrom: name(envelope.sender?.domain ?? ''),
    envelopeTo: undefined,
    signatures: signaturesOf(findings, domain),
    senders: findings.flatMap((one) => (one.kind === 'spf' ? [spfResult(one)] : [])),
  };
  return { domain: policyDomain, row: JSON.stringify(row), about: record.text };
}

type Evaluated = Pick<AggregateRecord, 'disposition' | 'dkim' | 'spf' | 'reasons'>;

function evaluated(verdict: Judged['verdict'], found: Found<'dmarc'> | undefined): Evaluated {
  const dkim = verdict.alignedDkim === true ? 'pass' : 'fail';
  const spf = verdict.alignedSpf === true ? 'pass' : 'fail';
  const isEnforcing = verdict.requested !== 'none';
  if (verdict.result === 'pass')
    return { disposition: isEnforcing ? 'pass' : 'none', dkim, spf, reasons: [] };
  const done = found?.disposition;
  const disposition = done === 'quarantine' || done === 'reject' ? done : 'none';
  // RFC 9990 §3.1.1.9: where it is not what the domain has asked for, it says why.
  const reasons = disposition === verdict.policy ? [] : [reasonOf(verdict, found)];
  return { disposition, dkim, spf, reasons };
}

/** RFC 9990 §3.1.6. */
function reasonOf(
  { record, requested }: Judged['verdict'],
  found: Found<'dmarc'> | undefined,
): AggregateRecord['reasons'][number] {
  if (found?.sealer !== undefined)
    return { type: 'trusted_forwarder', comment: `ARC seal of ${name(found.sealer)}` };
  if (record?.isTest === true && (found?.disposition ?? 'none') === requested)
    return { type: 'policy_test_mode' };
  return { type: 'local_policy' };
}

/** RFC 9990 §3.1.3: the author's own that pass before others that pass, before those that do not. */
function signaturesOf(findings: readonly Finding[], author: string): readonly AuthResult[] {
  const rank = ({ domain, result }: AuthResult): number => {
    if (result !== 'pass') return 3;
    if (domain === author) return 0;
    return author.endsWith(`.${domain}`) || domain.endsWith(`.${author}`) ? 1 : 2;
  };
  return findings
    .flatMap((one) =>
      one.kind === 'dkim' && one.domain !== undefined
        ? [{ domain: name(one.domain), selector: name(one.selector ?? ''), result: one.result }]
        : [],
    )
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, signaturesMax);
}

/** RFC 9990 §3.1.1.13. Without a sender that of HELO is MAIL FROM's identity: RFC 9989 §3.2.4. */
const spfResult = ({ domain, result }: Found<'spf'>): AuthResult => ({
  ...{ domain: name(domain), scope: 'mfrom', result },
});

const name = (text: string): string => text.slice(0, nameMax).toLowerCase();

export interface Reporter {
  readonly organization: string;
  readonly email: string;
  readonly id: string;
  readonly generator: string;
}

/** Sources with the most messages first. */
export function aggregateReport(
  { begin, end, domain, rows }: CountedDay,
  record: DmarcRecord,
  reporter: Reporter,
): AggregateReport {
  return {
    ...reporter,
    // RFC 9990 §3.1.1.2: it "MUST have the value 1.0".
    version: '1.0',
    contact: undefined,
    ...{ begin, end, errors: [] },
    policy: {
      ...{ domain, p: record.p, sp: record.sp ?? record.p, np: record.np ?? record.sp ?? record.p },
      ...{ adkim: record.adkim, aspf: record.aspf, fo: record.fo },
      testing: record.isTest ? 'y' : 'n',
      discovery: 'treewalk',
    },
    records: rows
      .map(({ row, count }) => ({ ...(JSON.parse(row) as Omit<AggregateRecord, 'count'>), count }))
      .sort((a, b) => b.count - a.count),
    recordsLeftOut: 0,
  };
}
