// The public key of a signature, as the DNS has it: RFC 6376 §3.6, RFC 8301, RFC 8463.

import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { remembered } from '../base/remembered.ts';
import type { Resolver } from '../dns/resolver.ts';
import { DnsError } from '../dns/resolver.ts';
import { colonList, parseTagList, withoutSpace } from './tag-list.ts';

export type KeyKind = 'rsa' | 'ed25519';

export interface SigningKey {
  readonly kind: KeyKind;
  readonly key: KeyObject;
  /** Bits of an RSA modulus. */
  readonly bits: number | undefined;
  /** Whoever checks a signature by it is done before another thread would have begun. */
  readonly isQuick: boolean;
  /** RFC 6376 §3.6.1: the domain tests DKIM (`t=y`), and allows no subdomain in `i=` (`t=s`). */
  readonly isTest: boolean;
  readonly isStrict: boolean;
}

export type KeyFound =
  | { readonly kind: 'key'; readonly key: SigningKey }
  | { readonly kind: 'none'; readonly problem: string }
  /** The DNS gave no answer now. */
  | { readonly kind: 'later'; readonly problem: string };

/** RFC 8301 §3.2 */
export const rsaBitsMin = 1024;

/** RFC 8463 §4 leaves the algorithm out of the record: this is what stands before the octets in DER. */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

/** @throws nothing but bugs. */
export async function findKey(
  resolver: Resolver,
  { domain, selector }: { readonly domain: string; readonly selector: string },
): Promise<KeyFound> {
  const name = `${selector}._domainkey.${domain}`;
  try {
    const answer = await resolver.resolve(name, 'TXT');
    if (answer.kind !== 'records') return { kind: 'none', problem: `no key at ${name}` };
    let problem = '';
    // RFC 6376 §3.6.2.2: more than one record is undefined. The first that is a key is taken.
    for (const record of answer.records) {
      const key = keyOf(record);
      if (typeof key !== 'string') return { kind: 'key', key };
      problem = key;
    }
    return { kind: 'none', problem: `${name}: ${problem}` };
  } catch (error) {
    if (error instanceof DnsError) return { kind: 'later', problem: error.message };
    throw error;
  }
}

/** Limit: records whose keys are kept; making one takes as long as a signature. */
const keyOf = remembered(1_000, readKey);

/** Or what is wrong with it. RFC 6376 §3.6.1 */
function readKey(record: string): SigningKey | string {
  const tags = parseTagList(record);
  if (tags === undefined) return 'not a list of tags';
  const version = tags.get('v');
  if (version !== undefined && (version !== 'DKIM1' || [...tags.keys()][0] !== 'v'))
    return 'not a DKIM key';
  const value = tags.get('p');
  if (value === undefined) return 'no key in it';
  if (withoutSpace(value) === '') return 'the key was revoked';
  if (!includes(tags.get('h'), 'sha256')) return 'not for sha256';
  if (!includes(tags.get('s'), 'email') && !includes(tags.get('s'), '*')) return 'not for mail';
  const kind = tags.get('k')?.toLowerCase() ?? 'rsa';
  if (kind !== 'rsa' && kind !== 'ed25519') return `unknown kind of key: ${kind}`;
  const key = publicKey(kind, Buffer.from(withoutSpace(value), 'base64'));
  if (key === undefined) return 'the key is unreadable';
  const bits = key.asymmetricKeyDetails?.modulusLength;
  const flags = words(tags.get('t') ?? '');
  return {
    ...{ kind, key, bits, isQuick: isQuick(key) },
    ...{ isTest: flags.includes('y'), isStrict: flags.includes('s') },
  };
}

/** Limit: what an RSA key may have for that: some 30 µs. With an exponent of their choice others could make it 10 ms. */
const quickBitsMax = 2_048;
const quickExponentMax = 65_537n;

function isQuick({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): boolean {
  const { modulusLength, publicExponent } = asymmetricKeyDetails;
  return (
    asymmetricKeyType === 'rsa' &&
    modulusLength! <= quickBitsMax &&
    publicExponent! <= quickExponentMax
  );
}

/**
 * RFC 6376 §3.6.1: as grammar the words of `h=`, `k=`, `s=` and `t=` are the same in any case.
 * §3.2 asks for values in their own case, but other verifiers take any, and a signature that does not fit the key fails all the same.
 */
const words = (list: string): readonly string[] => colonList(list.toLowerCase());

/** Without the tag everything is allowed. */
const includes = (list: string | undefined, word: string): boolean =>
  list === undefined || words(list).includes(word);

function publicKey(kind: KeyKind, octets: Buffer): KeyObject | undefined {
  const forms = kind === 'rsa' ? (['spki', 'pkcs1'] as const) : (['spki'] as const);
  const der = kind === 'rsa' ? octets : Buffer.concat([ed25519Prefix, octets]);
  for (const type of forms)
    try {
      const key = createPublicKey({ key: der, format: 'der', type });
      if (key.asymmetricKeyType === kind) return key;
    } catch {
      // Field: some publish PKCS #1 (RFC 8017 A.1.1) where RFC 6376 §3.6.1 says SubjectPublicKeyInfo.
    }
  return undefined;
}
