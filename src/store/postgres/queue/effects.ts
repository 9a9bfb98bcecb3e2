// What follows from a delivery, in the transaction that takes its recipients off the queue: messages for folders,
// messages for the queue, what an account remembers.

import { unreachable } from '../../../base/assert.ts';
import type { StoredContent } from '../../content.ts';
import { messageKey } from '../../message-key.ts';
import type { AppendEffect, Effect, EnqueueEffect, RememberEffect } from '../../queue-store.ts';
import { integer, integerOrNull } from '../../row.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Transaction } from '../database.ts';
import type { Delivered, Deliveries } from '../deliveries.ts';
import { lockRoom } from '../deliveries.ts';
import { remember } from './memory.ts';
import type { DueRow, KeptContent } from './message-rows.ts';
import { enter } from './message-rows.ts';

export interface EffectsParts {
  readonly contents: ContentTable;
  readonly deliveries: Deliveries;
}

export class Effects {
  readonly #parts: EffectsParts;

  constructor(parts: EffectsParts) {
    this.#parts = parts;
  }

  /** What a mailbox has and what it is to get change together here, for whoever adds them up. */
  async lock(transaction: Transaction, effects: readonly Effect[]): Promise<void> {
    const accounts = effects.flatMap((one) => (one.kind === 'append' ? [one.account] : []));
    if (accounts.length > 0) await lockRoom(transaction, accounts);
  }

  /** Returns what is due in the queue then. */
  async apply(
    transaction: Transaction,
    effects: readonly Effect[],
    now: number,
  ): Promise<readonly DueRow[]> {
    const kept = new Kept(transaction, this.#parts.contents);
    const appended: Delivered[] = [];
    const due: DueRow[] = [];
    const remembered: RememberEffect[] = [];
    for (const effect of effects)
      switch (effect.kind) {
        case 'append':
          appended.push(await delivered(effect, kept));
          break;
        case 'enqueue':
          due.push(...(await this.#enqueue(transaction, effect, kept)));
          break;
        case 'remember':
          remembered.push(effect);
          break;
        default:
          unreachable(effect);
      }
    if (appended.length > 0) await this.#parts.deliveries.append(transaction, appended, now);
    if (remembered.length > 0) await remember(transaction, remembered, now);
    return due;
  }

  async #enqueue(
    transaction: Transaction,
    { message }: EnqueueEffect,
    kept: Kept,
  ): Promise<readonly DueRow[]> {
    const { content, ...rest } = message;
    const entering = {
      message: rest,
      content: content.kind === 'queued' ? await kept.share(content.id) : content,
      lease: undefined,
    };
    const { added, due } = await enter(transaction, [entering], this.#parts.contents);
    if (added[0] !== true) throw new Error(`the queue has a message ${message.id} already`);
    return due;
  }
}

async function delivered(
  { kind: _, content, create = false, ...message }: AppendEffect,
  kept: Kept,
): Promise<Delivered> {
  const { id } = content.kind === 'queued' ? await kept.share(content.id) : await kept.of(content);
  return { ...message, content: id, create };
}

/** Content of this transaction: each once, whoever refers to it. */
class Kept {
  readonly #transaction: Transaction;
  readonly #contents: ContentTable;
  readonly #stored = new Map<StoredContent, KeptContent>();
  readonly #shared = new Map<string, KeptContent>();

  constructor(transaction: Transaction, contents: ContentTable) {
    this.#transaction = transaction;
    this.#contents = contents;
  }

  async of(content: StoredContent): Promise<KeptContent> {
    const known = this.#stored.get(content);
    if (known !== undefined) return known;
    const id = await this.#contents.insert(this.#transaction, content);
    const size = content.kind === 'inline' ? content.bytes.length : content.size;
    const kept = { kind: 'kept', id, size } as const;
    this.#stored.set(content, kept);
    return kept;
  }

  /** The content of a message in the queue, as a row that others may refer to, too. */
  async share(id: string): Promise<KeptContent> {
    const known = this.#shared.get(id);
    if (known !== undefined) return known;
    const key = messageKey(id);
    const [row] = await this.#transaction.rows(
      'SELECT size, content FROM message WHERE key = $1 FOR UPDATE',
      [key],
    );
    if (row === undefined) throw new Error('the message whose content is shared is not queued');
    const [size, content] = [integer(row.size), integerOrNull(row.content)];
    const kept = { kind: 'kept', id: content ?? this.#contents.newId(), size } as const;
    if (content === null) {
      await this.#transaction.run(
        'INSERT INTO content (id, size, bytes) SELECT $1, size, bytes FROM message WHERE key = $2',
        [kept.id, key],
      );
      await this.#transaction.run('UPDATE message SET content = $1, bytes = NULL WHERE key = $2', [
        ...[kept.id, key],
      ]);
    }
    this.#shared.set(id, kept);
    return kept;
  }
}
