// UTF-7: RFC 2152. Total and linear.

const PLUS = 0x2b;
const MINUS = 0x2d;
const minus = Buffer.of(MINUS);

/** May have halves of surrogate pairs. What is no base64 stands for itself. */
export function decodeUtf7(octets: Uint8Array): string {
  // Each unit takes at least one octet.
  const units = Buffer.allocUnsafe(2 * octets.length);
  let length = 0;
  const add = (unit: number): void => {
    length = units.writeUInt16LE(unit, length);
  };
  let inBase64 = false;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < octets.length; i += 1) {
    const octet = octets[i]!;
    const digit = inBase64 ? base64Digit(octet) : -1;
    if (digit >= 0) {
      held = ((held << 6) | digit) & 0x3fffff;
      bits += 6;
      if (bits < 16) continue;
      bits -= 16;
      add((held >> bits) & 0xffff);
    } else if (!inBase64 && octet === PLUS) {
      // RFC 2152 rule 2: "+-" is a plus.
      inBase64 = octets[i + 1] !== MINUS;
      [bits, held] = [0, 0];
      if (inBase64) continue;
      add(PLUS);
      i += 1;
    } else {
      if (!inBase64 || octet !== MINUS) add(octet);
      inBase64 = false;
    }
  }
  return units.toString('utf16le', 0, length);
}

/**
 * Pieces of which each is a text of its own, as one: base64 ends where its piece does, unless it ends
 * in the middle of a character.
 */
export function joinUtf7(pieces: readonly Uint8Array[]): Buffer {
  const joined: Uint8Array[] = [];
  let inBase64 = false;
  let digits = 0;
  let last = 0;
  for (const piece of pieces) {
    for (const octet of piece) {
      const digit = inBase64 ? base64Digit(octet) : -1;
      if (digit >= 0) [digits, last] = [digits + 1, digit];
      else if (!inBase64 && octet === PLUS) [inBase64, digits] = [true, 0];
      else inBase64 = false;
    }
    joined.push(piece);
    // RFC 2152 rule 2: UTF-16 in base64, its last digit filled up with less than six zero bits.
    const rest = (digits * 6) % 16;
    if (!inBase64 || digits === 0 || rest >= 6 || (last & ((1 << rest) - 1)) !== 0) continue;
    joined.push(minus);
    inBase64 = false;
  }
  return Buffer.concat(joined);
}

function base64Digit(octet: number): number {
  if (octet >= 0x41 && octet <= 0x5a) return octet - 0x41;
  if (octet >= 0x61 && octet <= 0x7a) return octet - 0x61 + 26;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30 + 52;
  return octet === PLUS ? 62 : octet === 0x2f ? 63 : -1;
}
