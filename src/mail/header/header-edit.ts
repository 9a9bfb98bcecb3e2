// A header as a filter changes it: fields put in at a place, changed, taken out. It lies in three pieces: text that
// is put above our Received, text below it, and what is in the content; a filter sees one list without
// our Received, which has a place in it all the same. What comes of it are the two texts, and what to put in
// place of which octets of the content. The body is not looked at.

import { isUtf8 } from 'node:buffer';
import { forEachField } from './header.ts';
import type { Splice } from './header-cut.ts';

export interface HeaderPieces {
  readonly above: string;
  readonly below: string;
  /** The first octets of the content, its header in them. */
  readonly head: Uint8Array;
}

export interface EditedHeader {
  readonly above: string;
  readonly below: string;
  /** Of the content, in order and apart. */
  readonly splices: readonly Splice[];
}

/** A field as a filter sees it. */
export interface SeenField {
  readonly name: string;
  /** All that is behind the colon but the last line end. */
  readonly value: Uint8Array;
}

interface Entry {
  readonly lowerName: string;
  /** Our Received, which is not there yet. */
  readonly isOurs?: true;
  /** The field, its last line end included. */
  bytes: Uint8Array;
  /** Where it is in the content; undefined for what is not. */
  readonly at?: { readonly start: number; readonly end: number };
  state: 'kept' | 'changed' | 'gone';
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const crlf = Buffer.from('\r\n');

export class HeaderEdit {
  readonly #entries: Entry[];

  constructor({ above, below, head }: HeaderPieces) {
    const ours: Entry = {
      ...{ lowerName: '', isOurs: true, bytes: Buffer.alloc(0), state: 'kept' },
    };
    this.#entries = [
      ...fieldsOf(Buffer.from(above), false),
      ours,
      ...fieldsOf(Buffer.from(below), false),
      ...fieldsOf(head, true),
    ];
  }

  /** In order. */
  *fields(): Generator<SeenField> {
    for (const entry of this.#entries) if (isSeen(entry)) yield seen(entry.bytes);
  }

  /** Behind all others. */
  append(name: string, value: Uint8Array): void {
    this.#entries.push(added(name, value));
  }

  /** So that `index` are before it, our Received among them; behind all where there are fewer. */
  insert(index: number, name: string, value: Uint8Array): void {
    let before = index;
    let at = 0;
    while (at < this.#entries.length && before > 0) {
      if (this.#entries[at]!.state !== 'gone') before -= 1;
      at += 1;
    }
    this.#entries.splice(at, 0, added(name, value));
  }

  /**
   * The `index`th of that name, counted from 1 among those that are there; 0 is the first, too. One
   * that is not there is added. Without a value it is taken out.
   */
  change(index: number, name: string, value: Uint8Array | undefined): void {
    const lowerName = name.toLowerCase();
    let left = Math.max(1, index);
    for (const entry of this.#entries) {
      if (!isSeen(entry) || entry.lowerName !== lowerName) continue;
      left -= 1;
      if (left > 0) continue;
      entry.state = value === undefined ? 'gone' : 'changed';
      if (value !== undefined) entry.bytes = fieldBytes(name, value);
      return;
    }
    if (value !== undefined) this.append(name, value);
  }

  /** All of that name. */
  remove(name: string): void {
    const lowerName = name.toLowerCase();
    for (const entry of this.#entries)
      if (isSeen(entry) && entry.lowerName === lowerName) entry.state = 'gone';
  }

  result(): EditedHeader {
    const ours = this.#entries.findIndex(({ isOurs }) => isOurs);
    const splices = new Splices();
    const texts = { above: '', below: '' };
    for (const [i, entry] of this.#entries.entries()) {
      if (isOfContent(entry)) splices.pass(entry);
      else if (entry.state === 'gone') continue;
      // Field: filters write Latin-1. What is no text would not stay as it is in one: it is the content's first field.
      else if (splices.passed || !isUtf8(entry.bytes)) splices.add(entry.bytes);
      else texts[i < ours ? 'above' : 'below'] += textOf(entry.bytes);
    }
    return { ...texts, splices: splices.all };
  }
}

type ContentEntry = Entry & { readonly at: NonNullable<Entry['at']> };
const isOfContent = (entry: Entry): entry is ContentEntry => entry.at !== undefined;
const nothing = new Uint8Array();

/** What is put where, as one goes through the fields of the content. */
class Splices {
  readonly all: Splice[] = [];
  /** Where the last field that was passed ends. */
  #end = 0;
  /** Whether it has a line end. */
  #isClosed = true;
  /** There was one. */
  passed = false;

  pass({ at, state, bytes }: ContentEntry): void {
    this.passed = true;
    this.#end = at.end;
    this.#isClosed = state !== 'kept' || bytes.at(-1) === LF;
    if (state !== 'kept') this.#push({ ...at, put: state === 'gone' ? nothing : bytes });
  }

  add(put: Uint8Array): void {
    const end = this.#end;
    this.#push({ start: end, end, put: this.#isClosed ? put : Buffer.concat([crlf, put]) });
    this.#isClosed = true;
  }

  #push({ start, end, put }: Splice): void {
    const last = this.all.at(-1);
    if (last?.end !== start) this.all.push({ start, end, put });
    else this.all.splice(-1, 1, { start: last.start, end, put: Buffer.concat([last.put, put]) });
  }
}

function fieldsOf(bytes: Uint8Array, isContent: boolean): Entry[] {
  const entries: Entry[] = [];
  forEachField(bytes, (lowerName, start, end) => {
    const field = bytes.subarray(start, end);
    entries.push({
      lowerName,
      bytes: field,
      state: 'kept',
      ...(isContent && { at: { start, end } }),
    });
  });
  return entries;
}

const isSeen = ({ isOurs, state }: Entry): boolean => isOurs === undefined && state !== 'gone';

function seen(field: Uint8Array): SeenField {
  const colon = field.indexOf(COLON);
  let end = field.length;
  if (field[end - 1] === LF) end -= 1;
  if (field[end - 1] === CR) end -= 1;
  const name = Buffer.from(field.subarray(0, colon)).toString('latin1').trimEnd();
  return { name, value: field.subarray(colon + 1, Math.max(colon + 1, end)) };
}

const added = (name: string, value: Uint8Array): Entry => ({
  lowerName: name.toLowerCase(),
  bytes: fieldBytes(name, value),
  state: 'changed',
});

/**
 * A field whose value has line ends of any kind. What would not continue it is made to: a filter can add a
 * field, not a header.
 */
function fieldBytes(name: string, value: Uint8Array): Uint8Array {
  const lines = Buffer.from(value)
    .toString('latin1')
    .split(/\r\n|\r|\n/);
  while (lines.length > 1 && lines.at(-1)!.trim() === '') lines.pop();
  const [first, ...rest] = lines;
  // RFC 5322 §2.2.3: no line of a field is white space only.
  const folded = rest
    .filter((line) => line.trim() !== '')
    .map((line) => (/^[ \t]/.test(line) ? line : `\t${line}`));
  const text = [`${name}:${first}`, ...folded].join('\r\n').replaceAll('\0', '');
  return Buffer.concat([Buffer.from(text, 'latin1'), crlf]);
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
