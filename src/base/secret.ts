// What may be shown where a secret could stand. Whoever writes the key itself where its file is to be
// named, or the password behind an option, must not find it in a log.

import { messageOf } from './error-text.ts';

/** Limit: no name of a file is longer; most keys are. */
const pathCharsMax = 255;
/** A directory in front, or an extension: neither base64 of DER nor a password often has them. */
const pathForm = /^\.{1,2}$|^(?:\.{0,2}\/|~\/|[A-Za-z]:\\)|\.[A-Za-z][A-Za-z0-9]{0,9}$/;

/** The name of a file that holds a secret, or words in place of what may be the secret itself. */
export function secretPath(written: string, absolute = written): string {
  const isPath =
    written.length <= pathCharsMax &&
    pathForm.test(written) &&
    !/[\u0000-\u001f\u007f]|-----/.test(written);
  return isPath ? absolute : 'the file (not shown, since its name may be the secret itself)';
}

/** PEM text (RFC 7468), not the name of a file. */
export const isPem = (text: string): boolean => text.includes('-----BEGIN ');

/** The error, unless its text has the secret in it: then one with the same text and stars. */
export function withoutSecret(error: unknown, secret: string): unknown {
  if (secret === '') return error;
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  const encoded = Buffer.from(secret).toString('base64');
  if (!text.includes(secret) && !text.includes(encoded)) return error;
  return new Error(messageOf(error).replaceAll(secret, '***').replaceAll(encoded, '***'));
}
