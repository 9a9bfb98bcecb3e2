// DKIM signatures for what we send: RFC 6376 §5, RFC 8463. Fields that readers trust are signed once more
// than they are there, so that nobody can add another one in front (§5.4, §8.15).

import type { KeyObject } from 'node:crypto';
import { sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { BodyHasher } from './canonical.ts';
import { canonicalField } from './canonical.ts';
import type { RawField } from './canonical-text.ts';
import { canonicalText } from './canonical-text.ts';
import type { Algorithm } from './signature.ts';
import { sha256, signedFields } from './signature.ts';

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

/** A field by each of them, its line end included: they go in front of the header. All sign the same of it. */
export async function dkimFields(
  signers: readonly DkimSigner[],
  { fields, body, seconds }: DkimSigning,
): Promise<string> {
  const signedNames = namesToSign(fields);
  const parts = {
    seconds,
    tags: [...folded(` h=${signedNames.join(':')};`), ` bh=${body.end().digest};`, ' b='],
    text: await canonicalText(signedFields(signedNames, fields), 'relaxed'),
  };
  const written = await Promise.all(signers.map((signer) => dkimField(signer, parts)));
  return written.join('');
}

interface SignedParts {
  readonly seconds: number;
  /** Lines of the field that are the same for all signers. */
  readonly tags: readonly string[];
  /** What is signed, but the field itself. */
  readonly text: string;
}

async function dkimField(
  { domain, selector, privateKey }: DkimSigner,
  { seconds, tags, text }: SignedParts,
): Promise<string> {
  const unsigned = [
    `DKIM-Signature: v=1; a=${algorithmOf(privateKey)}; c=relaxed/relaxed;`,
    ` d=${domain}; s=${selector}; t=${seconds};`,
    ...tags,
  ].join('\r\n');
  // RFC 6376 §3.7: its own field comes last, without a line end.
  const own = canonicalField(unsigned, 'relaxed').slice(0, -'\r\n'.length);
  const value = await signatureOf(Buffer.from(`${text}${own}`, 'latin1'), privateKey);
  return `${unsigned}${foldedBase64(value)}\r\n`;
}

/** Each as often as it is there, and once more. */
export function namesToSign(fields: readonly RawField[]): readonly string[] {
  const names: string[] = [];
  for (const name of oversigned) {
    names.push(name);
    for (const { lowerName } of fields) if (lowerName === name) names.push(name);
  }
  for (const { lowerName } of fields) if (signedIfThere.has(lowerName)) names.push(lowerName);
  return names;
}

/** RFC 8463 §3: what ed25519 signs is the hash. */
export async function signatureOf(text: Buffer, key: KeyObject): Promise<string> {
  // It takes as long as handing it to another thread, RSA a millisecond.
  const signature =
    key.asymmetricKeyType === 'ed25519'
      ? sign(null, await sha256(text), key)
      : await signInPool('sha256', text, key);
  return signature.toString('base64');
}

/** Limit: RFC 5322 §2.1.1 recommends lines of 78 characters. */
const lineMax = 76;

/** Lines that end with a colon; every one but the first begins with two spaces. */
export function folded(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of text.match(/[^:]+:?/g) ?? []) {
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
