// The embedded RecordStore.

import type { Clock } from '../../base/clock.ts';
import type { RecordPage, RecordStore, StoredRecord } from '../record-store.ts';
import { checkLength, rememberedKinds } from '../record-store.ts';
import type { GroupCommit } from './group-commit.ts';
import { Remembered } from './remembered.ts';

/** Limits: records in memory, and the characters of each: 16 MiB in all, of a thousand phones 3 MiB. */
const rememberedMax = 4096;
const rememberedCharactersMax = 4096;

export interface SqliteRecordStoreParts {
  readonly commit: GroupCommit;
  readonly clock: Clock;
}

export class SqliteRecordStore implements RecordStore {
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  /** Records have one owner, the process that has the data directory. */
  readonly #remembered = new Remembered<StoredRecord>(rememberedMax);

  constructor({ commit, clock }: SqliteRecordStoreParts) {
    this.#commit = commit;
    this.#clock = clock;
  }

  async get(kind: string, key: string): Promise<StoredRecord | undefined> {
    const now = this.#clock.now();
    const read = () => this.#commit.call('getRecord', [kind, key, now]);
    if (!rememberedKinds.has(kind)) return read();
    const found = await this.#remembered.get(nameOf(kind, key), read);
    if (found !== undefined && (found.expires ?? now + 1) <= now) return undefined;
    // A long one is asked for again.
    if (found !== undefined && found.value.length > rememberedCharactersMax)
      this.#remembered.forget(nameOf(kind, key));
    return found;
  }

  async put(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return;
    records.forEach(checkLength);
    await this.#changing(records, () =>
      this.#commit.call('putRecords', [records, this.#clock.now()]),
    );
    this.#remember(records);
  }

  async replace(record: StoredRecord, before: string | undefined): Promise<boolean> {
    checkLength(record);
    const isReplaced = await this.#changing([record], () =>
      this.#commit.call('replaceRecord', [record, before, this.#clock.now()]),
    );
    if (isReplaced) this.#remember([record]);
    return isReplaced;
  }

  async remove(kind: string, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const removed = keys.map((key) => ({ kind, key }));
    await this.#changing(removed, () => this.#commit.call('removeRecords', [kind, keys]));
  }

  #remember(records: readonly StoredRecord[]): void {
    for (const record of records)
      if (rememberedKinds.has(record.kind) && record.value.length <= rememberedCharactersMax)
        this.#remembered.set(nameOf(record.kind, record.key), record);
  }

  async #changing<T>(
    records: readonly Pick<StoredRecord, 'kind' | 'key'>[],
    change: () => Promise<T>,
  ): Promise<T> {
    const forget = () => {
      for (const { kind, key } of records)
        if (rememberedKinds.has(kind)) this.#remembered.forget(nameOf(kind, key));
    };
    forget();
    try {
      return await change();
    } finally {
      forget();
    }
  }

  list(kind: string, page: RecordPage): Promise<readonly StoredRecord[]> {
    return this.#commit.call('listRecords', [kind, page, this.#clock.now()]);
  }

  count(kind: string): Promise<number> {
    return this.#commit.call('countRecords', [kind]);
  }

  /** There is nobody else. */
  watch(): () => void {
    return () => {};
  }
}

const nameOf = (kind: string, key: string): string => `${kind} ${key}`;
