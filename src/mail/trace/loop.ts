// Mail loops. RFC 5321 §6.3: a message that has passed very many hosts, or this one again and
// again, will never arrive and must be stopped. Pure and linear in the header.
//
// Our own name may come back honestly: an alias leads outside and the other side forwards to us, a
// content filter hands a message back, a list resends. Such paths are short; a loop has no end.

import { HeaderWalk } from '../header/header-walk.ts';

/** Limit: RFC 5321 §6.3 asks for a "large rejection threshold, normally at least 100". */
export const receivedFieldsMax = 100;
/** Limit: how often a message may have been here before. Honest paths lead here twice at most. */
export const ownReceivedFieldsMax = 4;

/** Assignable to a Reply, which belongs to the floor above. */
export interface LoopRefusal {
  readonly code: number;
  readonly detail: '4.6';
  readonly lines: readonly [string];
}

// RFC 3463 §3.5: X.4.6, routing loop detected.
const tooManyHops: LoopRefusal = {
  code: 554,
  detail: '4.6',
  lines: ['Too many hops: the message has too many Received fields'],
};
const backAgain: LoopRefusal = {
  code: 554,
  detail: '4.6',
  lines: ['Mail loop: the message has been here too often already'],
};

/**
 * The refusal, if these header octets are those of a message that goes round in circles. `received`:
 * how many Received fields they hold, as scanHeader has counted; few need no second look.
 */
export function mailLoop(
  header: Uint8Array,
  hostname: string,
  fieldsMax = receivedFieldsMax,
  received = Number.POSITIVE_INFINITY,
): LoopRefusal | undefined {
  if (received <= Math.min(fieldsMax, ownReceivedFieldsMax)) return undefined;
  const { all, ours } = countReceived(header, hostname);
  if (all > fieldsMax) return tooManyHops;
  return ours > ownReceivedFieldsMax ? backAgain : undefined;
}

/** How many Received fields there are, and how many of them say `by` our own name. */
export function countReceived(
  header: Uint8Array,
  hostname: string,
): { readonly all: number; readonly ours: number } {
  const ourName = hostname.toLowerCase();
  let all = 0;
  let ours = 0;
  const walk = new HeaderWalk(header);
  while (walk.next()) {
    if (walk.nameLength !== received.length || !walk.isNamed(received)) continue;
    all += 1;
    // Limit: what is longer than a line of RFC 5322 names no `by` that we wrote.
    if (isBy(latin1(header, walk.colon + 1, Math.min(walk.end, walk.start + 1_000)), ourName))
      ours += 1;
  }
  return { all, ours };
}

const received = 'received';

/** RFC 5321 §4.4: By-domain = CFWS "BY" FWS Extended-Domain */
function isBy(field: string, ourName: string): boolean {
  const text = field.toLowerCase();
  for (let at = text.indexOf(ourName); at >= 0; at = text.indexOf(ourName, at + 1)) {
    const after = text[at + ourName.length] ?? ' ';
    if (!/[\s;(]/.test(after)) continue;
    const before = text.slice(0, at);
    const word = before.trimEnd();
    if (word.length < before.length && /(?:^|[\s)])by$/.test(word.slice(-3))) return true;
  }
  return false;
}

const latin1 = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);
