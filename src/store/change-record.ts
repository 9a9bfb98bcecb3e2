// Changes of a record that is read first and then written whole. Side by side, here or at two nodes, a login could bring
// back an administrator whom an operator has just removed, a request the session that was just ended, and a code would be
// good twice: so each is written only over what it was made from, or made again from what is there by then.

import type { RecordStore, StoredRecord } from './record-store.ts';

/** Limit: others that come first, one after the other. */
const triesMax = 100;

/**
 * `changed` says what is to be there instead of a value, and undefined where it is to stay; it may be asked again.
 * Nothing is there where the value is undefined. It may throw.
 */
export async function changeRecord(
  { records }: { readonly records: RecordStore },
  { kind, key }: Pick<StoredRecord, 'kind' | 'key'>,
  changed: (value: string | undefined) => Pick<StoredRecord, 'value' | 'expires'> | undefined,
): Promise<void> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const before = (await records.get(kind, key))?.value;
    const after = changed(before);
    if (after === undefined || (await records.replace({ kind, key, ...after }, before))) return;
  }
  throw new Error(`${kind} ${key}: others change it all the time`);
}
