// Reads the files of a history from where it was left, line by line, while they are written and rotated.

import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type HistoryEvent, historyLineBytesMax } from '../history.ts';

export interface DiaryPosition {
  /** 0: before the first. */
  readonly file: number;
  /** Which file that was, of those that had its name: of its first line, which is the same on another disk. */
  readonly identity: string;
  readonly offset: number;
}

export const diaryBegin: DiaryPosition = { file: 0, identity: '', offset: 0 };

export interface DiarySlice {
  readonly events: readonly HistoryEvent[];
  readonly position: DiaryPosition;
}

/** Octets that one slice looks at. */
const sliceBytes = 256 * 1024;

/** Limit: octets of a first line that are looked at: ids and moments stand at its beginning. */
const headBytes = 1024;

/**
 * What comes behind a position, a part of it; undefined when there is nothing more yet. `lost`: the files are not
 * those that the position was taken from.
 */
export function readDiary(
  directory: string,
  position: DiaryPosition,
): DiarySlice | 'lost' | undefined {
  const files = diaryFiles(directory);
  if (files.length === 0) return position.file === 0 ? undefined : 'lost';
  if (position.file > files.at(-1)!) return 'lost';
  // Those that were removed since have been read, or never will be.
  const file = files.find((one) => one >= position.file)!;
  const from = file === position.file ? position : { file, identity: '', offset: 0 };
  const read = readSlice(join(directory, fileName(file)), from);
  if (read === 'lost') return 'lost';
  if (read !== undefined) return read;
  const next = files.find((one) => one > file);
  return next === undefined
    ? undefined
    : { events: [], position: { file: next, identity: '', offset: 0 } };
}

/** Numbers of the files there are, ascending. */
export function diaryFiles(directory: string): readonly number[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d{6,15}\.jsonl$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
}

function readSlice(path: string, from: DiaryPosition): DiarySlice | 'lost' | undefined {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch {
    return undefined; // rotated away meanwhile
  }
  try {
    const { size } = fstatSync(handle);
    const identity = identityOf(handle);
    if (size < from.offset || (from.identity !== '' && identity !== from.identity)) return 'lost';
    const lines = linesAt(handle, from.offset, size);
    if (lines === undefined) return undefined;
    const { text, length } = lines;
    return {
      events: eventsIn(text),
      position: { file: from.file, identity, offset: from.offset + length },
    };
  } finally {
    closeSync(handle);
  }
}

/** Whole lines, as many as a slice has, one at least; undefined where none is whole yet. */
function linesAt(
  handle: number,
  offset: number,
  size: number,
): { readonly text: string; readonly length: number } | undefined {
  for (let most = sliceBytes; ; most *= 2) {
    const buffer = Buffer.allocUnsafe(Math.min(most, size - offset));
    const length = readSync(handle, buffer, 0, buffer.length, offset);
    const end = length === 0 ? 0 : buffer.lastIndexOf(0x0a, length - 1) + 1;
    if (end > 0) return { text: buffer.toString('utf8', 0, end), length: end };
    // A line that is being written.
    if (length < most) return undefined;
    // It is longer than any of ours: damage.
    if (most >= historyLineBytesMax) return { text: '', length };
  }
}

function identityOf(handle: number): string {
  const head = Buffer.alloc(headBytes);
  const length = readSync(handle, head, 0, headBytes, 0);
  const end = head.subarray(0, length).indexOf(0x0a);
  const line = head.subarray(0, end < 0 ? length : end);
  return createHash('sha256').update(line).digest('base64url');
}

function eventsIn(lines: string): readonly HistoryEvent[] {
  const events: HistoryEvent[] = [];
  for (const line of lines.split('\n')) {
    if (line === '') continue;
    try {
      events.push(JSON.parse(line) as HistoryEvent);
    } catch {
      // Torn by a crash.
    }
  }
  return events;
}

const fileName = (number: number): string => `${String(number).padStart(6, '0')}.jsonl`;
