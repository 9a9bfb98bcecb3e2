// The words of a search as Mailpit has them: `from:ann is:unread -subject:"two words" after:2026-01-31`. All of
// them hold; `-` or `!` in front turns one around; what has no meaning of its own is looked for in header and text.

import type { MailTerm, MailTest, SearchedField } from '../store/mail-question.ts';
import { keywordOf, tagOf } from './tags.ts';
import { momentOf } from './written-moment.ts';

/** The query cannot be understood; one line that says what and how it is written. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

/** Limits: characters of a query, and words in it. */
const queryMax = 2000;
const wordsMax = 50;

/** `timeZone`: where days begin, by its name in the IANA database. @throws QueryError */
export function mailTerms(query: string, timeZone = 'UTC'): readonly MailTerm[] {
  if (query.length > queryMax)
    throw new QueryError(`a search may have ${queryMax} characters, and this has ${query.length}`);
  const words = wordsOf(query);
  if (words.length > wordsMax)
    throw new QueryError(`a search may have ${wordsMax} words, and this has ${words.length}`);
  return words.map((word) => termOf(word, timeZone));
}

/** What stands between white space; within double quotes white space is part of a word. */
const wordsOf = (query: string): readonly string[] =>
  (query.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [])
    .map((word) => word.replaceAll('"', ''))
    .filter((word) => !/^[-!]?\s*$/.test(word));

function termOf(word: string, timeZone: string): MailTerm {
  const not = /^[-!]./s.test(word);
  const text = not ? word.slice(1) : word;
  if (/^is:unread$/i.test(text)) return { kind: 'flag', flag: '\\Seen', not: !not };
  const [, name = '', value = ''] = /^([a-z-]+):(.*)$/is.exec(text) ?? [];
  const test = named.get(name.toLowerCase())?.(value.trim(), timeZone, name);
  return { ...(test ?? { kind: 'text', text }), not };
}

type Read = (value: string, timeZone: string, name: string) => MailTest;

const header =
  (...fields: SearchedField[]): Read =>
  (text, _, name) => {
    // What somebody forgot to fill in would find everything.
    if (text === '') throw new QueryError(`${name}: wants a text to look for`);
    return { kind: 'header', fields, text };
  };

const size =
  (is: 'larger' | 'smaller'): Read =>
  (value) => ({ kind: 'size', is, bytes: bytesOf(value, is) });

const received =
  (is: 'since' | 'until', name: string): Read =>
  (value, timeZone) => {
    const ms = momentOf(value, timeZone);
    if (ms === undefined)
      throw new QueryError(`${name}: wants a day such as 2026-01-31, not '${value}'`);
    return { kind: 'received', is, ms };
  };

const choice =
  (name: string, choices: ReadonlyMap<string, MailTest>): Read =>
  (value) => {
    const test = choices.get(value.toLowerCase());
    if (test === undefined)
      throw new QueryError(
        `${name}: can be ${[...choices.keys()].join(', ')}${name === 'is' ? ', unread' : ''}, not '${value}'`,
      );
    return test;
  };

const is = new Map<string, MailTest>([
  ['read', { kind: 'flag', flag: '\\Seen' }],
  ['flagged', { kind: 'flag', flag: '\\Flagged' }],
  ['tagged', { kind: 'tagged' }],
]);
const has = new Map<string, MailTest>([
  ['attachment', { kind: 'has', what: 'attachment' }],
  ['attachments', { kind: 'has', what: 'attachment' }],
  ['inline', { kind: 'has', what: 'inline' }],
  ['inlines', { kind: 'has', what: 'inline' }],
]);

const named: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['from', header('from')],
  ['to', header('to')],
  ['cc', header('cc')],
  ['bcc', header('bcc')],
  ['reply-to', header('reply-to')],
  ['addressed', header('from', 'to', 'cc', 'bcc', 'reply-to')],
  ['subject', header('subject')],
  ['message-id', header('message-id')],
  ['tag', (value) => ({ kind: 'flag', flag: keywordOf(tagOf(value)) })],
  ['is', choice('is', is)],
  ['has', choice('has', has)],
  ['after', received('since', 'after')],
  ['before', received('until', 'before')],
  ['larger', size('larger')],
  ['smaller', size('smaller')],
]);

const units = new Map([
  ['', 1],
  ['k', 2 ** 10],
  ['kb', 2 ** 10],
  ['m', 2 ** 20],
  ['mb', 2 ** 20],
]);

function bytesOf(value: string, name: string): number {
  const [, number, unit] = /^(\d{1,12}(?:\.\d{1,6})?) ?([a-z]{0,2})$/i.exec(value) ?? [];
  const factor = units.get(unit?.toLowerCase() ?? 'none');
  if (number === undefined || factor === undefined)
    throw new QueryError(`${name}: wants a size such as 500, 20k or 1.5MB, not '${value}'`);
  return Math.floor(Number(number) * factor);
}
