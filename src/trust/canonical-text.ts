// Canonical fields one behind the other, as signatures sign them: RFC 6376 §3.7. A header that is long is worked
// on in turns, and what several signatures sign of it is made once: whoever writes a message chooses how much
// work it is, and nobody else waits for that.

import { Turns } from '../base/in-turns.ts';
import type { Canonicalization } from './canonical.ts';
import { canonicalField, relaxedName, relaxedPiece, trimmed } from './canonical.ts';

/** A header field as it is in the message; text is octets as latin1. */
export interface RawField {
  readonly lowerName: string;
  /** With its name and its line end. */
  readonly raw: string;
}

/** Limit: octets that are made at once, of a header and of one field. */
const atOnceMax = 16 * 1024;

/** What is made of fields of long headers, for all who ask; it goes with the message. */
const relaxedForms = new WeakMap<RawField, string | Promise<string>>();

/** Those whose work is for one message share `turns`. */
export function canonicalText(
  fields: readonly RawField[],
  how: Canonicalization,
  turns = new Turns(),
): string | Promise<string> {
  let octets = 0;
  for (const { raw } of fields) octets += raw.length;
  if (octets > atOnceMax) return longText(fields, how, turns);
  const othersTurn = turns.spend(octets);
  const text = () => fields.map(({ raw }) => canonicalField(raw, how)).join('');
  return othersTurn === undefined ? text() : othersTurn.then(text);
}

async function longText(
  fields: readonly RawField[],
  how: Canonicalization,
  turns: Turns,
): Promise<string> {
  const parts: string[] = [];
  for (const field of fields) {
    const othersTurn = turns.spend(Math.min(field.raw.length, atOnceMax));
    if (othersTurn !== undefined) await othersTurn;
    const form = how === 'simple' ? field.raw : relaxedForm(field, turns);
    parts.push(typeof form === 'string' ? form : await form);
  }
  return parts.join('');
}

function relaxedForm(field: RawField, turns: Turns): string | Promise<string> {
  const known = relaxedForms.get(field);
  if (known !== undefined) return known;
  const { raw } = field;
  const form = raw.length > atOnceMax ? longField(raw, turns) : canonicalField(raw, 'relaxed');
  relaxedForms.set(field, form);
  return form;
}

async function longField(raw: string, turns: Turns): Promise<string> {
  const colon = raw.indexOf(':');
  const pieces: string[] = [];
  let isAfterSpace = false;
  for (let at = colon + 1; at < raw.length; ) {
    const from = at;
    at += atOnceMax;
    if (raw[at] === '\n') at += 1; // a line end stays whole
    const othersTurn = turns.spend(at - from);
    if (othersTurn !== undefined) await othersTurn;
    const piece = relaxedPiece(raw.slice(from, at));
    if (piece === '') continue;
    pieces.push(isAfterSpace && piece.startsWith(' ') ? piece.slice(1) : piece);
    isAfterSpace = piece.endsWith(' ');
  }
  return `${relaxedName(raw, colon)}:${trimmed(pieces.join(''))}\r\n`;
}
