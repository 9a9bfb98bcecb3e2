// A signature over a message, as DKIM-Signature and ARC-Message-Signature have it: its tags (RFC 6376 §3.5,
// RFC 8617 §4.1.2), what it signs (RFC 6376 §3.7), and whether that is so (§6.1).

import { createHash, hash, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { Turns } from '../base/in-turns.ts';
import { inTurns } from '../base/in-turns.ts';
import type { Resolver } from '../dns/resolver.ts';
import { domainKey } from '../mail/fields/address.ts';
import type { BodyHasher, Canonicalization } from './canonical.ts';
import { canonicalField } from './canonical.ts';
import type { RawField } from './canonical-text.ts';
import { canonicalText } from './canonical-text.ts';
import type { KeyFound, SigningKey } from './dkim-key.ts';
import { findKey, rsaBitsMin } from './dkim-key.ts';
import type { TagList } from './tag-list.ts';
import { colonList, parseTagList, withoutSpace } from './tag-list.ts';

export type Algorithm = 'rsa-sha256' | 'ed25519-sha256';

export interface Signature {
  readonly field: RawField;
  readonly algorithm: Algorithm;
  readonly domain: string;
  readonly selector: string;
  /** `i=`, whom it speaks for; of ARC the number of its set. */
  readonly identity: string;
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  /** `l=` */
  readonly lengthMax: number | undefined;
  readonly signedNames: readonly string[];
  readonly bodyHash: string;
  readonly signature: Buffer;
  /** Seconds since the epoch. */
  readonly expiresAt: number | undefined;
}

/** Why a signature is none; `result` as RFC 8601 §2.7.1 has it. */
export interface Failure {
  readonly result: 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror';
  readonly problem: string;
}

/** What is left of one that cannot be read, to tell of it. */
export interface Unreadable extends Failure {
  readonly domain: string | undefined;
  readonly selector: string | undefined;
}

export const permanent = (problem: string): Failure => ({ result: 'permerror', problem });

/** The value of a field, with its folding. */
export const rawValue = (raw: string): string => raw.slice(raw.indexOf(':') + 1);

/** Limit: octets of a field of a signature. Honest ones have two thousand, with copies of what they sign (`z=`) five. */
export const signatureBytesMax = 16 * 1024;

/** RFC 6376 §6.1.1, RFC 8617 §4.1.2 */
export function readSignature(field: RawField, kind: 'dkim' | 'arc'): Signature | Unreadable {
  if (field.raw.length > signatureBytesMax)
    return {
      ...permanent('longer than a signature may be'),
      domain: undefined,
      selector: undefined,
    };
  const tags = parseTagList(rawValue(field.raw));
  if (tags === undefined)
    return { ...permanent('not a list of tags'), domain: undefined, selector: undefined };
  const { domain, selector } = signerOf(tags);
  const read = kind === 'dkim' ? dkimProblem(tags) : undefined;
  const result = read ?? signatureOf(field, tags, kind);
  return 'problem' in result ? { ...result, domain, selector } : result;
}

/** Of whom a list of tags is. RFC 8616 §5: names may be in UTF-8; they are asked for, and compared, as A-labels. */
export function signerOf(tags: TagList): Pick<Unreadable, 'domain' | 'selector'> {
  const [d, s] = [tags.get('d'), tags.get('s')];
  return { domain: d && domainKey(inUtf8(d)), selector: s && asciiName(inUtf8(s)) };
}

const inUtf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString();

/** As it is written, where it is in ASCII. */
const asciiName = (text: string): string => (/^[\x00-\x7f]*$/.test(text) ? text : domainKey(text));

function dkimProblem(tags: TagList): Failure | undefined {
  if (tags.get('v') !== '1') return permanent('not of version 1');
  if (tags.has('q') && !colonList(tags.get('q')!.toLowerCase()).includes('dns/txt'))
    return permanent('the key is not in the DNS');
  return undefined;
}

function signatureOf(field: RawField, tags: TagList, kind: 'dkim' | 'arc'): Signature | Failure {
  for (const name of ['a', 'b', 'bh', 'd', 'h', 's'])
    if (!tags.has(name) || tags.get(name) === '') return permanent(`no ${name}=`);
  const { domain = '', selector = '' } = signerOf(tags);
  const algorithm = tags.get('a')!.toLowerCase();
  // RFC 8301 §3.1: rsa-sha1 is no signature any more.
  if (algorithm === 'rsa-sha1') return { result: 'policy', problem: 'sha1 is too weak' };
  if (algorithm !== 'rsa-sha256' && algorithm !== 'ed25519-sha256')
    return permanent(`unknown algorithm ${algorithm}`);
  // Field: sealers that leave c= out sign relaxed, whatever RFC 8617 §4.1.2 inherits.
  const c = tags.get('c') ?? (kind === 'dkim' ? 'simple/simple' : 'relaxed/relaxed');
  const [header = '', body = 'simple'] = c.toLowerCase().split('/');
  if (!isCanonicalization(header) || !isCanonicalization(body))
    return permanent('unknown canonicalization');
  const signedNames = colonList(tags.get('h')!).map((name) => name.toLowerCase());
  if (kind === 'dkim' && !signedNames.includes('from')) return permanent('From is not signed');
  // RFC 8617 §4.1.2
  if (kind === 'arc' && signedNames.includes('arc-seal')) return permanent('the seal is signed');
  const identity = inUtf8(tags.get('i') ?? `@${domain}`);
  if (kind === 'dkim' && !isWithin(hostOf(identity), domain))
    return permanent('i= is not within d=');
  const numbers = ['l', 't', 'x'].map((name) => numberOf(tags.get(name)));
  if (numbers.includes('bad')) return permanent('l=, t= or x= is no number');
  const [lengthMax, signedAt, expiresAt] = numbers as (number | undefined)[];
  if (signedAt !== undefined && expiresAt !== undefined && expiresAt < signedAt)
    return permanent('it expired before it was made');
  return {
    field,
    algorithm,
    domain,
    selector,
    identity,
    ...{ header, body, lengthMax, signedNames, expiresAt },
    bodyHash: withoutSpace(tags.get('bh')!),
    signature: Buffer.from(withoutSpace(tags.get('b')!), 'base64'),
  };
}

/** In A-labels. */
const hostOf = (identity: string): string =>
  domainKey(identity.slice(identity.lastIndexOf('@') + 1));

const isCanonicalization = (text: string): text is Canonicalization =>
  text === 'simple' || text === 'relaxed';

const numberOf = (text: string | undefined): number | undefined | 'bad' =>
  text === undefined ? undefined : /^\d{1,15}$/.test(text) ? Number(text) : 'bad';

export function isWithin(name: string, domain: string): boolean {
  const lower = name.toLowerCase();
  return lower === domain || lower.endsWith(`.${domain}`);
}

/** What signatures of a message sign of its header. */
export interface SignedHeader {
  readonly fields: readonly RawField[];
  readonly turns: Turns;
  /** Whether so many octets more may be signed, which counts them. */
  takes(octets: number): boolean;
}

/** Of the fields of a message, for all of its signatures. */
const indexes = new WeakMap<readonly RawField[], ReadonlyMap<string, readonly RawField[]>>();

function byName(fields: readonly RawField[]): ReadonlyMap<string, readonly RawField[]> {
  const known = indexes.get(fields);
  if (known !== undefined) return known;
  const index = Map.groupBy(fields, ({ lowerName }) => lowerName);
  indexes.set(fields, index);
  return index;
}

/**
 * The fields that are signed, in the order of the names: of those with the same name the last first; of a
 * name that is not there nothing, nor the field that says so. RFC 6376 §5.4.2
 */
export function signedFields(
  names: readonly string[],
  fields: readonly RawField[],
  own?: RawField,
): readonly RawField[] {
  const index = byName(fields);
  const left = new Map<string, number>();
  const signed: RawField[] = [];
  for (const name of names) {
    const same = index.get(name);
    if (same === undefined) continue;
    let at = (left.get(name) ?? same.length) - 1;
    if (same[at] === own) at -= 1;
    const field = same[at];
    if (field !== undefined) signed.push(field);
    left.set(name, Math.max(at, 0));
  }
  return signed;
}

/** RFC 6376 §3.7: the signature's own field comes last, without its value and without a line end. */
export const ownText = ({ field, header }: Pick<Signature, 'field' | 'header'>): string =>
  canonicalField(withoutValue(field.raw), header).replace(/\r\n$/, '');

export const octetsOf = (fields: readonly RawField[]): number =>
  fields.reduce((octets, { raw }) => octets + raw.length, 0);

/** `b=` without what is behind it. RFC 6376 §3.5; other colons are of `h=`, and of fields that `z=` copies. */
export const withoutValue = (raw: string): string =>
  raw.replace(/((?:^[^:]*:|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*?(\r\n$|;|$)/, '$1$2');

export type Checked = Failure | { readonly result: 'pass'; readonly isTest: boolean };

interface Checking {
  readonly message: SignedHeader;
  /** Of this signature's canonicalization and length, at its end. */
  readonly body: BodyHasher;
  readonly resolver: Resolver;
  /** Now, in seconds since the epoch. */
  readonly seconds: number;
}

/** RFC 6376 §6.1 */
export async function checkSignature(
  signature: Signature,
  { message, body, resolver, seconds }: Checking,
): Promise<Checked> {
  if (signature.expiresAt !== undefined && signature.expiresAt < seconds)
    return { result: 'fail', problem: 'it has expired' };
  const { digest, octets, hashed } = body.end();
  if (signature.lengthMax !== undefined && hashed < signature.lengthMax)
    return { result: 'fail', problem: 'the body is shorter than what was signed' };
  if (digest !== signature.bodyHash) return { result: 'fail', problem: 'the body was changed' };
  const key = usableKey(await findKey(resolver, signature), signature);
  if ('problem' in key) return key;
  const othersTurn = message.turns.spend(signature.field.raw.length);
  if (othersTurn !== undefined) await othersTurn;
  const signed = signedFields(signature.signedNames, message.fields, signature.field);
  // RFC 6376 §8.4: what many sign of a long header is work without end.
  if (!message.takes(octetsOf(signed)))
    return { result: 'policy', problem: 'too much of the header is signed' };
  const others = await canonicalText(signed, signature.header, message.turns);
  const text = Buffer.from(`${others}${ownText(signature)}`, 'latin1');
  if (!(await isSigned(text, signature.signature, key)))
    return { result: 'fail', problem: 'the header was changed, or the key is another one' };
  // RFC 6376 §8.2: whoever adds something behind what was signed must not speak for the signer.
  if (octets > hashed) return { result: 'policy', problem: 'not all of the body is signed (l=)' };
  return { result: 'pass', isTest: key.isTest };
}

/** RFC 6376 §6.1.2 */
export function usableKey(
  found: KeyFound,
  { algorithm, identity, domain }: Pick<Signature, 'algorithm' | 'identity' | 'domain'>,
): SigningKey | Failure {
  if (found.kind === 'later') return { result: 'temperror', problem: found.problem };
  if (found.kind === 'none') return permanent(found.problem);
  const { kind, bits, isStrict } = found.key;
  if (!algorithm.startsWith(kind))
    return permanent(`the key is ${kind}, the signature ${algorithm}`);
  if (bits !== undefined && bits < rsaBitsMin)
    return { result: 'policy', problem: `a key of ${bits} bits is too weak` };
  if (isStrict && identity.includes('@') && hostOf(identity) !== domain)
    return permanent('the key is not for subdomains');
  return found.key;
}

/** Limit: octets that are hashed on the way, which takes as long as a quick key does. */
const quickBytesMax = 16 * 1024;

const verifyInPool = promisify(verify);

/** In turns, where it is long. */
export async function sha256(text: Uint8Array): Promise<Buffer> {
  if (text.length <= quickBytesMax) return hash('sha256', text, 'buffer');
  const hashed = createHash('sha256');
  const others = inTurns(text, (slice) => hashed.update(slice));
  if (others !== undefined) await others;
  return hashed.digest();
}

/** In the thread pool where it takes a while: nobody waits for RSA of 4096 bits, or for a header of a MiB. */
export async function isSigned(
  text: Uint8Array,
  signature: Uint8Array,
  { kind, key, isQuick }: Pick<SigningKey, 'kind' | 'key' | 'isQuick'>,
): Promise<boolean> {
  if (isQuick && text.length <= quickBytesMax) return verify('sha256', text, key, signature);
  // RFC 8463 §3: what ed25519 signs is the hash.
  return kind === 'rsa'
    ? verifyInPool('sha256', text, key, signature)
    : verifyInPool(null, await sha256(text), key, signature);
}
