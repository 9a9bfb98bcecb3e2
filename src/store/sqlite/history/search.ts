// What is asked of the history as a whole, answered from its index.

import type { DatabaseSync } from 'node:sqlite';
import type { WordsWanted } from '../../history/asked.ts';
import {
  acceptsMessage,
  acceptsRefusal,
  keyBefore,
  slackMs,
  wordsOf,
} from '../../history/asked.ts';
import { messageFound } from '../../history/message-row.ts';
import { refusalFound } from '../../history/refusal-row.ts';
import type {
  HistoryPage,
  MessageFound,
  MessagesAsked,
  RefusalFound,
  RefusalsAsked,
} from '../../history-search.ts';
import { messageKeyAt } from '../../message-key.ts';
import { refusalKeyAt } from './refusal-rows.ts';
import { searchShelf } from './shelf.ts';

export type Found<Item> = Omit<HistoryPage<Item>, 'upToDate'>;

export function searchMessages(
  database: DatabaseSync,
  asked: MessagesAsked,
  isOver: () => boolean,
): Found<MessageFound> {
  const { state, direction, since = 0, limit } = asked;
  const marks = [state, direction].filter((mark) => mark !== undefined);
  const { rows, next } = searchShelf(database, {
    ...{ table: 'message', limit, isOver },
    words: [...wordsOf(asked), ...marks.map(asMark)],
    from: messageKeyAt(since - slackMs),
    before: keyBefore(asked.after, asked.until && messageKeyAt(asked.until + slackMs)),
    accept: acceptsMessage(asked),
  });
  return { items: rows.map(messageFound), next: next === undefined ? null : String(next) };
}

export function searchRefusals(
  database: DatabaseSync,
  asked: RefusalsAsked,
  isOver: () => boolean,
): Found<RefusalFound> {
  const { stage, since = 0, limit } = asked;
  const { rows, next } = searchShelf(database, {
    ...{ table: 'refusal', limit, isOver },
    words: [...wordsOf(asked), ...(stage === undefined ? [] : [asMark(stage)])],
    from: refusalKeyAt(Math.max(0, since - slackMs)),
    before: keyBefore(asked.after, asked.until && refusalKeyAt(asked.until + slackMs)),
    accept: acceptsRefusal(asked),
  });
  return { items: rows.map(refusalFound), next: next === undefined ? null : String(next) };
}

const asMark = (text: string): WordsWanted => ({ column: 'marks', text });
