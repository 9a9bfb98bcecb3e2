// Uuencoded bodies, for reading their text: `x-uuencode` was a transfer encoding before there was
// base64, and never a standard. POSIX.1 uuencode(1). Linear and total.

const LF = 0x0a;
const SP = 0x20;

/** In lower case. */
export const isUuencode = (encoding: string): boolean => /^(?:x-)?uue?(?:ncode)?$/.test(encoding);

/** The octets between `begin` and `end`, or what there is of them. Nothing, where none begin. */
export function decodeUuencode(body: Uint8Array): Buffer {
  const lines = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const decoded = Buffer.allocUnsafe(lines.length);
  let length = 0;
  let begun = false;
  for (let at = 0; at < lines.length; ) {
    const newline = lines.indexOf(LF, at);
    const end = newline < 0 ? lines.length : newline;
    if (!begun) {
      begun = /^begin [0-7]{3,4} /.test(lines.toString('latin1', at, Math.min(end, at + 12)));
    } else {
      const octets = (lines[at]! - SP) & 0x3f;
      // A line of nothing is the last but one; "end" follows it.
      if (octets === 0 || lines.toString('latin1', at, end).trimEnd() === 'end') break;
      length = decodeLine(lines.subarray(at + 1, end), octets, { into: decoded, at: length });
    }
    at = end + 1;
  }
  return decoded.subarray(0, length);
}

/** Four characters make three octets. */
function decodeLine(line: Buffer, octets: number, target: { into: Buffer; at: number }): number {
  const end = target.at + Math.min(octets, Math.ceil((line.length * 3) / 4));
  let { at } = target;
  for (let i = 0; at < end; i += 4) {
    const group = [0, 1, 2, 3].map((n) => ((line[i + n] ?? SP) - SP) & 0x3f);
    const bits = (group[0]! << 18) | (group[1]! << 12) | (group[2]! << 6) | group[3]!;
    for (const shift of [16, 8, 0]) if (at < end) target.into[at++] = (bits >> shift) & 0xff;
  }
  return end;
}
