// Frames of the milter protocol: four octets of length, one of a code, and data. Numbers have the most
// significant octet first; texts end with NUL. There is no RFC: libmilter's mfdef.h names the codes, and what
// Sendmail and Postfix send says what they mean. A frame that breaks the rules is a MilterError.

/** What the filter said makes no sense, or is more than anybody needs. The connection is of no use then. */
export class MilterError extends Error {
  override readonly name = 'MilterError';
}

/** What the server says: SMFIC_… */
export const command = {
  abort: 'A',
  body: 'B',
  connect: 'C',
  macros: 'D',
  endOfMessage: 'E',
  hello: 'H',
  /** The next client follows on the same connection. */
  quitKeepOpen: 'K',
  header: 'L',
  mail: 'M',
  endOfHeader: 'N',
  negotiate: 'O',
  quit: 'Q',
  rcpt: 'R',
  data: 'T',
  unknown: 'U',
} as const;

/** What the filter says: SMFIR_… */
export const response = {
  addRecipient: '+',
  addRecipientWithParams: '2',
  deleteRecipient: '-',
  shutdown: '4',
  accept: 'a',
  replaceBody: 'b',
  continue: 'c',
  discard: 'd',
  changeSender: 'e',
  connectionFailed: 'f',
  addHeader: 'h',
  insertHeader: 'i',
  changeHeader: 'm',
  progress: 'p',
  quarantine: 'q',
  reject: 'r',
  skip: 's',
  tempfail: 't',
  replyCode: 'y',
} as const;

export interface Frame {
  readonly code: string;
  readonly data: Buffer;
}

/** Limit: data of one frame. The largest piece of a body that can be agreed on is a MiB. */
export const frameBytesMax = 2 ** 20 + 64;
const lengthBytes = 4;

export function formatFrame(code: string, ...data: readonly Uint8Array[]): Buffer {
  const length = data.reduce((sum, piece) => sum + piece.length, 1);
  const head = Buffer.alloc(lengthBytes + 1);
  head.writeUInt32BE(length);
  head.write(code, lengthBytes, 'latin1');
  return Buffer.concat([head, ...data]);
}

const NUL = 0;

/** Texts, each with the NUL behind it. What has one in it ends there. */
export function formatTexts(...texts: readonly (string | Uint8Array)[]): Buffer {
  const pieces = texts.flatMap((text) => {
    const bytes = Buffer.from(text as string);
    const nul = bytes.indexOf(NUL);
    return [nul < 0 ? bytes : bytes.subarray(0, nul), nulByte];
  });
  return Buffer.concat(pieces);
}

const nulByte = Buffer.alloc(1);

/** The texts that the data is made of, from there on. Field: the last NUL may be missing. */
export function parseTexts(data: Buffer, from = 0): Buffer[] {
  const texts: Buffer[] = [];
  let at = from;
  while (at < data.length) {
    const nul = data.indexOf(NUL, at);
    const end = nul < 0 ? data.length : nul;
    texts.push(data.subarray(at, end));
    at = end + 1;
  }
  return texts;
}

export function formatNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function parseNumber(data: Buffer, at: number): number {
  if (data.length < at + 4) throw new MilterError('a frame is too short');
  return data.readUInt32BE(at);
}

/** Frames of octets as they come. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #length = 0;

  receive(bytes: Uint8Array): void {
    this.#pieces.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#length += bytes.length;
  }

  /** Undefined until there is a whole one. @throws MilterError */
  next(): Frame | undefined {
    if (this.#length < lengthBytes) return undefined;
    const head = this.#first(lengthBytes);
    const length = head.readUInt32BE(0);
    if (length === 0 || length > frameBytesMax)
      throw new MilterError(`a frame of ${length} octets`);
    if (this.#length < lengthBytes + length) return undefined;
    const all = this.#first(this.#length);
    const end = lengthBytes + length;
    this.#pieces = [all.subarray(end)];
    this.#length -= end;
    const code = all.toString('latin1', lengthBytes, lengthBytes + 1);
    return { code, data: all.subarray(lengthBytes + 1, end) };
  }

  /** So many octets at least, in one piece. */
  #first(bytes: number): Buffer {
    if (this.#pieces[0]!.length < bytes) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0]!;
  }
}
