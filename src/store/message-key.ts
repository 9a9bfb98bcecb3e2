// Queue ids as integer keys. Ids are 53-bit integers written in eleven characters of Crockford's
// base 32 (see queue/message-id.ts), with the number of a node behind them in a cluster; as integers they
// make rows small and put every insert at the right edge of its table. Any other text works too, but
// not in order of time.

/** Crockford's base 32: sorts like ASCII, and holds no i, l, o or u to be misread on the telephone. */
export const idDigits = '0123456789abcdefghjkmnpqrstvwxyz';
const values = new Int8Array(128).fill(-1);
for (let value = 0; value < 32; value += 1) values[idDigits.charCodeAt(value)] = value;

/** Without the number of a node. */
export const idLength = 11;
const nodeSuffix = /^.{11}-[1-9]\d{0,2}$/;

/** Ids count from here, so many to the millisecond. */
const idEpochMs = Date.UTC(2020, 0, 1);
export const idsPerMs = 4096;

/** Of the first id that may be made at a moment, in milliseconds since 1970. */
export const messageKeyAt = (ms: number): number => Math.max(0, (ms - idEpochMs) * idsPerMs);

export const messageKeyTime = (key: number): number => idEpochMs + Math.floor(key / idsPerMs);

/** The same key for the same id. Rows keep the id's text beside it and are compared with it. */
export function messageKey(id: string): number {
  return canonicalKey(id) ?? shortKey(id) ?? hashedKey(id);
}

function canonicalKey(id: string): number | undefined {
  // A node's number says nothing that the integer does not.
  return id.length === idLength || nodeSuffix.test(id) ? idNumber(id) : undefined;
}

/** What the digits at the beginning of a text say; undefined where they are none, or too large a number. */
export function idNumber(text: string): number | undefined {
  let key = 0;
  for (let i = 0; i < idLength; i += 1) {
    const value = values[text.charCodeAt(i)] ?? -1;
    if (value < 0) return undefined;
    key = key * 32 + value;
  }
  return Number.isSafeInteger(key) ? key : undefined;
}

/** Up to six ASCII characters keep their order. */
function shortKey(id: string): number | undefined {
  if (id.length > 6) return undefined;
  let key = 0;
  for (let i = 0; i < 6; i += 1) {
    const code = i < id.length ? id.charCodeAt(i) : 0;
    if (code > 0xff) return undefined;
    key = key * 256 + code;
  }
  return key;
}

/** 53 bits of FNV-1a, run twice. */
function hashedKey(id: string): number {
  let high = 0x811c9dc5;
  let low = 0x050c5d1f;
  for (let i = 0; i < id.length; i += 1) {
    high = Math.imul(high ^ id.charCodeAt(i), 0x01000193);
    low = Math.imul(low ^ id.charCodeAt(i), 0x01000193) ^ (low >>> 15);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
