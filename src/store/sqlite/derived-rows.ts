// Digests and sort keys on their way between threads: columns and lists of strings, which cost a
// fraction of as many objects.

import type { MessageDigest } from '../../imap/digest.ts';
import type { MailDigest, SortFacts } from '../folder-store.ts';
import { integer, text } from './row.ts';

/** Envelope, structure, body and preview of each, one after the other; null for what is gone. */
export type DigestsRow = readonly (string | null)[];

export const noDigest: DigestsRow = [null, null, null, null];

export const digestsOf = (row: DigestsRow): (MailDigest | undefined)[] =>
  Array.from({ length: row.length / 4 }, (_, i) => {
    const envelope = row[4 * i]!;
    if (envelope === null) return undefined;
    const [bodyStructure, body, preview] = row.slice(4 * i + 1, 4 * i + 4);
    return { envelope, bodyStructure: bodyStructure!, body: body!, preview: preview! };
  });

export interface SortFactsRow {
  readonly uid: Uint32Array;
  readonly sent: Float64Array;
  readonly isReply: Uint8Array;
  /** Subject, from, to, cc, displayFrom, displayTo, message id and references of each. */
  readonly texts: readonly string[];
}

/** What sortFactsRow() wants behind uid and received, and search.sorting behind the email. */
export const sortingOf = (digest: MessageDigest): readonly (string | number | null)[] => [
  ...[digest.sentMs ?? null, digest.isReply ? 1 : 0, digest.baseSubject],
  ...[digest.sortFrom, digest.sortTo, digest.sortCc, digest.displayFrom, digest.displayTo],
  ...[digest.messageId, digest.references.join('\n')],
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
