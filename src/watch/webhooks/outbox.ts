// What webhooks have not taken yet, as records: it outlives a restart. In memory is only what says when it is due. Of
// several nodes each tells what it has written there; what one that is gone has left, another one takes.

import { allRecords } from '../../store/all-records.ts';
import type { Turn } from '../../store/nodes.ts';
import type { RecordStore, StoredRecord } from '../../store/record-store.ts';
import type { Notice } from './webhook.ts';

export interface Waiting extends Omit<Notice, 'body'> {
  /** How many attempts were made. */
  readonly attempts: number;
  /** When the next is due, in milliseconds since 1970. */
  readonly due: number;
}

type Kept = Waiting & Notice;

/** Of a webhook, and of the node that is to tell it. */
export type Found = Waiting & { readonly name: string; readonly node: number };

/** Nothing is kept longer, whether it could be told or not. */
export const keptMs = 3 * 24 * 60 * 60_000;
const kind = 'webhook';

const keyOf = (name: string, id: string): string => `${name}/${id}`;

export class WebhookOutbox {
  readonly #records: RecordStore;
  readonly #node: number;

  /** `node`: this one; 0 when it is alone, and everything is its own. */
  constructor(records: RecordStore, node: number) {
    this.#records = records;
    this.#node = node;
  }

  /** From then on this node is to tell them. @throws TurnLostError */
  put(all: readonly (Kept & { readonly name: string })[], turn?: Turn): Promise<void> {
    return this.#records.put(
      all.map(({ name, ...kept }): StoredRecord => {
        const value = JSON.stringify({ ...kept, node: this.#node });
        return { ...{ kind, key: keyOf(name, kept.id), value }, expires: kept.since + keptMs };
      }),
      turn,
    );
  }

  /** `taken`: another node tells it, since this one was taken for dead. */
  async get(name: string, id: string): Promise<Kept | 'taken' | undefined> {
    const record = await this.#records.get(kind, keyOf(name, id));
    if (record === undefined) return undefined;
    const { node, ...kept } = JSON.parse(record.value) as Kept & { readonly node?: number };
    return this.#node === 0 || node === this.#node ? kept : 'taken';
  }

  /** What another node has left is this one's to tell; false when it is gone. @throws TurnLostError */
  async take(name: string, id: string, turn: Turn): Promise<boolean> {
    const record = await this.#records.get(kind, keyOf(name, id));
    if (record !== undefined)
      await this.put([{ ...(JSON.parse(record.value) as Kept), name }], turn);
    return record !== undefined;
  }

  remove(name: string, ids: readonly string[]): Promise<void> {
    return this.#records.remove(
      kind,
      ids.map((id) => keyOf(name, id)),
    );
  }

  /** Everything, the oldest of each webhook first. */
  async *all(): AsyncIterable<Found> {
    for await (const { key, value } of allRecords(this.#records, kind)) {
      const { body: _, ...waiting } = JSON.parse(value) as Kept & { readonly node?: number };
      yield { ...waiting, name: key.slice(0, key.indexOf('/')), node: waiting.node ?? 0 };
    }
  }
}
