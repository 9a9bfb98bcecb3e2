// What a question about lists asks of each message: what the columns say, and what has to be looked up.

import { bitsOf } from '../folders/flags.ts';
import type { MailTerm, MailTest, SearchedField } from '../mail-question.ts';
import { emailOf } from '../object-id.ts';
import { isTag, type MailRow } from './mail-rows.ts';

export type ContentTest = Extract<MailTest, { readonly kind: 'has' | 'header' | 'text' }>;
export type ColumnTest = Exclude<MailTest, ContentTest>;

/** Columns of what is derived from messages, folded. */
export const columnOf = {
  from: 'sender',
  to: 'recipient',
  cc: 'cc',
  bcc: 'bcc',
  'reply-to': 'reply_to',
  subject: 'subject',
  'message-id': 'message_id',
} as const satisfies Record<SearchedField, string>;

export const isContentTerm = (term: MailTerm): term is MailTerm & ContentTest =>
  term.kind === 'header' || term.kind === 'text' || term.kind === 'has';

export function columnTest(test: ColumnTest): (row: MailRow) => boolean {
  switch (test.kind) {
    case 'flag': {
      const bit = bitsOf([test.flag]);
      if (bit !== 0) return ({ flags }) => (flags & bit) !== 0;
      const wanted = test.flag.toLowerCase();
      return ({ keywords }) =>
        keywords !== '' && keywords.toLowerCase().split(' ').includes(wanted);
    }
    case 'tagged':
      return ({ keywords }) => keywords !== '' && keywords.split(' ').some(isTag);
    case 'size':
      return test.is === 'larger'
        ? ({ size }) => size > test.bytes
        : ({ size }) => size < test.bytes;
    case 'received':
      return test.is === 'since'
        ? ({ received }) => received >= test.ms
        : ({ received }) => received <= test.ms;
    case 'after': {
      const after = emailOf(test.id) ?? Number.POSITIVE_INFINITY;
      return ({ email }) => email > after;
    }
    case 'id': {
      const ids = new Set(test.ids.map(emailOf));
      return ({ email }) => ids.has(email);
    }
  }
}
