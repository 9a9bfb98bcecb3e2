// All records of a kind, however many: in pages, so that they are never all in memory.

import type { RecordPage, RecordStore, StoredRecord } from './record-store.ts';

/** Limit: records that one page brings into memory. */
const pageMax = 500;

/** In the order of their keys. What comes or goes meanwhile may be among it. */
export async function* allRecords(
  records: Pick<RecordStore, 'list'>,
  kind: string,
  { prefix, after: first }: Omit<RecordPage, 'limit'> = {},
): AsyncIterable<StoredRecord> {
  for (let after = first; ; ) {
    const page = await records.list(kind, { prefix, after, limit: pageMax });
    yield* page;
    after = page.at(-1)?.key;
    if (page.length < pageMax) return;
  }
}

/** All whose keys begin with it. */
export async function removeRecords(
  records: Pick<RecordStore, 'list' | 'remove'>,
  kind: string,
  prefix: string,
): Promise<void> {
  for (;;) {
    const found = await records.list(kind, { prefix, limit: pageMax });
    if (found.length === 0) return;
    await records.remove(
      kind,
      found.map(({ key }) => key),
    );
  }
}
