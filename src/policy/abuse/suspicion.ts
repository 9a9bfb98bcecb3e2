// What weak signs add up to. Each rule that finds something odd about a client says so with points; here they
// are summed, and told: enough of them refuse the mail, or put it into Junk. Mail of few points is like any other.

import type { Finding } from '../../mail/finding.ts';
import { reply } from '../../smtp/reply.ts';
import type { Policy } from '../policy.ts';

export type Suspicion = Extract<Finding, { kind: 'suspicion' }>;

/** The names of the configuration's `suspicion`; 0: never. */
export interface SuspicionThresholds {
  readonly rejectAt: number;
  readonly greylistAt: number;
  readonly junkAt: number;
}

export const isSuspicion = (finding: Finding): finding is Suspicion => finding.kind === 'suspicion';

export const pointsOf = (findings: readonly Finding[]): number =>
  findings.reduce((sum, one) => (isSuspicion(one) ? sum + one.points : sum), 0);

/** The points of `sign`, or nothing where it has none. */
export function suspicionOf(sign: Omit<Suspicion, 'kind'>): readonly Suspicion[] {
  return sign.points === 0 ? [] : [{ kind: 'suspicion', ...sign }];
}

const reaches = (points: number, threshold: number): boolean =>
  threshold > 0 && points >= threshold;

export const isSuspicious = (
  findings: readonly Finding[],
  { greylistAt }: Pick<SuspicionThresholds, 'greylistAt'>,
): boolean => reaches(pointsOf(findings), greylistAt);

/** Whether `more` points would change what becomes of the mail. */
export function wouldMatter(
  findings: readonly Finding[],
  more: number,
  { rejectAt, greylistAt, junkAt }: SuspicionThresholds,
): boolean {
  const points = pointsOf(findings);
  return [rejectAt, greylistAt, junkAt].some(
    (threshold) => !reaches(points, threshold) && reaches(points + more, threshold),
  );
}

export function suspicion(thresholds: () => SuspicionThresholds): Policy {
  return {
    name: 'suspicion',
    rcpt({ findings }) {
      if (!findings.some(isSuspicion)) return undefined;
      if (!reaches(pointsOf(findings), thresholds().rejectAt)) return undefined;
      const signs = findings.filter(isSuspicion).filter(({ points }) => points > 0);
      // RFC 3463 §3.8: X.7.1. RFC 5782 §2.1: the words name the list, so that one can ask there.
      const text = signs.map((one) => one.text).join('; ');
      return { objection: reply(550, '7.1', `Refused: ${text.slice(0, wordsMax)}`) };
    },
    message({ findings }) {
      if (!findings.some(isSuspicion)) return undefined;
      const points = pointsOf(findings);
      if (!reaches(points, thresholds().junkAt)) return undefined;
      const junk = { kind: 'filter', filter: 'suspicion', junk: true } as const;
      return { findings: [{ ...junk, verdict: `${points} points, Junk` }] };
    },
  };
}

/** Limit: RFC 5321 §4.5.3.1.5 allows lines of 512 octets. */
const wordsMax = 400;
