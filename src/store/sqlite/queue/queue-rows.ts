// The queue's types as rows for the engine, and rows as the queue's types again. Rows are checked when
// they are read.

import { assert, unreachable } from '../../../base/assert.ts';
import type { Content, StoredContent } from '../../content.ts';
import { memoryContent } from '../../content.ts';
import type { NewMailboxMessage } from '../../folder-store.ts';
import { messageKey } from '../../message-key.ts';
import type { QueueTotals } from '../../queue-search.ts';
import { queueStates } from '../../queue-search.ts';
import type {
  AppendEffect,
  Effect,
  LeasedRecipient,
  NewMessage,
  QueueEntry,
  Settlement,
} from '../../queue-store.ts';
import { parseOrigin, parseReply, rememberedKey, words } from '../../queue-texts.ts';
import type { Spool } from '../../spool.ts';
import type {
  AppendRow,
  ContentRow,
  EffectRow,
  EntryRow,
  LeasedRecipientRow,
  MessageRow,
  OutcomeRow,
} from '../requests.ts';
import type { QueueTotalsRow } from './queue-totals.ts';

export function contentOf({ bytes, size, file }: ContentRow, spool: Spool): Content {
  return file === null
    ? memoryContent(bytes ?? new Uint8Array(0))
    : spool.open({ kind: 'file', key: file, size });
}

export function contentRow(content: StoredContent): ContentRow {
  return content.kind === 'inline'
    ? { bytes: content.bytes, size: content.bytes.length, file: null }
    : { bytes: null, size: content.size, file: content.key };
}

const contentOrKey = (content: NewMailboxMessage['content']): ContentRow | number =>
  content.kind === 'queued' ? messageKey(content.id) : contentRow(content);

export function appendRow(
  message: NewMailboxMessage,
  content: ContentRow | number = contentOrKey(message.content),
): AppendRow {
  const { account, folder, prefix, flags, received } = message;
  return { account, folder, prefix, flags, received, content };
}

/** The rows of the effects, and each content that they carry, once: one object here is one row there. */
export function effectRows(effects: readonly Effect[]): {
  readonly rows: readonly EffectRow[];
  readonly contents: readonly ContentRow[];
} {
  const contents = new Map<StoredContent, ContentRow>();
  const contentIn = (content: AppendEffect['content']): ContentRow | number => {
    if (content.kind === 'queued') return messageKey(content.id);
    const row = contents.get(content) ?? contentRow(content);
    contents.set(content, row);
    return row;
  };
  const rows = effects.map((effect): EffectRow => {
    switch (effect.kind) {
      case 'append': {
        const message = appendRow(effect, contentIn(effect.content));
        return { kind: 'append', message, create: effect.create === true };
      }
      case 'enqueue': {
        const { message } = effect;
        return { kind: 'enqueue', message: messageRow(message, contentIn(message.content)) };
      }
      case 'remember': {
        const { account, key, until } = effect;
        return { kind: 'remember', account, key: rememberedKey(key), until };
      }
      default:
        return unreachable(effect);
    }
  });
  return { rows, contents: [...contents.values()] };
}

export function messageRow<Content>(
  message: Omit<NewMessage, 'content'>,
  content: Content,
): MessageRow<Content> {
  const { id, received, sender, params, recipients, prefix, origin, messageId } = message;
  const { held = false, records } = message;
  assert(recipients.length > 0, 'a message in the queue has recipients');
  const rows: (string | null)[] = [];
  for (const { address, params: own, delivery, destination, original } of recipients) {
    const words = own.length === 0 ? '' : own.join(' ');
    rows.push(address, words, delivery, destination, original ?? null);
  }
  return {
    columns: [
      ...([
        messageKey(id),
        id,
        received,
        sender,
        params.length === 0 ? '' : params.join(' '),
      ] as const),
      ...([JSON.stringify(origin), messageId ?? null, prefix] as const),
    ],
    recipients: rows,
    ...{ content, held },
    ...(records !== undefined && { records }),
  };
}

export function outcomeRow({ index, fence, outcome }: Settlement['outcomes'][number]): OutcomeRow {
  if (outcome.kind === 'delivered' || outcome.kind === 'failed') return [index, fence];
  const { kind, until, warned } = outcome;
  const reply = kind === 'skipped' ? null : JSON.stringify(outcome.reply);
  return [index, fence, Math.floor(until), reply, warned ?? null];
}

export function leasedRecipient(row: LeasedRecipientRow, fence: number): LeasedRecipient {
  const { index, address, params, delivery, destination, original, account } = row;
  return {
    ...{ index, address, params: words(params), delivery, destination },
    ...{ attempt: row.attempts, fence, warned: row.warned },
    ...(original === null ? {} : { original }),
    ...(account === null ? {} : { room: account }),
  };
}

export function entryOf({ columns, size, recipients }: EntryRow): QueueEntry {
  const [, id, received, sender, params, origin, messageId] = columns;
  return {
    ...{ id, sender, received, size, params: words(params), origin: parseOrigin(origin) },
    messageId: messageId ?? undefined,
    recipients: recipients.map((row) => ({
      index: row.index,
      address: row.address,
      params: words(row.params),
      delivery: row.delivery,
      destination: row.destination,
      ...(row.original === null ? {} : { original: row.original }),
      state: row.due === null ? 'active' : row.held ? 'held' : 'queued',
      attempts: row.attempts,
      nextAttempt: row.held ? undefined : (row.due ?? undefined),
      lastReply: row.reply === null ? undefined : parseReply(row.reply),
    })),
  };
}

export function totalsOf({ states, replies, ...counted }: QueueTotalsRow): QueueTotals {
  const byState = queueStates.map((state, i) => [state, states[i] ?? 0] as const);
  return {
    ...counted,
    recipients: states.reduce((sum, n) => sum + n, 0),
    states: Object.fromEntries(byState) as QueueTotals['states'],
    replies: replies.map(({ reply, recipients }) => ({ reply: parseReply(reply), recipients })),
  };
}
