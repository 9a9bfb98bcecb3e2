// What a client says in a SASL exchange as text protocols carry it: base64, "=" for an initial response
// of no octets, "*" to give up. RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2.

import { decodeBase64 } from './base64.ts';

/** Octets of a response, or why there are none: each protocol has its own words for that. */
export type Response = Uint8Array | 'too-long' | 'cancelled' | 'bad-base64';

/** A line that is no text (`text` undefined) is no base64 either. */
export function responseIn(line: { readonly kind: string; readonly text?: string }): Response {
  if (line.kind === 'too-long') return 'too-long';
  if (line.text === '*') return 'cancelled';
  return (line.text === undefined ? undefined : decodeBase64(line.text)) ?? 'bad-base64';
}

/** What stands behind the mechanism's name; undefined when it is no base64. */
export const initialResponse = (text: string): Uint8Array | undefined =>
  text === '=' ? new Uint8Array() : decodeBase64(text);
