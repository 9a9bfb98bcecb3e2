// DKIM signatures for what we send: RFC 6376 §5, RFC 8463. Fields that readers trust are signed once more
// than they are there, so that nobody can add another one in front (§5.4, §8.15).

import type { KeyObject } from 'node:crypto';
import { createHash, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { BodyHasher } from './canonical.ts';
import type { Algorithm, RawField } from './signature.ts';
import { signedText } from './signature.ts';

export interface DkimSigner {
  /** `d=`, in A-labels. */
  readonly domain: string;
  readonly selector: string;
  /** RSA or ed25519. */
  readonly privateKey: KeyObject;
}

export interface DkimSigning {
  readonly fields: readonly RawField[];
  /** Relaxed, of all of the body, at its end. */
  readonly body: BodyHasher;
  /** Now, in seconds since the epoch. */
  readonly seconds: number;
}

// RFC 6376 §5.4.1, less what lists and relays rightly add or change.
const oversigned = [
  ...['from', 'reply-to', 'subject', 'date', 'to', 'cc', 'message-id', 'in-reply-to', 'references'],
  ...['mime-version', 'content-type', 'content-transfer-encoding'],
];
const signedIfThere = new Set([
  ...['resent-from', 'resent-to', 'resent-cc', 'resent-date', 'resent-message-id', 'sender'],
  ...['list-id', 'list-help', 'list-unsubscribe', 'list-unsubscribe-post', 'list-subscribe'],
  ...['list-post', 'list-owner', 'list-archive', 'content-id', 'content-description'],
  // RFC 8460 §5.3
  ...['tls-report-domain', 'tls-report-submitter'],
]);

const signInPool = promisify(sign);

/** The whole field, its line end included: it goes in front of the header. */
export async function dkimField(
  { domain, selector, privateKey }: DkimSigner,
  { fields, body, seconds }: DkimSigning,
): Promise<string> {
  const signedNames = namesToSign(fields);
  const unsigned = [
    `DKIM-Signature: v=1; a=${algorithmOf(privateKey)}; c=relaxed/relaxed;`,
    ` d=${domain}; s=${selector}; t=${seconds};`,
    ...folded(` h=${signedNames.join(':')};`, ':'),
    ` bh=${body.end().digest};`,
    ' b=',
  ].join('\r\n');
  const field = { lowerName: 'dkim-signature', raw: `${unsigned}\r\n` };
  const text = signedText({ field, header: 'relaxed', signedNames }, fields);
  const value = await signatureOf(Buffer.from(text, 'latin1'), privateKey);
  return `${unsigned}${foldedBase64(value)}\r\n`;
}

/** Each as often as it is there, and once more. */
export function namesToSign(fields: readonly RawField[]): readonly string[] {
  const count = (name: string) => fields.filter(({ lowerName }) => lowerName === name).length;
  const often = oversigned.flatMap((name) => Array.from({ length: count(name) + 1 }, () => name));
  const there = fields.map(({ lowerName }) => lowerName).filter((name) => signedIfThere.has(name));
  return [...often, ...there];
}

/** RFC 8463 §3: what ed25519 signs is the hash. */
export async function signatureOf(text: Buffer, key: KeyObject): Promise<string> {
  const signature =
    key.asymmetricKeyType === 'ed25519'
      ? await signInPool(null, createHash('sha256').update(text).digest(), key)
      : await signInPool('sha256', text, key);
  return signature.toString('base64');
}

/** Limit: RFC 5322 §2.1.1 recommends lines of 78 characters. */
const lineMax = 76;

/** Lines that end with `separator`; every one but the first begins with two spaces. */
export function folded(text: string, separator: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of text.match(new RegExp(`[^${separator}]+${separator}?`, 'g')) ?? []) {
    if (line.length + part.length > lineMax && line !== '') {
      lines.push(line);
      line = '  ';
    }
    line += part;
  }
  return [...lines, line];
}

/** What stands behind ` b=`, in lines of the same length. */
export const foldedBase64 = (text: string): string =>
  [text.slice(0, 70), ...(text.slice(70).match(/.{1,72}/g) ?? [])].join('\r\n  ');

export const algorithmOf = (key: KeyObject): Algorithm =>
  key.asymmetricKeyType === 'ed25519' ? 'ed25519-sha256' : 'rsa-sha256';
