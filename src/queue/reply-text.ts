// Replies as people and reports read them: on one line, bounded, without control characters.

import type { Reply } from '../smtp/reply.ts';
import { enhancedStatus } from '../smtp/reply.ts';

/** Limit: RFC 5321 §4.5.3.1.5 allows 512 octets a line; several lines may matter. */
const textCharactersMax = 1000;

/** `550 5.1.1 No such user` */
export function replyText(reply: Reply): string {
  const status = enhancedStatus(reply);
  const words = reply.lines.length === 1 ? reply.lines[0] : reply.lines.join(' ');
  const code = status === undefined ? `${reply.code}` : `${reply.code} ${status}`;
  const text = words === '' ? code : `${code} ${words}`;
  return text.length <= textCharactersMax ? text : `${text.slice(0, textCharactersMax)}…`;
}

/**
 * The status for a report. RFC 3461 §6.3 (g): 4.0.0 or 5.0.0 where nothing better is known.
 * RFC 3463 §2: 2.X.X for success.
 */
export const replyStatus = (reply: Reply): string =>
  enhancedStatus(reply) ?? `${Math.floor(reply.code / 100)}.0.0`;
