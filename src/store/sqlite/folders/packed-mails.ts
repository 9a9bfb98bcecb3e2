// Whole messages on their way between threads: one buffer for all of them. Content that is a file
// stays where it is; only its name travels.

import { freeMemory } from '../../../base/free-memory.ts';
import type { Content } from '../../content.ts';
import { memoryContent, prefixed } from '../../content.ts';
import { blob, integer, text, textOrNull } from '../../row.ts';
import type { Spool } from '../../spool.ts';
import type { PackedMail, PackedMailsRow } from '../requests.ts';

/** email.prefix, content.size, content.file, content.bytes. */
export type WholeRow = readonly [unknown, unknown, unknown, unknown] | undefined;

export function packMails(rows: readonly WholeRow[]): PackedMailsRow {
  const pieces: (string | Uint8Array)[] = [];
  let size = 0;
  const mails = rows.map((row): PackedMail | null => {
    if (row === undefined) return null;
    const [prefix, contentSize, file, bytes] = row;
    let length = Buffer.byteLength(text(prefix));
    pieces.push(text(prefix));
    if (file === null) {
      length += blob(bytes).length;
      pieces.push(blob(bytes));
    }
    size += length;
    return [length, textOrNull(file), integer(contentSize)];
  });
  return { pack: pack(pieces, size), mails };
}

/** One buffer, which can be handed over whole. */
function pack(pieces: readonly (string | Uint8Array)[], size: number): Uint8Array<ArrayBuffer> {
  const packed = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const piece of pieces)
    if (typeof piece === 'string') at += packed.write(piece, at);
    else {
      packed.set(piece, at);
      at += piece.length;
    }
  return packed;
}

export function unpackMails(
  { pack, mails }: PackedMailsRow,
  spool: Spool,
): (Content | undefined)[] {
  let at = 0;
  // Whatever refers to it beside small mail, a prefix, keeps it.
  let inUse = mails.length;
  const share = () => {
    let mine = 1;
    return () => {
      inUse -= mine;
      mine = 0;
      if (inUse === 0) freeMemory(pack);
    };
  };
  return mails.map((mail) => {
    if (mail === null) return undefined;
    const [length, file, size] = mail;
    const bytes = pack.subarray(at, at + length);
    at += length;
    if (file === null) return { ...memoryContent(bytes), free: share() };
    return prefixed(bytes, spool.open({ kind: 'file', key: file, size }));
  });
}
