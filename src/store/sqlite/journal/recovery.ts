// Reads what the last process left in the journal: the messages that are still alive. Tells a write
// that the end of a process or of the power cut short, whose 250 never left, from damage: only the
// very last frame can be torn, and nothing of ours follows it.

import { StoreOpenError } from '../../open-error.ts';
import type { JournalDirectory, JournalFile } from './file.ts';
import type { SegmentHead } from './frame.ts';
import { blockBytes, decodeFrame, decodeHead, headBytes } from './frame.ts';
import type { JournaledMessage, JournalRecord } from './record.ts';
import { decodeRecords } from './record.ts';

export interface RecoveredMessage {
  readonly message: JournaledMessage;
  /** Recipients that are not done with. */
  readonly indexes: ReadonlySet<number>;
}

export interface OpenedSegment {
  readonly file: JournalFile;
  readonly head: SegmentHead;
}

export interface Recovered {
  /** Oldest first. */
  readonly segments: readonly OpenedSegment[];
  readonly live: readonly RecoveredMessage[];
  /** Nothing of before has this number, or a greater one. */
  readonly nextSequence: number;
}

/** @throws StoreOpenError naming the file that is damaged, or from a newer version */
export async function recoverJournal(directory: JournalDirectory): Promise<Recovered> {
  const files = await directory.open();
  try {
    const segments: OpenedSegment[] = [];
    for (const file of files) segments.push({ file, head: await headOf(file, directory) });
    segments.sort((a, b) => a.head.generation - b.head.generation);
    return { segments, ...(await replay(segments, directory)) };
  } catch (error) {
    for (const file of files) await file.close().catch(() => {});
    throw error;
  }
}

async function headOf(file: JournalFile, directory: JournalDirectory): Promise<SegmentHead> {
  const read = decodeHead(await file.read(0, headBytes));
  switch (read.kind) {
    case 'head':
      return read.head;
    case 'newer':
      throw new StoreOpenError(
        'newer',
        `${pathOf(file, directory)} was written by a newer Postrider (journal ${read.version}): ` +
          'install that version again',
      );
    case 'none':
      throw damaged(file, directory, 'its beginning cannot be read');
  }
}

async function replay(
  segments: readonly OpenedSegment[],
  directory: JournalDirectory,
): Promise<Pick<Recovered, 'live' | 'nextSequence'>> {
  const live = new Map<string, { message: JournaledMessage; indexes: Set<number> }>();
  const newest = segments.at(-1);
  if (newest === undefined) return { live: [], nextSequence: 1 };
  const { tail } = newest.head;
  const wanted = segments.filter(({ head }) => head.generation >= tail);
  let nextSequence = newest.head.firstSequence;
  for (const [i, { file, head }] of wanted.entries())
    if (head.generation !== tail + i)
      throw damaged(file, directory, 'the file that was written before it is missing');
  for (const [i, segment] of wanted.entries()) {
    const next = wanted[i + 1]?.head.firstSequence;
    nextSequence = await readFrames(segment, next, directory, (record) => apply(record, live));
  }
  return { live: [...live.values()], nextSequence };
}

/** Hands over the segment's records; gives the number of the frame that would have come next. */
async function readFrames(
  { file, head }: OpenedSegment,
  next: number | undefined,
  directory: JournalDirectory,
  take: (record: JournalRecord) => void,
): Promise<number> {
  const segment = Buffer.from(await file.read(0, file.size));
  let sequence = head.firstSequence;
  let at = headBytes;
  for (;;) {
    const frame = decodeFrame(segment, at, head);
    if (frame === undefined || frame.sequence !== sequence) break;
    for (const record of decodeRecords(frame.payload)) take(record);
    sequence += 1;
    at = frame.end;
  }
  if (next !== undefined && sequence !== next)
    throw damaged(file, directory, `it breaks off at octet ${at}`);
  if (next === undefined)
    for (let later = at; later < segment.length; later += blockBytes)
      if (decodeFrame(segment, later, head) !== undefined)
        throw damaged(file, directory, `octet ${at} and what follows cannot be read`);
  return sequence;
}

function apply(
  record: JournalRecord,
  live: Map<string, { message: JournaledMessage; indexes: Set<number> }>,
): void {
  if (record.kind === 'message') {
    const { message } = record;
    live.set(message.id, { message, indexes: new Set(message.recipients.keys()) });
    return;
  }
  const found = live.get(record.id);
  if (found === undefined) return;
  for (const index of record.indexes ?? [...found.indexes]) found.indexes.delete(index);
  if (found.indexes.size === 0) live.delete(record.id);
}

const pathOf = (file: JournalFile, directory: JournalDirectory): string =>
  `${directory.path}/${file.name}`;

const damaged = (file: JournalFile, directory: JournalDirectory, what: string): StoreOpenError =>
  new StoreOpenError(
    'damaged',
    `${pathOf(file, directory)} is damaged: ${what}. Restore the data directory from a backup; or ` +
      `move the folder ${directory.path} away: mail that was accepted in the last seconds before ` +
      'the server ended is then lost',
  );
