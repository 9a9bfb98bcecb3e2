// What is asked of the history, of one row: whether it is what somebody looks for. Indexes find candidates by words;
// this is exact, and the same for every database.

import type { MessagesAsked, RefusalsAsked } from '../history-search.ts';
import type { Row } from '../row.ts';
import { integer, text, textOrNull } from '../row.ts';

export interface WordsWanted {
  /** Undefined: in any. */
  readonly column?: 'sender' | 'recipients' | 'client' | 'account' | 'marks' | undefined;
  readonly text: string;
  /** The last of them may go on. */
  readonly isBeginning?: boolean | undefined;
}

/** Of a row of a message. */
export function acceptsMessage(asked: MessagesAsked): (row: Row) => boolean {
  const { state, direction, since = 0, until = Number.MAX_SAFE_INTEGER } = asked;
  return (row) => {
    const received = integer(row.received);
    if (received < since || received >= until) return false;
    if (state !== undefined && row.state !== state) return false;
    if (direction !== undefined && row.direction !== direction) return false;
    return isAsked(asked, row, text(row.recipients));
  };
}

/** Of a row of a refusal. */
export function acceptsRefusal(asked: RefusalsAsked): (row: Row) => boolean {
  const { stage, since = 0, until = Number.MAX_SAFE_INTEGER } = asked;
  return (row) => {
    const at = integer(row.at);
    if (at < since || at >= until) return false;
    if (stage !== undefined && row.stage !== stage) return false;
    return isAsked(asked, row, textOrNull(row.recipient) ?? '');
  };
}

type Asked = MessagesAsked | RefusalsAsked;

export function wordsOf({
  sender,
  recipient,
  client,
  account,
  text: sought,
}: Asked): readonly WordsWanted[] {
  const words: readonly WordsWanted[] = [
    { column: 'sender', text: sender ?? '' },
    { column: 'recipients', text: recipient ?? '' },
    { column: 'client', text: client ?? '' },
    { column: 'account', text: account ?? '' },
  ];
  return [...words, ...wordsSought(sought)];
}

/** Of a text to be found anywhere. */
export const wordsSought = (text = ''): readonly WordsWanted[] =>
  text.split(/\s+/).map((word) => ({ text: word, isBeginning: true }));

/** Ids may run ahead of the clock, and the clock may be set. */
export const slackMs = 60_000;

/** The key that all of a page are below; `until` as a key. */
export function keyBefore(after: string | undefined, until: number | undefined): number {
  const cursor = after !== undefined && /^\d{1,16}$/.test(after) ? Number(after) : undefined;
  const most = Number.MAX_SAFE_INTEGER;
  return Math.min(cursor ?? most, until ?? most, most);
}

/** `recipients` are lines. */
function isAsked(asked: Asked, row: Row, recipients: string): boolean {
  const { sender, recipient, client, account } = asked;
  if (sender !== undefined && !isAddress(textOrNull(row.sender) ?? '', sender)) return false;
  if (recipient !== undefined && !recipients.split('\n').some((one) => isAddress(one, recipient)))
    return false;
  if (client !== undefined && row.client !== client) return false;
  return account === undefined || isAddress(textOrNull(row.account) ?? '', account);
}

/** `@domain` is all of a domain. */
function isAddress(address: string, wanted: string): boolean {
  const [have, want] = [address.toLowerCase(), wanted.toLowerCase()];
  return want.startsWith('@') ? have.endsWith(want) : have === want;
}

/** Columns that are no words of a row. */
const silent: ReadonlySet<string> = new Set(['session', 'service']);

/** What the words would find, of one row. */
export function holdsAll(wanted: readonly WordsWanted[]): (row: Row) => boolean {
  const phrases = wanted.map(({ text }) => phraseOf(text)).filter((phrase) => phrase !== ' ');
  return (row) => {
    const words = Object.entries(row)
      .flatMap(([name, value]) => (typeof value === 'string' && !silent.has(name) ? value : []))
      .map(phraseOf)
      .join('\n');
    return phrases.every((phrase) => words.includes(phrase));
  };
}

const phraseOf = (text: string): string => ` ${wordsIn(text.toLowerCase()).join(' ')}`;

/** As FTS5's unicode61 takes them apart. */
export const wordsIn = (text: string): readonly string[] =>
  text.match(/[\p{L}\p{N}\p{Co}]+/gu) ?? [];
