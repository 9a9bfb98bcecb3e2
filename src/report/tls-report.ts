// A TLS report, read and written: RFC 8460 §4.4. JSON of a known shape; what is missing when it is read is
// undefined or 0, what nobody knows is passed over.

import { ReportError, shortText } from './report-error.ts';

export interface TlsReport {
  readonly organization: string;
  readonly contact: string | undefined;
  readonly id: string;
  /** Seconds since 1970. */
  readonly begin: number;
  readonly end: number;
  readonly policies: readonly TlsReportPolicy[];
}

export interface TlsReportPolicy {
  /** `tlsa`, `sts`, `no-policy-found`, or what comes to be. */
  readonly type: string;
  readonly strings: readonly string[];
  readonly domain: string;
  readonly mxHosts: readonly string[];
  readonly successes: number;
  readonly failures: number;
  readonly details: readonly TlsFailure[];
}

export interface TlsFailure {
  readonly result: string;
  readonly count: number;
  readonly sendingIp?: string | undefined;
  readonly mxHost?: string | undefined;
  readonly mxHelo?: string | undefined;
  readonly receivingIp?: string | undefined;
  readonly information?: string | undefined;
  readonly reason?: string | undefined;
}

/** Limit: characters of JSON that are parsed at once; reports of a day have some thousands. */
export const tlsReportCharactersMax = 4 * 2 ** 20;
/** Limit: of policies, of details of one, of strings of one. */
const listMax = 1000;

/** @throws ReportError */
export function readTlsReport(text: string): TlsReport {
  if (text.length > tlsReportCharactersMax) throw new ReportError('the JSON is too large');
  let given: unknown;
  try {
    given = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new ReportError(`the JSON cannot be read: ${(error as Error).message}`);
  }
  const report = recordOf(given);
  const policies = listOf(report.policies).map(policyOf);
  const id = textOf(report['report-id']);
  if (id === undefined || policies.length === 0)
    throw new ReportError('the report has no policies, or no report-id');
  const range = recordOf(report['date-range']);
  const contact = textOf(report['contact-info']);
  return {
    organization: textOf(report['organization-name']) ?? contact ?? 'nobody',
    ...{ contact, id, policies },
    begin: secondsOf(range['start-datetime']),
    end: secondsOf(range['end-datetime']),
  };
}

function policyOf(given: unknown): TlsReportPolicy {
  const entry = recordOf(given);
  const policy = recordOf(entry.policy);
  const summary = recordOf(entry.summary);
  return {
    type: textOf(policy['policy-type'])?.toLowerCase() ?? 'no-policy-found',
    strings: textsOf(policy['policy-string']),
    domain: textOf(policy['policy-domain'])?.toLowerCase() ?? '',
    // Field: one pattern alone, as the errata of RFC 8460 had it.
    mxHosts: textsOf(policy['mx-host']),
    successes: countOf(summary['total-successful-session-count']),
    failures: countOf(summary['total-failure-session-count']),
    details: listOf(entry['failure-details']).map(failureOf),
  };
}

function failureOf(given: unknown): TlsFailure {
  const detail = recordOf(given);
  return {
    result: textOf(detail['result-type'])?.toLowerCase() ?? 'validation-failure',
    count: countOf(detail['failed-session-count']),
    sendingIp: textOf(detail['sending-mta-ip']),
    mxHost: textOf(detail['receiving-mx-hostname']),
    mxHelo: textOf(detail['receiving-mx-helo']),
    receivingIp: textOf(detail['receiving-ip']),
    information: textOf(detail['additional-information']),
    reason: textOf(detail['failure-reason-code']),
  };
}

/** RFC 8460 §4.4. */
export function formatTlsReport(report: TlsReport): string {
  return JSON.stringify({
    'organization-name': report.organization,
    'date-range': {
      'start-datetime': dateTime(report.begin),
      'end-datetime': dateTime(report.end),
    },
    'contact-info': report.contact,
    'report-id': report.id,
    // RFC 8460 §4: an array, also of one policy.
    policies: report.policies.map((policy) => ({
      policy: {
        'policy-type': policy.type,
        ...(policy.strings.length > 0 && { 'policy-string': policy.strings }),
        'policy-domain': policy.domain,
        ...(policy.mxHosts.length > 0 && { 'mx-host': policy.mxHosts }),
      },
      summary: {
        'total-successful-session-count': policy.successes,
        'total-failure-session-count': policy.failures,
      },
      ...(policy.details.length > 0 && { 'failure-details': policy.details.map(failureJson) }),
    })),
  });
}

const failureJson = (detail: TlsFailure) => ({
  'result-type': detail.result,
  'sending-mta-ip': detail.sendingIp,
  'receiving-mx-hostname': detail.mxHost,
  'receiving-mx-helo': detail.mxHelo,
  'receiving-ip': detail.receivingIp,
  'failed-session-count': detail.count,
  'additional-information': detail.information,
  'failure-reason-code': detail.reason,
});

/** RFC 3339 §5.6, without a fraction. */
const dateTime = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');

type Given = Readonly<Record<string, unknown>>;

const recordOf = (given: unknown): Given =>
  typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Given) : {};
const listOf = (given: unknown): readonly unknown[] =>
  Array.isArray(given) ? given.slice(0, listMax) : [];
const textOf = (given: unknown): string | undefined =>
  typeof given === 'string' && given !== '' ? shortText(given) : undefined;
const textsOf = (given: unknown): readonly string[] =>
  (typeof given === 'string' ? [given] : listOf(given)).flatMap((one) => textOf(one) ?? []);
const countOf = (given: unknown): number =>
  typeof given === 'number' && Number.isSafeInteger(given) && given > 0 ? given : 0;

function secondsOf(given: unknown): number {
  const at = typeof given === 'string' ? Date.parse(given) : Number.NaN;
  return Number.isNaN(at) ? 0 : Math.max(0, Math.floor(at / 1000));
}
