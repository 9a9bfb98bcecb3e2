// The sender of mail that is sent on, as an address of ours: others look whether we may send for the domain of
// MAIL FROM, and what is said of the mail comes back through us. The Sender Rewriting Scheme as its users
// write it: `SRS0=hash=day=domain=local`, and for a sender that is one already `SRS1=hash=domain==rest`.
// A hash keeps strangers from sending through such addresses; without the key none is valid.

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Mailbox } from '../mail/fields/address.ts';
import { domainKey, isDomain } from '../mail/fields/address.ts';

export interface SrsKey {
  /** Known to nobody else. */
  readonly secret: Uint8Array;
  /** Days since 1970. */
  readonly today: number;
}

/** What stands behind an address of ours that mail comes back to. */
export type ReturnedTo =
  | { readonly kind: 'sender'; readonly sender: Mailbox }
  /** One of ours, made too long ago. */
  | { readonly kind: 'expired' }
  /** Written like one of ours, and none. */
  | { readonly kind: 'forged' };

/** Limit: for how many days notifications find back. RFC 5321 §4.5.4.1: mail is given up after 4 or 5. */
const daysMax = 21;
/** A day is two characters of 32: it comes again after three years. */
const daysRound = 1024;
/** Characters of the hash: 30 bits, of which a stranger has one guess a message. */
const hashLength = 6;
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** The local part, at a domain of ours, that stands for this sender. */
export function srsLocalPart({ local, domain }: Mailbox, key: SrsKey): string {
  const place = domainKey(domain);
  const second = /^srs1[=+-][a-z0-9+/]+[=+-]([^=]+)=([=+-].+)$/is.exec(local);
  if (second !== null)
    return `SRS1=${hashOf(`${second[1]}=${second[2]}`, key)}=${second[1]}=${second[2]}`;
  const first = /^srs0([=+-].+)$/is.exec(local);
  if (first !== null) return `SRS1=${hashOf(`${place}=${first[1]}`, key)}=${place}=${first[1]}`;
  const rest = `${dayText(key.today)}=${place}=${local}`;
  return `SRS0=${hashOf(rest, key)}=${rest}`;
}

/** Undefined for a local part that is written otherwise. Whoever hands mail on may change its case. */
export function reverseSrs(local: string, key: SrsKey): ReturnedTo | undefined {
  const first = /^srs0=([a-z2-7]{6})=(([a-z2-7]{2})=([^=]+)=(.+))$/is.exec(local);
  if (first !== null) {
    const [, hash = '', rest = '', day = '', domain = '', name = ''] = first;
    if (!isHash(hash, rest, key) || !isDomain(domain)) return { kind: 'forged' };
    if (daysSince(day, key.today) > daysMax) return { kind: 'expired' };
    return { kind: 'sender', sender: { local: name, domain } };
  }
  const second = /^srs1=([a-z2-7]{6})=(([^=]+)=([=+-].+))$/is.exec(local);
  if (second === null) return /^srs[01]=/i.test(local) ? { kind: 'forged' } : undefined;
  const [, hash = '', rest = '', domain = '', name = ''] = second;
  if (!isHash(hash, rest, key) || !isDomain(domain)) return { kind: 'forged' };
  // Whether it is too old is for whoever made it to say.
  return { kind: 'sender', sender: { local: `SRS0${name}`, domain } };
}

/** Of what was written, whatever its case has become. */
function hashOf(rest: string, { secret }: SrsKey): string {
  const digest = createHmac('sha256', secret).update(`srs ${rest.toLowerCase()}`).digest();
  return Array.from(digest.subarray(0, hashLength), (octet) => alphabet[octet & 31]).join('');
}

const isHash = (hash: string, rest: string, key: SrsKey): boolean =>
  timingSafeEqual(Buffer.from(hash.toLowerCase()), Buffer.from(hashOf(rest, key)));

function dayText(day: number): string {
  const within = day % daysRound;
  return `${alphabet[within >> 5]}${alphabet[within & 31]}`;
}

function daysSince(text: string, today: number): number {
  const [high = '', low = ''] = text.toLowerCase();
  const day = alphabet.indexOf(high) * 32 + alphabet.indexOf(low);
  return (today - day + daysRound) % daysRound;
}
