// Replies: a code, an enhanced status, and text. RFC 5321 §4.2, RFC 2034, RFC 3463.

import { assert } from '../base/assert.ts';

/** The `subject.detail` of RFC 3463. The class before it is never written: it is the code's. */
export type Detail = `${number}.${number}`;

export interface Reply {
  readonly code: number;
  /** Absent in the greeting, in the replies to EHLO and HELO, and in 3yz. RFC 2034 §4. */
  readonly detail: Detail | undefined;
  readonly lines: readonly [string, ...string[]];
}

/** @throws AssertionError for a code outside 200-599, a status on a 3yz, CR or LF in the text. */
export function reply(
  code: number,
  detail: Detail | undefined,
  ...lines: [string, ...string[]]
): Reply {
  assert(code >= 200 && code <= 599, 'a reply code is 2yz to 5yz');
  assert(detail === undefined || code < 300 || code >= 400, 'no enhanced status in 3yz');
  for (const line of lines) assert(!/[\r\n]/.test(line), 'reply text is a single line');
  return { code, detail, lines };
}

export const isPositive = (r: Reply): boolean => r.code < 400;
export const isTransient = (r: Reply): boolean => r.code >= 400 && r.code < 500;
export const isPermanent = (r: Reply): boolean => r.code >= 500;

/** The status as RFC 3463 writes it, `5.1.1`, or undefined where the reply has none. */
export const enhancedStatus = ({ code, detail }: Reply): string | undefined =>
  detail === undefined ? undefined : `${Math.floor(code / 100)}.${detail}`;

export function formatReply(r: Reply): string {
  const status = enhancedStatus(r);
  const prefix = status === undefined ? '' : `${status} `;
  if (r.lines.length === 1) return `${r.code} ${prefix}${r.lines[0]}\r\n`; // nearly all of them
  const last = r.lines.length - 1;
  return r.lines
    .map((text, i) => `${r.code}${i === last ? ' ' : '-'}${prefix}${text}\r\n`)
    .join('');
}
