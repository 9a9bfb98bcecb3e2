// A message as its signatures see it: the fields of its header as they came, and the hashes of its body that
// they name, all made in one pass.

import { Turns } from '../base/in-turns.ts';
import { headerFieldsMax } from '../mail/header/header.ts';
import { HeaderWalk } from '../mail/header/header-walk.ts';
import { BodyHasher } from './canonical.ts';
import type { RawField } from './canonical-text.ts';
import type { Signature, SignedHeader } from './signature.ts';

/** Limit: hashes of one body. Two canonicalizations are all that honest signers use. RFC 6376 §8.4 */
const hashersMax = 4;

/** Limit: octets of its header that all signatures sign together, some of them again and again. */
const signedBytesMax = 2 ** 20;

export class SignedMessage implements SignedHeader {
  readonly fields: readonly RawField[];
  /** For whatever work is done on it. */
  readonly turns = new Turns();
  #signedBytes = 0;
  readonly #hashers: BodyHasher[] = [];

  /** `head`: the octets up to where the body begins. */
  constructor(head: Uint8Array) {
    this.fields = [...rawFields(head)];
    // Something could be hidden behind those that are looked at: no signature is good for such a header.
    if (this.fields.length > headerFieldsMax) this.#signedBytes = signedBytesMax + 1;
  }

  /** Before the body comes: which hash of it will be asked for. Undefined where that would be too many. */
  wants({ body, lengthMax }: Pick<Signature, 'body' | 'lengthMax'>): BodyHasher | undefined {
    const known = this.#hashers.find(
      (hasher) => hasher.canonicalization === body && hasher.lengthMax === lengthMax,
    );
    if (known !== undefined || this.#hashers.length >= hashersMax) return known;
    const hasher = new BodyHasher(body, lengthMax);
    this.#hashers.push(hasher);
    return hasher;
  }

  takes(octets: number): boolean {
    if (this.#signedBytes + octets > signedBytesMax) return false;
    this.#signedBytes += octets;
    return true;
  }

  /** Whether anybody wants a hash of the body. */
  get needsBody(): boolean {
    return this.#hashers.length > 0;
  }

  /** A piece of the body. */
  update(piece: Uint8Array): void {
    for (const hasher of this.#hashers) hasher.update(piece);
  }
}

function* rawFields(head: Uint8Array): Generator<RawField> {
  const buffer = Buffer.from(head.buffer, head.byteOffset, head.length);
  const walk = new HeaderWalk(buffer);
  for (let count = 0; count <= headerFieldsMax && walk.next(); count += 1) {
    const raw = buffer.toString('latin1', walk.start, walk.end);
    yield { lowerName: raw.slice(0, walk.nameLength).toLowerCase(), raw };
  }
}
