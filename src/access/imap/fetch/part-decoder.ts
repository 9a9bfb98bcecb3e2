// A body without its transfer encoding, piece by piece: what decodeTransferEncoding does, for bodies
// that are too large to be held. RFC 2045 §6, RFC 3516 §4.2.

import { isIdentityEncoding } from '../../../mail/mime/mime-part.ts';
import { decodeTransferEncoding } from '../../../mail/mime/transfer-decoding.ts';

type Pieces = AsyncIterable<Uint8Array>;

const LF = 0x0a;
const EQUALS = 0x3d;
/** Limit: a line of quoted-printable is cut here, though RFC 2045 §6.7 allows 76 characters. */
const lineMax = 2 ** 20;

/** Undefined for an encoding nobody knows. */
export function decodePieces(pieces: Pieces, encoding: string): Pieces | undefined {
  if (isIdentityEncoding(encoding)) return pieces;
  if (encoding === 'base64') return decodeBy(pieces, encoding, base64Cut);
  if (encoding === 'quoted-printable') return decodeBy(pieces, encoding, lineCut);
  return undefined;
}

/** `cut` says how much of what there is can be decoded by itself. */
async function* decodeBy(pieces: Pieces, encoding: string, cut: (bytes: Uint8Array) => number) {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    if (encoding === 'base64' && piece.includes(EQUALS)) {
      // RFC 2045 §6.8: "=" ends the data.
      yield decodeTransferEncoding(bytes, encoding)!;
      return;
    }
    const end = cut(bytes);
    rest = bytes.subarray(end);
    if (end > 0) yield decodeTransferEncoding(bytes.subarray(0, end), encoding)!;
  }
  if (rest.length > 0) yield decodeTransferEncoding(rest, encoding)!;
}

const lineCut = (bytes: Uint8Array): number => {
  const end = bytes.lastIndexOf(LF) + 1;
  return end === 0 && bytes.length > lineMax ? bytes.length : end;
};

/** After a whole group of four characters. */
function base64Cut(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (isBase64(byte)) count += 1;
  let extra = count % 4;
  let end = bytes.length;
  while (extra > 0) {
    end -= 1;
    if (isBase64(bytes[end]!)) extra -= 1;
  }
  return end;
}

const isBase64 = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x2b ||
  byte === 0x2f;
