// Canonicalization, so that a signature outlives what relays do to white space: RFC 6376 §3.4. Text is
// octets as latin1: write it as 'latin1'.

import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';

export type Canonicalization = 'simple' | 'relaxed';

/** A header field, its line end included. RFC 6376 §3.4.1, §3.4.2 */
export function canonicalField(raw: string, how: Canonicalization): string {
  if (how === 'simple') return raw;
  const colon = raw.indexOf(':');
  return `${relaxedName(raw, colon)}:${trimmed(relaxedPiece(raw.slice(colon + 1)))}\r\n`;
}

export const relaxedName = (raw: string, colon: number): string =>
  raw.slice(0, colon).toLowerCase().trimEnd();

/** A piece of its value; one space between words stays as it is. */
export const relaxedPiece = (text: string): string =>
  text.replace(/\r?\n/g, '').replace(/[ \t]{2,}|\t/g, ' ');

/** Only spaces are left at the ends. */
export const trimmed = (value: string): string =>
  value.slice(
    value.startsWith(' ') ? 1 : 0,
    value.endsWith(' ') && value.length > 1 ? -1 : undefined,
  );

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const TAB = 0x09;

/** Octets of canonical text that are gathered before they are hashed. */
const gatheredMax = 16 * 1024;
/** Where they are gathered: empty whenever nobody is in a method of a hasher, so that one is enough for all. */
const gathered = Buffer.allocUnsafeSlow(gatheredMax);

/** Limit: line ends of which it is not known whether they count; more of them are hashed on trial. */
const pendingMax = 4 * 1024;
/** So many are not worth a hash of their own. */
const manyLineEnds = 64;
const lineEnds = Buffer.from('\r\n'.repeat(pendingMax + 1));

/** A hash as it was before line ends that may turn out to be the last. */
interface Before {
  readonly hash: Hash;
  readonly octets: number;
  readonly hashed: number;
}

export interface BodyHash {
  /** Base64. */
  readonly digest: string;
  /** Octets of the canonical body, and how many of them were hashed. */
  readonly octets: number;
  readonly hashed: number;
}

/**
 * The hash of a body that comes in pieces, wherever they are cut. Line ends are CRLF; a lone CR or LF is an
 * octet like others.
 */
export class BodyHasher {
  readonly canonicalization: Canonicalization;
  /** `l=`: only so many canonical octets are signed. RFC 6376 §3.5 */
  readonly lengthMax: number | undefined;
  #hash: Hash = createHash('sha256');
  #length = 0;
  #octets = 0;
  #hashed = 0;
  /** Line ends that are there only if more comes; RFC 6376 §3.4.3: empty lines at the end are not. */
  #lineEnds = 0;
  /** Where more of them have been hashed than were worth waiting for: what counts if nothing comes any more. */
  #before: Before | undefined;
  #isAfterCr = false;
  #isAfterSpace = false;
  #result: BodyHash | undefined;

  constructor(canonicalization: Canonicalization, lengthMax?: number) {
    this.canonicalization = canonicalization;
    this.lengthMax = lengthMax;
  }

  update(piece: Uint8Array): void {
    const isRelaxed = this.canonicalization === 'relaxed';
    let at = 0;
    while (at < piece.length) {
      const octet = piece[at]!;
      at += 1;
      if (this.#isAfterCr) {
        this.#isAfterCr = false;
        if (octet === LF) {
          this.#isAfterSpace = false;
          at = this.#emptyLines(piece, at);
          continue;
        }
        this.#text(CR);
      }
      if (octet === CR) this.#isAfterCr = true;
      else if (isRelaxed && (octet === SP || octet === TAB)) this.#isAfterSpace = true;
      else {
        this.#text(octet);
        at = this.#run(piece, at, isRelaxed);
      }
    }
    this.#flush();
  }

  /** Behind a line end: takes it, and those that follow at once; returns where they end. */
  #emptyLines(piece: Uint8Array, from: number): number {
    const end = from + 2 * (pendingMax - this.#lineEnds);
    let at = from;
    while (at < end && piece[at] === CR && piece[at + 1] === LF) at += 2;
    this.#lineEnds += 1 + (at - from) / 2;
    // Or else a line behind millions of empty ones would hold up everybody.
    if (this.#lineEnds >= pendingMax) this.#hashOnTrial();
    return at;
  }

  #hashOnTrial(): void {
    if (this.#before === undefined) {
      this.#flush();
      const hash = this.#hash.copy();
      this.#before = { hash, octets: this.#octets, hashed: this.#hashed };
    }
    this.#takeLineEnds();
  }

  #takeLineEnds(): void {
    this.#flush();
    this.#take(lineEnds.subarray(0, 2 * this.#lineEnds));
    this.#lineEnds = 0;
  }

  /** What needs no look at what is around it; returns where that ends. */
  #run(piece: Uint8Array, from: number, isRelaxed: boolean): number {
    const end = Math.min(piece.length, from + gatheredMax - this.#length);
    let length = this.#length;
    let at = from;
    for (; at < end; at += 1) {
      const octet = piece[at]!;
      // One space between words stays as it is.
      const isPlain = octet > SP || (octet === SP && at + 1 < end && piece[at + 1]! > SP);
      if (!isPlain && (isRelaxed || octet === CR)) break;
      gathered[length] = octet;
      length += 1;
    }
    this.#length = length;
    if (length === gatheredMax) this.#flush();
    return at;
  }

  end(): BodyHash {
    if (this.#result !== undefined) return this.#result;
    if (this.#isAfterCr) this.#text(CR);
    this.#flush();
    if (this.#before !== undefined) {
      this.#hash = this.#before.hash;
      this.#octets = this.#before.octets;
      this.#hashed = this.#before.hashed;
    }
    // RFC 6376 §3.4.3: an empty body is a line end; §3.4.4: relaxed, it is nothing.
    if (this.canonicalization === 'simple' || this.#octets > 0) this.#lineEnd();
    this.#flush();
    const digest = this.#hash.digest('base64');
    this.#result = { digest, octets: this.#octets, hashed: this.#hashed };
    return this.#result;
  }

  #text(octet: number): void {
    this.#before = undefined;
    if (this.#lineEnds > manyLineEnds) this.#takeLineEnds();
    for (; this.#lineEnds > 0; this.#lineEnds -= 1) this.#lineEnd();
    if (this.#isAfterSpace) this.#put(SP);
    this.#isAfterSpace = false;
    this.#put(octet);
  }

  #lineEnd(): void {
    this.#put(CR);
    this.#put(LF);
  }

  #put(octet: number): void {
    gathered[this.#length] = octet;
    this.#length += 1;
    if (this.#length === gatheredMax) this.#flush();
  }

  #flush(): void {
    if (this.#length > 0) this.#take(gathered.subarray(0, this.#length));
    this.#length = 0;
  }

  /** Canonical octets, behind all that were taken before. */
  #take(octets: Uint8Array): void {
    const left = (this.lengthMax ?? Number.POSITIVE_INFINITY) - this.#hashed;
    const taken = Math.max(Math.min(left, octets.length), 0);
    if (taken > 0) this.#hash.update(octets.subarray(0, taken));
    this.#hashed += taken;
    this.#octets += octets.length;
  }
}
