// What is kept of a message beside it: a row of `derived`.

import { leafParts } from '../../../mail/digest/leaf-parts.ts';
import { messageFacts } from '../../../mail/digest/message-facts.ts';
import { digestForm, digestText } from '../../digest-text.ts';
import type { Row } from '../../row.ts';
import { derivation } from '../../search/derivation.ts';
import { sortingOf } from '../../search/derived-rows.ts';
import { headerFields, headerText } from '../../search/message-text.ts';
import { fold, indexed } from '../../search/search-words.ts';
import type { Transaction } from '../database.ts';
import { storable } from '../folders/texts.ts';

/** In the order in which it is written. */
const columns = [
  ...(['envelope', 'body', 'preview', 'names', 'sent_day', 'subject', 'sender'] as const),
  ...(['recipient', 'cc', 'bcc', 'message_id', 'in_reply_to', 'refs', 'reply_to'] as const),
  ...(['attachments', 'inlines', 'sorting', 'header_words', 'body_words'] as const),
];
const numbers: ReadonlySet<string> = new Set(['sent_day', 'attachments', 'inlines']);

export type DerivedRow = Row;

export function derivedRow(message: Uint8Array): DerivedRow {
  const { headerTexts: texts, digest, sortKeys, text } = messageFacts(message);
  const fields = headerFields(message);
  const kinds = leafParts(digest.body).map(({ kind }) => kind);
  const count = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
  const folded = (value: string) => storable(fold(value));
  const { envelope, body, preview } = digestText(digest);
  return {
    envelope: storable(envelope),
    body: storable(body),
    preview: storable(preview),
    names: storable(` ${[...new Set(fields.map(({ lowerName }) => lowerName))].join(' ')} `),
    sent_day: digest.envelope.sent?.day ?? null,
    subject: folded(texts.subject),
    sender: folded(texts.from),
    recipient: folded(texts.to),
    cc: folded(texts.cc),
    bcc: folded(texts.bcc),
    message_id: folded(texts.messageId),
    in_reply_to: folded(texts.inReplyTo),
    refs: folded(texts.references),
    reply_to: folded(texts.replyTo),
    attachments: count('attachment'),
    inlines: count('inline'),
    sorting: storable(JSON.stringify(sortingOf(sortKeys))),
    header_words: wordsOf(headerText(message, fields)),
    body_words: wordsOf(fold(text)),
  };
}

/** Each once, with line ends around them. */
function wordsOf(foldedText: string): string {
  const words = storable(indexed(foldedText)).match(/[0-9a-z\x80-\uffff]+/g) ?? [];
  return `\n${[...new Set(words)].join('\n')}\n`;
}

/** Of emails that are still there. */
export async function insertDerived(
  transaction: Transaction,
  rows: ReadonlyMap<number, DerivedRow>,
): Promise<void> {
  // Whoever takes away one of them waits, and takes this away, too.
  const there = await transaction.rows(
    'SELECT id FROM email WHERE id = ANY($1::bigint[]) ORDER BY id FOR SHARE',
    [[...rows.keys()]],
  );
  const emails = there.map(({ id }) => Number(id));
  if (emails.length === 0) return;
  const lists = columns.map((name, i) => `$${i + 2}::${numbers.has(name) ? 'integer' : 'text'}[]`);
  await transaction.run(
    `INSERT INTO derived (derivation, form, email, ${columns.join()})
     SELECT ${derivation}, ${digestForm}, * FROM unnest($1::bigint[], ${lists.join()})
     ON CONFLICT (email) DO UPDATE SET derivation = excluded.derivation, form = excluded.form,
       ${columns.map((name) => `${name} = excluded.${name}`).join()}`,
    [
      emails,
      ...columns.map((name) =>
        emails.map((email) => (rows.get(email)?.[name] ?? null) as string | number | null),
      ),
    ],
  );
}
