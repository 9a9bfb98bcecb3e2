// What bodies are made of, as far as a conversion has to know it (transfer-encoding.ts). RFC 5322 §2.1.1,
// RFC 2045 §2.

const CR = 0x0d;
const SP = 0x20;
const TAB = 0x09;

/** RFC 5322 §2.1.1. */
export const lineBytesMax = 998;

/** What a body is made of; of a multipart: what stands outside its parts. */
export interface Measure {
  readonly octets: number;
  readonly eightBit: number;
  /** Octets that quoted-printable has to escape. */
  readonly escaped: number;
  readonly hasNul: boolean;
  /** A CR or LF that is not half of a CRLF. */
  readonly hasBareNewline: boolean;
  /** A line of more than 998 octets. RFC 5322 §2.1.1. */
  readonly hasLongLine: boolean;
  /** Whether the octets are UTF-8. Only known of bodies without a Content-Type. */
  readonly isUtf8: boolean;
  readonly headerHas8Bit: boolean;
  readonly headerHasLongLine: boolean;
}

export type MeasureInProgress = { -readonly [K in keyof Measure]: Measure[K] };

export const nothingMeasured = (): MeasureInProgress => ({
  octets: 0,
  eightBit: 0,
  escaped: 0,
  hasNul: false,
  hasBareNewline: false,
  hasLongLine: false,
  isUtf8: false,
  headerHas8Bit: false,
  headerHasLongLine: false,
});

/** A line of a body, or a piece of one: `lineLength` octets of it came before; `ended`: its LF is there. */
export function measureLine(
  measure: MeasureInProgress,
  bytes: Uint8Array,
  { start, end, ended, lineLength }: LinePiece,
): void {
  const newline = ended ? (bytes[end - 2] === CR && end - start > 1 ? 2 : 1) : 0;
  const textEnd = end - newline;
  let { eightBit, escaped } = measure;
  for (let i = start; i < textEnd; i += 1) {
    const octet = bytes[i]!;
    if (octet > 0x7e || octet === 0x3d) {
      escaped += 1;
      if (octet >= 0x80) eightBit += 1;
    } else if (octet < SP && octet !== TAB) {
      escaped += 1;
      if (octet === 0) measure.hasNul = true;
      if (octet === CR) measure.hasBareNewline = true;
    }
  }
  if (newline === 1) measure.hasBareNewline = true;
  if (lineLength + textEnd - start > lineBytesMax) measure.hasLongLine = true;
  measure.octets += end - start;
  measure.eightBit = eightBit;
  measure.escaped = escaped;
}

interface LinePiece {
  readonly start: number;
  readonly end: number;
  readonly ended: boolean;
  readonly lineLength: number;
}

/** A decoder that has seen the octets too, or none if they were no UTF-8. */
export function continueUtf8(decoder: TextDecoder | undefined, bytes: Uint8Array) {
  try {
    decoder?.decode(bytes, { stream: true });
    return decoder;
  } catch {
    return undefined;
  }
}

export function endsUtf8(decoder: TextDecoder | undefined): boolean {
  try {
    return decoder?.decode() !== undefined;
  } catch {
    return false;
  }
}
