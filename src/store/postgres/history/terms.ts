// What rows of the history are found by: words, and facts that are compared as a whole. Both are lexemes of one index;
// a fact begins with '=', so that no beginning of a word finds it.

import type { WordsWanted } from '../../history/asked.ts';
import { wordsIn } from '../../history/asked.ts';
import type { refusalRow } from '../../history/refusal-row.ts';
import { refusalWords } from '../../history/refusal-row.ts';
import { bareMessageId, refusalKeys } from '../../history.ts';
import type { MessagesAsked, RefusalsAsked } from '../../history-search.ts';
import { storable } from '../folders/texts.ts';

/** Limit: characters of a word, of a fact: the index takes lexemes of less than 2 KiB. */
const wordMax = 100;
const factMax = 400;
/** Limit: lexemes of one row. */
const termsMax = 500;

type Fact = 'sender' | 'recipient' | 'client' | 'account' | 'messageId' | 'key';
const marks: Readonly<Record<Fact, string>> = {
  ...{ sender: '=s', recipient: '=r', client: '=c', account: '=a', messageId: '=m', key: '=k' },
};

export class Terms {
  readonly #all = new Set<string>();

  fact(kind: Fact, value: string): this {
    return this.#add(factOf(kind, value));
  }

  /** An address, with its domain and its words. */
  address(kind: 'sender' | 'recipient' | 'account', address: string): this {
    const folded = address.toLowerCase();
    this.#add(factOf(kind, folded));
    const at = folded.lastIndexOf('@');
    if (at >= 0) this.#add(factOf(kind, folded.slice(at)));
    return this.words(folded);
  }

  words(text: string): this {
    for (const word of wordsOf(text)) this.#add(word);
    return this;
  }

  /** Lines. */
  get lines(): string {
    return [...this.#all].join('\n');
  }

  #add(term: string): this {
    if (this.#all.size < termsMax) this.#all.add(term);
    return this;
  }
}

/** As Terms makes them of a refusal. */
export function refusalTerms(row: ReturnType<typeof refusalRow>, keys: readonly string[]): Terms {
  const terms = new Terms().fact('client', row.client).words(row.client);
  if (row.sender !== null) terms.address('sender', row.sender);
  if (row.recipient !== null) terms.address('recipient', row.recipient);
  if (row.account !== null) terms.address('account', row.account);
  for (const key of keys) terms.fact('key', key);
  if (row.session !== null) terms.fact('key', row.session);
  return terms.words(refusalWords(row)).words(row.stage);
}

/** A `tsquery` for what is asked; undefined when it names no word and no fact. */
export function queryOf(
  asked: MessagesAsked | RefusalsAsked,
  texts: readonly WordsWanted[],
): string | undefined {
  const { sender, recipient, client, account } = asked;
  const parts = [
    ...(sender === undefined ? [] : [quoted(factOf('sender', sender.toLowerCase()))]),
    ...(recipient === undefined ? [] : [quoted(factOf('recipient', recipient.toLowerCase()))]),
    ...(client === undefined ? [] : [quoted(factOf('client', client))]),
    ...(account === undefined ? [] : [quoted(factOf('account', account.toLowerCase()))]),
    ...texts.flatMap(({ text }) => {
      const words = wordsOf(text);
      return words.map((word, i) => quoted(word) + (i === words.length - 1 ? ':*' : ''));
    }),
  ];
  return parts.length === 0 ? undefined : parts.join(' & ');
}

/** Of messages with this Message-ID. */
export const messageIdQuery = (messageId: string): string =>
  quoted(factOf('messageId', bareMessageId(messageId)));

/** Of refusals that have this among their keys, or as their session. */
export const refusalQuery = (text: string): string =>
  [text, ...refusalKeys(text)].map((key) => quoted(factOf('key', key))).join(' | ');

const wordsOf = (text: string): readonly string[] => {
  const words = wordsIn(storable(text.toLowerCase()));
  return words.some(({ length }) => length > wordMax)
    ? words.map((word) => storable(word.slice(0, wordMax)))
    : words;
};

/** In one line. */
const factOf = (kind: Fact, value: string): string =>
  `${marks[kind]}${storable(value.slice(0, factMax)).replaceAll('\n', ' ')}`;

const quoted = (lexeme: string): string =>
  `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
