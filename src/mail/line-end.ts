// Looks for the ends of lines in message content. Nearly all octets of mail are printable: eight of
// them that are cost little more than one looked at alone.

const CR = 0x0d;
const LF = 0x0a;

/** A view through which newlineAt() reads octets four at a time, wherever they lie. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where the first CR or LF is, from `start` on and before `end`; `end` if there is none. */
export function newlineAt(view: DataView, start: number, end: number): number {
  let at = start;
  while (at < end) {
    while (at + 8 <= end && isPlain(view.getInt32(at), view.getInt32(at + 4))) at += 8;
    for (const stop = Math.min(at + 8, end); at < stop; at += 1) {
      const octet = view.getUint8(at);
      if (octet <= CR && (octet === CR || octet === LF)) return at;
    }
  }
  return end;
}

/** None of the eight octets is 13 or less: taking 14 from one that is borrows from its highest bit. */
const isPlain = (a: number, b: number): boolean =>
  ((((a - 0x0e0e0e0e) & ~a) | ((b - 0x0e0e0e0e) & ~b)) & 0x80808080) === 0;
