// Charsets of seven bits that change what their octets mean on the way: ISO-2022-JP (RFC 1468, RFC 1554,
// RFC 2237, Microsoft's variants, JIS X 0213), ISO-2022-KR (RFC 1557), ISO-2022-CN (RFC 1922) and HZ (RFC
// 1843). What they shift to are rows of tables that EUC encodings have with the high bit set, so that
// the octets are written as EUC and read by whoever knows that. Total and linear.

/** Reads octets of a charset that knows no shifts. */
export type Decode = (octets: Uint8Array, charset: string) => string;

/** What the octets of a graphic set become: octets before each character, and of which charset. */
interface GraphicSet {
  readonly charset: string;
  readonly width: 1 | 2;
  readonly prefix?: number;
}

const jisX0208: GraphicSet = { charset: 'euc-jp', width: 2 };
const ksX1001: GraphicSet = { charset: 'cp949', width: 2 };
const gb2312: GraphicSet = { charset: 'gbk', width: 2 };
const katakana: GraphicSet = { charset: 'euc-jp', width: 1, prefix: 0x8e };
/** No reader knows its characters: CNS 11643, the second plane of JIS X 0213. */
const unread: GraphicSet = { charset: '', width: 2 };

// RFC 1468, RFC 1554, RFC 1557, RFC 1922; JIS X 0213 Annex 2. The rest is ASCII or nearly so.
// Deviation: JIS X 0201 Roman is read as ASCII: programs write it where they mean that.
const graphicSets = new Map<string, GraphicSet>([
  ['$@', jisX0208],
  ['$B', jisX0208],
  ['$(@', jisX0208],
  ['$(B', jisX0208],
  ['$(D', { charset: 'euc-jp', width: 2, prefix: 0x8f }],
  ['$(O', jisX0208],
  ['$(Q', jisX0208],
  ['$(P', unread],
  ['$A', gb2312],
  ['$(A', gb2312],
  ['$(C', ksX1001],
  ['(I', katakana],
  ['$)A', gb2312],
  ['$)C', ksX1001],
  ['$)E', gb2312],
  ['$)G', unread],
  [')I', katakana],
  ['$*H', unread],
  ['.A', { charset: 'windows-1252', width: 1 }],
  ['.F', { charset: 'iso-8859-7', width: 1 }],
]);

/** What SO shifts to before anything was designated. */
const shiftedAtFirst = new Map([
  ['iso-2022-jp', katakana],
  ['iso-2022-kr', ksX1001],
  ['iso-2022-cn', gb2312],
]);
/** Field: octets above 7F, which none of them has. In Japan these are half-width katakana, too. */
const eightBit = new Map([
  ['iso-2022-jp', 'shift_jis'],
  ['iso-2022-kr', 'cp949'],
  ['iso-2022-cn', 'gbk'],
]);

const LF = 0x0a;
const SO = 0x0e;
const SI = 0x0f;
const ESC = 0x1b;
const TILDE = 0x7e;

// ISO/IEC 2022: a designation, SS2 (N), SS3 (O), or an announcement.
const escapeSequence = /\x1b(?:(\$[()*+]?[@-~])|([()*.][@-~])|([NO])|&@)?/y;

/** `name`: iso-2022-jp, iso-2022-kr or iso-2022-cn, for all their variants. */
export function decodeIso2022(octets: Buffer, name: string, decode: Decode): string {
  const text = octets.toString('latin1');
  const output = new EucText(octets.length, decode);
  let g0: GraphicSet | undefined;
  let g1 = shiftedAtFirst.get(name);
  let g2: GraphicSet | undefined;
  let shifted = false;
  let at = 0;
  while (at < octets.length) {
    const octet = octets[at]!;
    let set = shifted ? g1 : g0;
    if (octet === ESC) {
      escapeSequence.lastIndex = at;
      const [whole, wide, narrow, single] = escapeSequence.exec(text)!;
      at += whole.length;
      const designation = wide ?? narrow;
      if (designation !== undefined) {
        const found = graphicSets.get(designation) ?? (wide === undefined ? undefined : unread);
        if (/^\$?\)/.test(designation)) g1 = found;
        else if (/^\$?[*.+]/.test(designation)) g2 = found;
        else g0 = found;
      }
      if (single === undefined || at >= octets.length) continue;
      set = g2; // for one character
    }
    if (octets[at] === SO || octets[at] === SI) {
      shifted = octets[at] === SO;
      at += 1;
    } else {
      at += output.take(octets, at, { set, eightBit: eightBit.get(name)! });
      // RFC 1468, RFC 1557, RFC 1922: a line ends in ASCII. What was cut is readable again there.
      if (octet === LF) [g0, shifted] = [undefined, false];
    }
  }
  return output.end();
}

/** RFC 1843: `~{` and `~}` around GB 2312, `~~` for a tilde, and `~` at the end of a line. */
export function decodeHz(octets: Buffer, decode: Decode): string {
  const output = new EucText(octets.length, decode);
  let set: GraphicSet | undefined;
  let at = 0;
  while (at < octets.length) {
    const next = octets[at] === TILDE ? String.fromCharCode(octets[at + 1] ?? 0) : '';
    if (next === '{' || next === '}') {
      set = next === '{' ? gb2312 : undefined;
      at += 2;
    } else if (next === '\n' && set === undefined) {
      at += 2;
    } else if (next === '~' && set === undefined) {
      output.ascii(TILDE);
      at += 2;
    } else {
      if (octets[at] === LF) set = undefined;
      at += output.take(octets, at, { set, eightBit: 'gbk' });
    }
  }
  return output.end();
}

interface Reading {
  /** Undefined for ASCII. */
  readonly set: GraphicSet | undefined;
  readonly eightBit: string;
}

/** Octets without shifts, read when their charset changes and at the end. */
class EucText {
  readonly #decode: Decode;
  readonly #octets: Buffer;
  #length = 0;
  #charset = '';
  #text = '';

  constructor(octets: number, decode: Decode) {
    this.#decode = decode;
    // No octet becomes more than two; a character of JIS X 0212 three of two.
    this.#octets = Buffer.allocUnsafe(2 * octets);
  }

  /** ASCII is the same in all of them. */
  ascii(octet: number): void {
    this.#octets[this.#length++] = octet;
  }

  /** One character; returns how many octets it had. */
  take(octets: Buffer, at: number, { set, eightBit }: Reading): number {
    const first = octets[at]!;
    const second = octets[at + 1] ?? 0;
    if (first >= 0x80) {
      this.#select(eightBit);
      this.ascii(first);
      const wide = isLead(first, eightBit) && second >= 0x40 && second !== 0x7f;
      if (wide) this.ascii(second);
      return wide ? 2 : 1;
    }
    if (set === undefined || first < 0x21 || first === 0x7f) {
      this.ascii(first);
      return 1;
    }
    if (set.width === 2 && (second < 0x21 || second > 0x7e || set === unread)) {
      this.#unreadable();
      return second > 0x20 && second < 0x7f ? 2 : 1;
    }
    this.#select(set.charset);
    if (set.prefix !== undefined) this.ascii(set.prefix);
    this.ascii(first | 0x80);
    if (set.width === 2) this.ascii(second | 0x80);
    return set.width;
  }

  end(): string {
    this.#flush();
    return this.#text;
  }

  #unreadable(): void {
    this.#flush();
    this.#text += '\ufffd';
  }

  #select(charset: string): void {
    if (charset === this.#charset) return;
    this.#flush();
    this.#charset = charset;
  }

  #flush(): void {
    const octets = this.#octets.subarray(0, this.#length);
    this.#length = 0;
    if (octets.length > 0) this.#text += this.#decode(octets, this.#charset || 'utf-8');
  }
}

/** Of two octets. In Shift_JIS A1 to DF are half-width katakana, of one. */
const isLead = (octet: number, charset: string): boolean =>
  octet > 0x80 && octet < 0xff && (charset !== 'shift_jis' || octet < 0xa0 || octet > 0xdf);
