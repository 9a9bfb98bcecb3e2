// Base64 as SASL exchanges carry it in text protocols: strict, as RFC 4954 §4 and RFC 5034 §4 demand,
// which Node's decoder is not.

// RFC 4648 §4: only the alphabet, and padding only at the end.
const base64 = /^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/i;

/** Undefined for any character outside the alphabet and for padding in the wrong place. */
export function decodeBase64(text: string): Uint8Array | undefined {
  return base64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

export const encodeBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
