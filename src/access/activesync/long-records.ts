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
}

/** Durable when it resolves. @throws RangeError when it is too long even packed. */
export async function putLong(records: RecordStore, long: LongText): Promise<void> {
  const { kind, key, text, expires } = long;
  if (text.length <= pieceCharacters) return records.put([{ kind, key, value: text, expires }]);
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
  // Limit: pieces of a longer text before are left to expire, or to whoever forgets all that begins with the key.
  await records.put([{ kind, key, value: `${packedMark}${count} ${name}`, expires }, ...pieces]);
}

/** No JSON begins with it. */
const packedMark = 'packed ';
const pieceKey = (key: string, i: number): string => `${key} ${i + 1}`;

/** Undefined where there is none, or not all of it. */
export async function getLong(
  records: RecordStore,
  kind: string,
  key: string,
): Promise<string | undefined> {
  for (let looks = 0; looks < looksMax; looks += 1) {
    const head = (await records.get(kind, key))?.value;
    if (!head?.startsWith(packedMark)) return head;
    const [, count, name] = head.split(' ');
    const pieces = await Promise.all(
      Array.from({ length: Number(count) }, (_, i) => records.get(kind, pieceKey(key, i))),
    );
    const front = `${name} `;
    if (!pieces.every((piece) => piece?.value.startsWith(front))) continue;
    const packed = pieces.map((piece) => piece!.value.slice(front.length)).join('');
    return String(await unpack(Buffer.from(packed, 'base64'), { maxOutputLength: textBytesMax }));
  }
  return undefined;
}
