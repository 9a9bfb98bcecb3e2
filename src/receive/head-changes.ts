// The head of a message is ours to change when it is taken in: fields are put in front of it, and fields are
// taken out. From here on it is the message: queue, journal and mailboxes carry what is made here, and
// whoever reads it, by whatever way, reads the same. What is in memory is made anew there; what is a file is
// copied, which costs nobody anything but large messages that somebody had forged a field for.
// docs/decisions/0019-policies-and-the-head-of-a-message.md

import { assert } from '../base/assert.ts';
import { scanHeader } from '../mail/header/header.ts';
import { memory, readHeader, union, withoutRanges } from '../mail/header/header-cut.ts';
import { storeCopy } from '../mailbox/lines-only.ts';
import type { Arrival, HeadChange } from '../policy/policy.ts';
import type { StoredContent } from '../store/content.ts';
import type { Spool } from '../store/spool.ts';

/** The message as it came, its header in the head. Limit: of a header of over 1 MiB only that. */
export function arrivalOf(
  content: StoredContent,
  spool: Pick<Spool, 'open'>,
): Arrival | Promise<Arrival> {
  const open = () => spool.open(content);
  if (content.kind === 'file')
    return readHeader(open()).then((head) => ({ content, open, head, header: scanHeader(head) }));
  const { bytes } = content;
  return { content, open, head: bytes, header: scanHeader(bytes, true) };
}

/** The fields put in front, those of the last change first. */
export const fieldsInFront = (changes: readonly HeadChange[]): string =>
  changes.reduce((fields, { front = '' }) => front + fields, '');

/**
 * What stays of the message. On failure the content is there as it was, and nothing else; else nothing
 * of it is in use any more. @throws StorageError
 */
export async function withoutDropped(
  arrival: Arrival,
  changes: readonly HeadChange[],
  spool: Pick<Spool, 'open' | 'create' | 'remove'>,
): Promise<Arrival> {
  const ranges = union(changes.flatMap(({ dropped = [] }) => dropped));
  const last = ranges.at(-1);
  if (last === undefined) return arrival;
  const { content, header } = arrival;
  assert(ranges[0]!.start >= 0 && last.end <= header.end, 'the body is not ours to change');
  if (content.kind === 'inline') {
    const { bytes } = withoutRanges(memory(content.bytes), ranges);
    return arrivalOf({ kind: 'inline', bytes: bytes! }, spool);
  }
  const copy = await storeCopy(withoutRanges(spool.open(content), ranges), spool);
  try {
    const kept = await arrivalOf(copy, spool);
    await spool.remove(content.key);
    return kept;
  } catch (error) {
    if (copy.kind === 'file') await spool.remove(copy.key);
    throw error;
  }
}
