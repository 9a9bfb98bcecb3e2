// The embedded RecordStore.

import type { Clock } from '../../base/clock.ts';
import type { RecordPage, RecordStore, StoredRecord } from '../record-store.ts';
import { recordCharactersMax } from '../record-store.ts';
import type { GroupCommit } from './group-commit.ts';

export interface SqliteRecordStoreParts {
  readonly commit: GroupCommit;
  readonly clock: Clock;
}

export class SqliteRecordStore implements RecordStore {
  readonly #commit: GroupCommit;
  readonly #clock: Clock;

  constructor({ commit, clock }: SqliteRecordStoreParts) {
    this.#commit = commit;
    this.#clock = clock;
  }

  get(kind: string, key: string): Promise<StoredRecord | undefined> {
    return this.#commit.call('getRecord', [kind, key, this.#clock.now()]);
  }

  async put(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return;
    for (const { kind, key, value } of records)
      if (value.length > recordCharactersMax)
        throw new RangeError(
          `${kind} ${key}: ${value.length} characters are too long for a record`,
        );
    await this.#commit.call('putRecords', [records, this.#clock.now()]);
  }

  async remove(kind: string, keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#commit.call('removeRecords', [kind, keys]);
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
