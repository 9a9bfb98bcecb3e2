// Texts that may be longer than a record: packed then, and kept in pieces. All pieces of a text say which one they are of,
// so that a reader never puts together what two writers wrote.

import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { RecordStore, StoredRecord } from '../../store/record-store.ts';
import { recordCharactersMax } from '../../store/record-store.ts';

const pack = promisify(deflateRaw);
const unpack = promisify(inflateRaw);

/** Limits: characters of a piece beside its name, and pieces. What is packed in them is some million single UIDs four times. */
const pieceCharacters = recordCharactersMax - 1024;
const piecesMax = 64;
const textBytesMax = 64 * 2 ** 20;
/** Readers that meet a writer look again. */
const looksMax = 3;

export interface LongText {
  readonly kind: string;
  readonly key: string;
  readonly text: string;
  readonly expires: number;
  /** How many pieces the text before it has: those that this one has no use for go. */
  readonly piecesBefore: number;
}

/** Durable when it resolves: how many pieces it has. @throws RangeError when it is too long even packed. */
export async function putLong(records: RecordStore, long: LongText): Promise<number> {
  const { kind, key, piecesBefore } = long;
  const put = await written(long);
  await records.put(put);
  const count = put.length - 1;
  const left = Array.from({ length: Math.max(0, piecesBefore - count) }, (_, i) => count + i);
  await records.remove(
    kind,
    left.map((i) => pieceKey(key, i)),
  );
  return count;
}

/** The record by which it is found, then its pieces. */
async function written({ kind, key, text, expires }: LongText): Promise<readonly StoredRecord[]> {
  if (text.length <= pieceCharacters) return [{ kind, key, value: text, expires }];
  const packed = (await pack(text, { level: 1 })).toString('base64');
  const count = Math.ceil(packed.length / pieceCharacters);
  if (count > piecesMax || text.length > textBytesMax)
    throw new RangeError(`${text.length} characters are too many`);
  // Another one for each text.
  const name = hash('sha256', packed, 'base64url');
  const pieces = Array.from({ length: count }, (_, i): StoredRecord => {
    const piece = packed.slice(i * pieceCharacters, (i + 1) * pieceCharacters);
    return { ...{ kind, expires }, key: pieceKey(key, i), value: `${name} ${piece}` };
  });
  return [{ kind, key, value: `${packedMark}${count} ${name}`, expires }, ...pieces];
}

/** No JSON begins with it. */
const packedMark = 'packed ';
const pieceKey = (key: string, i: number): string => `${key} ${i + 1}`;

export interface FoundText {
  /** Undefined where there is none, or not all of it. */
  readonly text: string | undefined;
  readonly pieces: number;
}

export async function getLong(records: RecordStore, kind: string, key: string): Promise<FoundText> {
  let count = 0;
  for (let looks = 0; looks < looksMax; looks += 1) {
    const head = (await records.get(kind, key))?.value;
    if (!head?.startsWith(packedMark)) return { text: head, pieces: 0 };
    const [, named, name] = head.split(' ');
    count = Number(named);
    const pieces = await Promise.all(
      Array.from({ length: count }, (_, i) => records.get(kind, pieceKey(key, i))),
    );
    const front = `${name} `;
    if (!pieces.every((piece) => piece?.value.startsWith(front))) continue;
    const packed = pieces.map((piece) => piece!.value.slice(front.length)).join('');
    const text = await unpack(Buffer.from(packed, 'base64'), { maxOutputLength: textBytesMax });
    return { text: String(text), pieces: count };
  }
  return { text: undefined, pieces: count };
}
