// The sender of mail that is ours, tagged: what is said of that mail comes to the tagged address, and a notification
// to the plain one is about mail that somebody else sent in its name. Bounce Address Tag Validation as its users
// write it, draft-levine-smtp-batv-01: `prvs=KDDDSSSSSS=local`, of a key's number, the day until which it is valid
// and a hash, which keeps strangers from tagging; without the secret no tag is valid.

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Mailbox } from '../mail/fields/address.ts';
import { addressKey } from '../mail/fields/address.ts';
import type { ReturnedTo, SrsKey } from './srs.ts';

/** Limit: for how many days notifications find back. RFC 5321 §4.5.4.1: mail is given up after 4 or 5. */
const daysMax = 7;
/** A day is three digits: it comes again after that many. */
const daysRound = 1000;
/** There is one secret. */
const keyNumber = 0;
const form = /^prvs=(\d(\d{3}))([0-9a-f]{6})=(.+)$/is;
/** RFC 5321 §4.5.3.1.1: what every server takes. */
const localBytesSure = 64;
const tagBytes = 'prvs=KDDDSSSSSS='.length;

export const isTagged = (local: string): boolean => form.test(local);

/** What would be too long for others with a tag goes without, and so does what has one. */
export const canBeTagged = ({ local }: Mailbox): boolean =>
  Buffer.byteLength(local) + tagBytes <= localBytesSure && !isTagged(local);

/** The local part, in the same domain, that stands for this sender for a week. */
export function taggedLocalPart(sender: Mailbox, { secret, today }: SrsKey): string {
  const lastDay = String((today + daysMax) % daysRound).padStart(3, '0');
  const tag = `${keyNumber}${lastDay}`;
  return `prvs=${tag}${hashOf(tag, sender, secret)}=${sender.local}`;
}

/** Undefined for an address that is written otherwise. Whoever hands mail on may change its case. */
export function untagged({ local, domain }: Mailbox, key: SrsKey): ReturnedTo | undefined {
  const written = form.exec(local);
  if (written === null) return undefined;
  const [, tag = '', lastDay = '', hash = '', name = ''] = written;
  const sender = { local: name, domain };
  const expected = Buffer.from(hashOf(tag, sender, key.secret));
  if (!timingSafeEqual(Buffer.from(hash.toLowerCase()), expected)) return { kind: 'forged' };
  const daysLeft = (Number(lastDay) - (key.today % daysRound) + daysRound) % daysRound;
  return daysLeft <= daysMax ? { kind: 'sender', sender } : { kind: 'expired' };
}

/** 24 bits, of which a stranger has one guess a message. */
const hashOf = (tag: string, sender: Mailbox, secret: Uint8Array): string =>
  createHmac('sha256', secret)
    .update(`batv ${tag}${addressKey(sender)}`)
    .digest('hex')
    .slice(0, 6);
