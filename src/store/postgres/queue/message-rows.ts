// Messages on their way into the queue: as many as there are in one statement, each with its recipients. All
// octets go as one value, which the database cuts: a list of octets would travel as text, twice as long.

import { assert } from '../../../base/assert.ts';
import { requestsOf } from '../../../smtp/envelope-requests.ts';
import type { StoredContent } from '../../content.ts';
import { storedSize } from '../../content.ts';
import { messageKey } from '../../message-key.ts';
import type { NewMessage, RoomNeed } from '../../queue-store.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Queries, Value } from '../database.ts';
import { joinedTexts, splitTexts } from '../joined-texts.ts';
import { addRecords } from '../record-store.ts';

/** Content that a row of `content` has already. */
export interface KeptContent {
  readonly kind: 'kept';
  readonly id: number;
  readonly size: number;
}

export interface Entering {
  readonly message: Omit<NewMessage, 'content'>;
  readonly content: StoredContent | KeptContent;
  /** Undefined: due when it was received, or when it may leave. */
  readonly lease: { readonly owner: number; readonly until: number } | undefined;
  /** Which of its recipients are queued, and whose room they have; undefined: all, without. */
  readonly chosen?: ReadonlyMap<number, RoomNeed | undefined>;
}

/** A recipient that anybody may claim. */
export interface DueRow {
  readonly destination: string;
  readonly priority: number;
  readonly at: number;
}

/** Limit: octets that one statement brings along. */
export const enteringBytesMax = 8 * 2 ** 20;
/** Limit: messages of one statement. */
export const enteringMax = 256;

export const weightOf = ({ content }: Entering): number =>
  content.kind === 'inline' ? content.bytes.length : 0;

const messageColumns = 14;
const recipientColumns = 16;

/** Which column of messages is JSON, and so one value for all. */
const originColumn = 5;

/** migrations/0009-statements.sql: the columns of messages, the octets of all of them, the columns of recipients. */
const insertMessages = `SELECT queue_enter(${Array.from(
  { length: messageColumns + 1 + recipientColumns },
  (_, i) => (i === originColumn ? splitTexts(i + 1) : `$${i + 1}`),
)}) AS key`;

/**
 * Of each whether it is there now: false when the queue has its id already. Records that come with a message need a
 * transaction.
 */
export async function enter(
  queries: Queries,
  entering: readonly Entering[],
  contents: ContentTable,
): Promise<{ readonly added: readonly boolean[]; readonly due: readonly DueRow[] }> {
  const rows = new Rows(contents);
  for (const one of entering) rows.add(one);
  const found = new Set((await queries.rows(insertMessages, rows.values())).map(({ key }) => key));
  for (const { message } of entering)
    if (message.records !== undefined && found.has(messageKey(message.id)))
      await addRecords(queries, message.records, message.received);
  return {
    added: entering.map(({ message }) => found.has(messageKey(message.id))),
    due: rows.due.filter(({ key }) => found.has(key)),
  };
}

class Rows {
  readonly due: (DueRow & { readonly key: number })[] = [];
  readonly #contents: ContentTable;
  readonly #messages: Value[][] = Array.from({ length: messageColumns }, () => []);
  readonly #recipients: Value[][] = Array.from({ length: recipientColumns }, () => []);
  readonly #octets: Uint8Array[] = [];
  #length = 0;

  constructor(contents: ContentTable) {
    this.#contents = contents;
  }

  values(): readonly Value[] {
    const messages = this.#messages.map((column, i) =>
      i === originColumn ? joinedTexts(column as readonly string[]) : column,
    );
    return [...messages, Buffer.concat(this.#octets), ...this.#recipients];
  }

  add(entering: Entering): void {
    const { message, content } = entering;
    assert(message.recipients.length > 0, 'a message in the queue has recipients');
    const { id, received, sender, params, origin, messageId, prefix } = message;
    const prefixed = this.#pack(Buffer.from(prefix));
    const packed = content.kind === 'inline' ? this.#pack(content.bytes) : [null, null];
    const isShared =
      content.kind !== 'inline' || message.recipients.some(({ delivery }) => delivery === 'local');
    const size = content.kind === 'kept' ? content.size : storedSize(content);
    const row: readonly Value[] = [
      ...[messageKey(id), id, received, sender, params.join(' '), JSON.stringify(origin)],
      ...[messageId === undefined ? null : withoutNul(messageId), ...prefixed, size],
      ...[isShared ? this.#contentId(content) : null, ...packed, isShared],
    ];
    for (const [column, value] of row.entries()) this.#messages[column]!.push(value);
    this.#addRecipients(entering);
  }

  #addRecipients({ message, lease, chosen }: Entering): void {
    const { id, received, params, held = false } = message;
    assert(lease === undefined || !held, 'what is held is nobody’s to attempt');
    const key = messageKey(id);
    const { priority, release } = requestsOf({ params, received });
    const at = lease?.until ?? Math.max(received, release ?? 0);
    for (const [index, recipient] of message.recipients.entries()) {
      if (chosen !== undefined && !chosen.has(index)) continue;
      const { address, params: own, delivery, destination, original } = recipient;
      const need = chosen?.get(index);
      const row: readonly Value[] = [
        ...[key, index, address, own.join(' '), delivery, destination, original ?? null],
        ...[at, lease?.owner ?? null, lease === undefined ? 0 : 1, held],
        ...[lease === undefined ? 0 : 1, priority, release ?? null],
        ...[need?.account ?? null, need?.bytes ?? null],
      ];
      for (const [column, value] of row.entries()) this.#recipients[column]!.push(value);
      if (lease === undefined && !held) this.due.push({ key, destination, priority, at });
    }
  }

  #contentId(content: Entering['content']): number {
    switch (content.kind) {
      case 'inline':
        return this.#contents.newId();
      case 'file':
        return Number(content.key);
      case 'kept':
        return content.id;
    }
  }

  /** Where it begins, counted from 1, and how long it is. */
  #pack(octets: Uint8Array): readonly [number, number] {
    const at = this.#length + 1;
    this.#octets.push(octets);
    this.#length += octets.length;
    return [at, octets.length];
  }
}

/** Texts of this database have no NUL; a Message-ID that somebody made up may. */
const withoutNul = (text: string): string => text.replaceAll('\0', '\ufffd');
