// What is known of a transaction while it is open, and the chunks its content may come in.
// RFC 5321 §3.3, RFC 3030 §2.

import type { LineSplitter } from '../../base/line-splitter.ts';
import type { ContentReader } from '../content.ts';
import type { MailParam } from '../extensions/index.ts';
import { findParam } from '../extensions/index.ts';
import type { Reply } from '../reply.ts';
import type { Phase } from './phases.ts';

export class Transaction {
  /** SMTPUTF8 was given: RFC 6531 §3.4. */
  readonly utf8: boolean;
  /** BODY=BINARYMIME. */
  readonly binary: boolean;
  /** How many were accepted. */
  recipients = 0;
  /** Content so far, once it has begun. */
  reader: ContentReader | undefined;

  constructor(params: readonly MailParam[]) {
    this.utf8 = findParam(params, 'SMTPUTF8') !== undefined;
    this.binary = findParam(params, 'BODY')?.body === 'BINARYMIME';
  }
}

/**
 * The octets that a BDAT announced. RFC 3030 §2: they follow whatever we think of it, so a chunk that
 * is refused is read to its end, thrown away, and answered only then.
 */
export class Chunk {
  readonly last: boolean;
  refusal: Reply | undefined;
  /** The phase a refused chunk leads back to: it came out of order, and changes nothing. */
  readonly back: Phase | undefined;
  #left: number;

  constructor(bytes: number, last: boolean, refusal?: Reply, back?: Phase) {
    this.#left = bytes;
    this.last = last;
    this.refusal = refusal;
    this.back = back;
  }

  get left(): number {
    return this.#left;
  }

  /** The next piece for the message; undefined when there is none in what was received. */
  read(input: LineSplitter, reader: ContentReader | undefined): Uint8Array | undefined {
    const { bytes, at } = input;
    if (bytes === undefined) return undefined;
    const end = Math.min(bytes.length, at + this.#left);
    let piece: Uint8Array | undefined;
    let used = end;
    if (this.refusal === undefined && reader !== undefined) {
      piece = reader.read(end === bytes.length ? bytes : bytes.subarray(0, end), at);
      used = reader.at;
    }
    this.#left -= used - at;
    input.used(used);
    return piece;
  }
}
