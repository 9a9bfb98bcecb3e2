// Signatures of webhooks, so that who gets one knows whose it is: Standard Webhooks 1.0 (standardwebhooks.com),
// by HMAC with SHA-256.

import { createHmac } from 'node:crypto';

/** Limits: of a key, in octets. */
const [keyBytesMin, keyBytesMax] = [24, 64];

/** `whsec_…`, whose prefix may be missing; undefined where it is no such key. */
export function webhookKey(text: string): Uint8Array | undefined {
  const base64 = text.trim().replace(/^whsec_/, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const key = Buffer.from(base64, 'base64');
  return key.length >= keyBytesMin && key.length <= keyBytesMax ? key : undefined;
}

/** The fields that go with `body`; `at` in milliseconds since 1970. */
export function signedFields(
  key: Uint8Array,
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: string },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000));
  const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${hmac}`,
  };
}
