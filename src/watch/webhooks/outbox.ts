// What webhooks have not taken yet, as records: it outlives a restart. In memory is only what says when it is due.

import { allRecords } from '../../store/all-records.ts';
import type { RecordStore, StoredRecord } from '../../store/record-store.ts';
import type { Notice } from './webhook.ts';

export interface Waiting extends Omit<Notice, 'body'> {
  /** How many attempts were made. */
  readonly attempts: number;
  /** When the next is due, in milliseconds since 1970. */
  readonly due: number;
}

type Kept = Waiting & Notice;

/** Nothing is kept longer, whether it could be told or not. */
export const keptMs = 3 * 24 * 60 * 60_000;
const kind = 'webhook';

const keyOf = (name: string, id: string): string => `${name}/${id}`;

export class WebhookOutbox {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  put(all: readonly (Kept & { readonly name: string })[]): Promise<void> {
    return this.#records.put(
      all.map(
        ({ name, ...kept }): StoredRecord => ({
          ...{ kind, key: keyOf(name, kept.id), value: JSON.stringify(kept) },
          expires: kept.since + keptMs,
        }),
      ),
    );
  }

  async get(name: string, id: string): Promise<Kept | undefined> {
    const record = await this.#records.get(kind, keyOf(name, id));
    return record && (JSON.parse(record.value) as Kept);
  }

  remove(name: string, ids: readonly string[]): Promise<void> {
    return this.#records.remove(
      kind,
      ids.map((id) => keyOf(name, id)),
    );
  }

  /** Everything, the oldest of each webhook first. */
  async *all(): AsyncIterable<Waiting & { readonly name: string }> {
    for await (const { key, value } of allRecords(this.#records, kind)) {
      const { body: _, ...waiting } = JSON.parse(value) as Kept;
      yield { ...waiting, name: key.slice(0, key.indexOf('/')) };
    }
  }
}
