// SORT: RFC 5256 §3 and, for display names, RFC 5957 §3. A pure function over what is known of each
// message. Text is compared as it was made ready by casemap.ts.

import type { SortCriterion } from './command.ts';

export interface SortRow {
  /** RFC 5256 §2.2, in milliseconds. */
  readonly sent: number;
  /** Internal date. */
  readonly arrival: number;
  readonly size: number;
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly displayFrom: string;
  readonly displayTo: string;
}

type Compare = (one: SortRow, other: SortRow) => number;

const byNumber =
  (key: 'sent' | 'arrival' | 'size'): Compare =>
  (one, other) =>
    one[key] - other[key];

const byText =
  (key: 'subject' | 'from' | 'to' | 'cc' | 'displayFrom' | 'displayTo'): Compare =>
  (one, other) =>
    one[key] < other[key] ? -1 : one[key] > other[key] ? 1 : 0;

const comparisons: Record<SortCriterion['key'], Compare> = {
  ARRIVAL: byNumber('arrival'),
  CC: byText('cc'),
  DATE: byNumber('sent'),
  DISPLAYFROM: byText('displayFrom'),
  DISPLAYTO: byText('displayTo'),
  FROM: byText('from'),
  SIZE: byNumber('size'),
  SUBJECT: byText('subject'),
  TO: byText('to'),
};

/**
 * `rows` are in the order of the mailbox, which is what decides where all criteria are equal, REVERSE
 * or not: RFC 5256 §3.
 */
export function sortRows<Row extends SortRow>(
  rows: readonly Row[],
  criteria: readonly SortCriterion[],
): Row[] {
  return rows.toSorted(comparison(criteria));
}

function comparison(criteria: readonly SortCriterion[]): Compare {
  const compares = criteria.map(({ key, reverse }): Compare => {
    const compare = comparisons[key];
    return reverse ? (one, other) => compare(other, one) : compare;
  });
  const [only] = compares;
  if (only !== undefined && compares.length === 1) return only;
  return (one, other) => {
    for (const compare of compares) {
      const order = compare(one, other);
      if (order !== 0) return order;
    }
    return 0;
  };
}
