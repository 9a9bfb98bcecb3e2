// Digests and sort keys on their way between threads: columns and lists of strings, which cost a
// fraction of as many objects.

import type { MessageDigest } from '../../mail/digest/digest.ts';
import type { SortKeys } from '../../mail/digest/sort-keys.ts';
import { type DigestText, digestSeparator, KeptDigest } from '../digest-text.ts';
import type { SortFacts } from '../folder-store.ts';
import { integer, text } from '../row.ts';

/** Of those that are there; texts have a separator between them. */
export interface DigestsRow {
  readonly uids: Uint32Array;
  readonly envelopes: string;
  readonly bodies: string;
  readonly previews: string;
}

/** What search.digest has behind the email and the form. */
export const digestRow = ({ envelope, body, preview }: DigestText) =>
  [envelope, body, preview] as const;

interface DigestTextOf extends DigestText {
  readonly uid: number;
}

/** Of one that is not there yet all texts are ''. */
export function digestTexts({ uids, ...texts }: DigestsRow): readonly DigestTextOf[] {
  const [envelopes, bodies] = [split(texts.envelopes), split(texts.bodies)];
  const previews = split(texts.previews);
  return Array.from(uids, (uid, i) => {
    return { uid, envelope: envelopes[i]!, body: bodies[i]!, preview: previews[i]! };
  });
}

export const digestsRow = (texts: readonly DigestTextOf[]): DigestsRow => ({
  uids: Uint32Array.from(texts, ({ uid }) => uid),
  envelopes: texts.map(({ envelope }) => envelope).join(digestSeparator),
  bodies: texts.map(({ body }) => body).join(digestSeparator),
  previews: texts.map(({ preview }) => preview).join(digestSeparator),
});

/** In the order of `wanted`; undefined for what is gone. */
export function digestsOf(
  row: DigestsRow,
  wanted: readonly number[],
): (MessageDigest | undefined)[] {
  const texts = digestTexts(row);
  if (wanted.length === texts.length && texts.every(({ uid }, i) => uid === wanted[i]))
    return texts.map((text) => new KeptDigest(text));
  const digests = new Map(texts.map((text) => [text.uid, new KeptDigest(text)]));
  return wanted.map((uid) => digests.get(uid));
}

const split = (texts: string): readonly string[] => texts.split(digestSeparator);

export interface SortFactsRow {
  readonly uid: Uint32Array;
  readonly sent: Float64Array;
  readonly isReply: Uint8Array;
  /** Subject, from, to, cc, displayFrom, displayTo, message id and references of each. */
  readonly texts: readonly string[];
}

/** What sortFactsRow() wants behind uid and received, and search.sorting behind the email. */
export const sortingOf = (keys: SortKeys): readonly (string | number | null)[] => [
  ...[keys.sentMs ?? null, keys.isReply ? 1 : 0, keys.subject, keys.from, keys.to, keys.cc],
  ...[keys.displayFrom, keys.displayTo, keys.messageId, keys.references.join('\n')],
];

const textsEach = 8;

/** In UID order. Rows: uid, received, sent_ms, is_reply, then the texts; references have line ends between them. */
export function sortFactsRow(rows: readonly (readonly unknown[])[]): SortFactsRow {
  const uid = new Uint32Array(rows.length);
  const sent = new Float64Array(rows.length);
  const isReply = new Uint8Array(rows.length);
  const texts: string[] = new Array(rows.length * textsEach);
  rows.forEach((row, i) => {
    uid[i] = integer(row[0]);
    sent[i] = integer(row[2] ?? row[1]);
    isReply[i] = integer(row[3]);
    for (let t = 0; t < textsEach; t += 1) texts[textsEach * i + t] = text(row[4 + t]);
  });
  return { uid, sent, isReply, texts };
}

export const sortFactsOf = ({ uid, sent, isReply, texts }: SortFactsRow): SortFacts[] =>
  Array.from(uid, (one, i) => {
    const at = textsEach * i;
    const references = texts[at + 7]!;
    return {
      uid: one,
      sent: sent[i]!,
      isReply: isReply[i] === 1,
      subject: texts[at]!,
      from: texts[at + 1]!,
      to: texts[at + 2]!,
      cc: texts[at + 3]!,
      displayFrom: texts[at + 4]!,
      displayTo: texts[at + 5]!,
      messageId: texts[at + 6]!,
      references: references === '' ? [] : references.split('\n'),
    };
  });
