// What is asked of the history as a whole, answered from its index.

import type { DatabaseSync } from 'node:sqlite';
import type {
  HistoryPage,
  MessageFound,
  MessagesAsked,
  RefusalFound,
  RefusalsAsked,
} from '../../history-search.ts';
import { messageKeyAt } from '../../message-key.ts';
import type { Row } from '../../row.ts';
import { integer, text, textOrNull } from '../../row.ts';
import { messageRow } from './message-rows.ts';
import { refusalFound, refusalKeyAt } from './refusal-rows.ts';
import type { WordsWanted } from './shelf.ts';
import { searchShelf } from './shelf.ts';

/** Limit: recipients named in a list. */
const recipientsShown = 3;
/** Ids may run ahead of the clock, and the clock may be set. */
const slackMs = 60_000;

export type Found<Item> = Omit<HistoryPage<Item>, 'upToDate'>;

export function searchMessages(
  database: DatabaseSync,
  asked: MessagesAsked,
  isOver: () => boolean,
): Found<MessageFound> {
  const { state, direction, since = 0, until = Number.MAX_SAFE_INTEGER, limit } = asked;
  const marks = [state, direction].filter((mark) => mark !== undefined);
  const { rows, next } = searchShelf(database, {
    ...{ table: 'message', limit, isOver },
    words: [...wordsOf(asked), ...marks.map((mark) => ({ column: 'marks', text: mark }) as const)],
    from: messageKeyAt(since - slackMs),
    before: beforeOf(asked.after, asked.until && messageKeyAt(asked.until + slackMs)),
    accept(row) {
      const received = integer(row.received);
      if (received < since || received >= until) return false;
      if (state !== undefined && row.state !== state) return false;
      if (direction !== undefined && row.direction !== direction) return false;
      return isAsked(asked, row, text(row.recipients));
    },
  });
  return { items: rows.map(messageFound), next: next === undefined ? null : String(next) };
}

export function searchRefusals(
  database: DatabaseSync,
  asked: RefusalsAsked,
  isOver: () => boolean,
): Found<RefusalFound> {
  const { stage, since = 0, until = Number.MAX_SAFE_INTEGER, limit } = asked;
  const { rows, next } = searchShelf(database, {
    ...{ table: 'refusal', limit, isOver },
    words: [
      ...wordsOf(asked),
      ...(stage === undefined ? [] : [{ column: 'marks', text: stage } as const]),
    ],
    from: refusalKeyAt(Math.max(0, since - slackMs)),
    before: beforeOf(asked.after, asked.until && refusalKeyAt(asked.until + slackMs)),
    accept(row) {
      const at = integer(row.at);
      if (at < since || at >= until) return false;
      if (stage !== undefined && row.stage !== stage) return false;
      return isAsked(asked, row, textOrNull(row.recipient) ?? '');
    },
  });
  return { items: rows.map(refusalFound), next: next === undefined ? null : String(next) };
}

type Asked = MessagesAsked | RefusalsAsked;

function wordsOf({ sender, recipient, client, account, text: sought }: Asked): WordsWanted[] {
  const words: WordsWanted[] = [
    { column: 'sender', text: sender ?? '' },
    { column: 'recipients', text: recipient ?? '' },
    { column: 'client', text: client ?? '' },
    { column: 'account', text: account ?? '' },
  ];
  for (const word of sought?.split(/\s+/) ?? []) words.push({ text: word, isBeginning: true });
  return words;
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

function beforeOf(after: string | undefined, until: number | undefined): number {
  const cursor = after !== undefined && /^\d{1,16}$/.test(after) ? Number(after) : undefined;
  const most = Number.MAX_SAFE_INTEGER;
  return Math.min(cursor ?? most, until ?? most, most);
}

function messageFound(found: Row): MessageFound {
  const row = messageRow(found);
  return {
    ...{ id: row.id, received: row.received, sender: row.sender, size: row.size },
    recipients: row.recipients.split('\n').slice(0, recipientsShown),
    recipientCount: row.recipientCount,
    messageId: row.messageId ?? undefined,
    service: row.service,
    client: row.client ?? undefined,
    account: row.account ?? undefined,
    ...{ direction: row.direction, state: row.state },
    lastReply: row.reply ?? undefined,
    lastEvent: row.lastEvent,
  };
}
