// A message without some of its header fields.

import { parseHeader } from './header.ts';

/** `names` in lower case. */
export function dropFields(message: Buffer, names: readonly string[]): Buffer {
  const dropped = parseHeader(message, { names: new Set(names) });
  const kept: Buffer[] = [];
  let at = 0;
  for (const { offset, length } of dropped) {
    kept.push(message.subarray(at, offset));
    at = offset + length;
  }
  return Buffer.concat([...kept, message.subarray(at)]);
}
