// Authentication-Results: RFC 8601. Who says to have checked a message.

import { domainKey } from '../fields/address.ts';
import { withoutComments } from '../fields/comment.ts';
import type { Range } from '../header/header-cut.ts';
import { fieldsNamed, memory, union, withoutRanges } from '../header/header-cut.ts';

/** RFC 8601 §2.2: the authserv-id and its version. */
interface Author {
  readonly id: string;
  /** Undefined where none is given, which means 1. */
  readonly version: string | undefined;
}

/** Limit: how often the rest is looked at anew. Honest mail needs one look. */
const looksMax = 8;

/**
 * Where the fields of a stranger's message are that nobody but us may have written, in order: those in our
 * name, and those of a version that nobody knows. RFC 8601 §5: both MUST be removed. Without them the
 * rest may be read otherwise (header-walk.ts: lines may be astray within so many octets), so it is looked at
 * again. Undefined where that has no end: who made that meant it.
 */
export function forgedResults(head: Uint8Array, hostname: string): readonly Range[] | undefined {
  const ours = domainKey(hostname);
  let all: readonly Range[] = [];
  let rest = head;
  for (let looks = 0; looks < looksMax; looks += 1) {
    const found = forgedIn(rest, ours);
    if (found.length === 0) return all;
    all = union([...all, ...found.map((range) => inWhole(range, all))]);
    rest = withoutRanges(memory(head), all).bytes!;
  }
  return undefined;
}

const forgedIn = (head: Uint8Array, ours: string): readonly Range[] =>
  fieldsNamed(head, 'authentication-results').filter(({ start, end }) => {
    const author = authorOf(head.subarray(start, end));
    if (author === 'far off') return true;
    const { id, version } = author;
    // RFC 8601 §5: "In the case of EAI-formatted messages, this test is done after converting".
    return domainKey(id) === ours || (version !== undefined && !/^0*1$/.test(version));
  });

/** What is a range of the rest, in the octets with the ranges that were left out of it. */
function inWhole({ start, end }: Range, leftOut: readonly Range[]): Range {
  let from = start;
  let to = end;
  for (const range of leftOut) {
    const length = range.end - range.start;
    if (range.start <= from) from += length;
    if (range.start < to) to += length;
  }
  return { start: from, end: to };
}

/** Limit: what is looked at of a field. RFC 5321 §4.5.3.1.2: a domain has 255 octets. */
const valueBytesMax = 4_096;

/**
 * RFC 8601 §2.2: authres-payload = [CFWS] authserv-id [ CFWS authres-version ]; authserv-id = value, a
 * token or a quoted string (RFC 2045 §5.1). Read with a generous eye,
 * as its readers may; Field: Outlook.com writes results where the name should be.
 */
function authorOf(field: Uint8Array): Author | 'far off' {
  const text = Buffer.from(field.subarray(0, valueBytesMax)).toString('utf8');
  const value = withoutComments(text.slice(text.indexOf(':') + 1).replace(/\r?\n/g, ''));
  const [payload = '', ...results] = value.split(';', 2);
  // Nobody honest has so much before the first result: whom it names may stand behind a long comment.
  if (field.length > valueBytesMax && results.length === 0) return 'far off';
  const [, quoted, token = '', version] =
    /^[\s\x00-\x1f]*(?:"((?:\\.|[^"\\])*)"?|([^\s"]*))(?:[\s\x00-\x1f]+(\d+)\s*$)?/s.exec(
      payload,
    ) ?? [];
  const id = (quoted?.replace(/\\(.)/gs, '$1') ?? token).trim().replace(/\.$/, '');
  return { id, version };
}
