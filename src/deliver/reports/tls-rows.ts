// What came of TLS with a host, as a row of the report that the domain gets; and from a day's rows that report.
// RFC 8460 §4.

import type { CountedDay } from '../../report/daily-counts.ts';
import type { TlsFailure, TlsReport, TlsReportPolicy } from '../../report/tls-report.ts';
import type { TlsPolicy, TlsResult, TlsSession } from '../../report/tls-session.ts';

interface TlsRow {
  readonly policy: TlsPolicy;
  readonly result: TlsResult;
  /** Of what failed: who it was, and why. */
  readonly mxHost?: string | undefined;
  readonly address?: string | undefined;
  readonly reason?: string | undefined;
}

/** Limit: characters of a reason, of a policy's line, and lines of a policy. */
const textMax = 300;
const linesMax = 50;

export function tlsRow({ policy, result, mxHost, address, reason }: TlsSession): string {
  const { type, strings, mxHosts } = policy;
  const short = (texts: readonly string[] | undefined) =>
    texts?.slice(0, linesMax).map((text) => text.slice(0, textMax));
  const under = { type, strings: short(strings), mxHosts: short(mxHosts) };
  const row: TlsRow =
    result === 'success'
      ? { policy: under, result }
      : { policy: under, result, mxHost, address, reason: reason?.slice(0, textMax) };
  return JSON.stringify(row);
}

export type TlsReporter = Pick<TlsReport, 'organization' | 'contact' | 'id'>;

/** One entry for each policy that was in force. */
export function tlsReport(
  { begin, end, domain, rows }: CountedDay,
  reporter: TlsReporter,
): TlsReport {
  const counted = rows.map(({ row, count }) => ({ ...(JSON.parse(row) as TlsRow), count }));
  const policies = Map.groupBy(counted, ({ policy }) => JSON.stringify(policy));
  return {
    ...{ ...reporter, begin, end },
    policies: [...policies.values()].map((same): TlsReportPolicy => {
      const { type, strings = [], mxHosts = [] } = same[0]!.policy;
      const failed = same.filter(({ result }) => result !== 'success');
      const count = (of: typeof same) => of.reduce((sum, one) => sum + one.count, 0);
      return {
        ...{ type, strings, domain, mxHosts },
        successes: count(same) - count(failed),
        failures: count(failed),
        details: failed
          .sort((a, b) => b.count - a.count)
          .map(
            ({ result, mxHost, address, reason, count: sessions }): TlsFailure => ({
              ...{ result, count: sessions, mxHost, receivingIp: address, reason },
            }),
          ),
      };
    }),
  };
}
