// FETCH items that the columns of an open folder answer: written a hundred thousand times in a row, so
// that each is a function of the row and nothing is looked up twice. RFC 9051 §7.5.2, RFC 7162 §3.1.4,
// RFC 8474 §5, RFC 8514.

import type { FetchItem } from '../../../imap/command.ts';
import type { FolderRows } from '../../../mailbox/folder-rows.ts';
import { emailId } from '../../../store/object-id.ts';
import { dateTimeText } from '../dates.ts';
import type { Voice } from '../voice.ts';

/** Flags are what one session sees: \Recent is among them. */
interface FlagsSource {
  flagsText(row: number): string;
}

export type Writer = (rows: FolderRows, row: number) => string;

const writers: ReadonlyMap<string, Writer> = new Map<string, Writer>([
  ['UID', (rows, row) => `UID ${rows.uid[row]}`],
  ['INTERNALDATE', (rows, row) => `INTERNALDATE ${dateTimeText(rows.received[row]!)}`],
  ['RFC822.SIZE', (rows, row) => `RFC822.SIZE ${rows.size[row]}`],
  ['MODSEQ', (rows, row) => `MODSEQ (${rows.modseq[row]})`],
  ['EMAILID', (rows, row) => `EMAILID (${emailId(rows.email[row]!)})`],
  // RFC 8474 §5.2: NIL where threads have no identifiers.
  ['THREADID', () => 'THREADID NIL'],
  ['SAVEDATE', (rows, row) => `SAVEDATE ${dateTimeText(rows.saved[row]!)}`],
]);

export const isColumnItem = ({ kind }: FetchItem): boolean => kind === 'FLAGS' || writers.has(kind);

export const writerOf = (kind: string, selected: FlagsSource): Writer =>
  kind === 'FLAGS' ? (_, row) => `FLAGS ${selected.flagsText(row)}` : writers.get(kind)!;

/** All of them in a row, separated by spaces. */
export function joinWriters(kinds: readonly string[], selected: FlagsSource): Writer {
  const all = kinds.map((kind) => writerOf(kind, selected));
  const [one, two, three, four] = all;
  // What clients ask for most is worth a line each.
  if (one !== undefined && two === undefined) return one;
  if (one && two && three && four && all.length === 4)
    return (rows, row) =>
      `${one(rows, row)} ${two(rows, row)} ${three(rows, row)} ${four(rows, row)}`;
  return (rows, row) => all.map((write) => write(rows, row)).join(' ');
}

/** Whether the response tells all that an update of the flags would. RFC 7162 §3.1.4.2. */
export function tellsFlags(kinds: readonly string[], voice: Pick<Voice, 'isEnabled'>): boolean {
  return kinds.includes('FLAGS') && (!voice.isEnabled('CONDSTORE') || kinds.includes('MODSEQ'));
}
