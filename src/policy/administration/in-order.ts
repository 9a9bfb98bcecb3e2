// Changes of records that are read first and then written whole: one after the other. Side by side a login could bring
// back an administrator whom an operator has just removed, a request the session that was just ended, and a code would
// be good twice. Records have one owner, the process that has the data directory, so an order within it is enough.

import type { RecordStore } from '../../store/record-store.ts';

/** Of each store, the change that was begun last. */
const begun = new WeakMap<RecordStore, Promise<void>>();

export function inOrder<T>(
  { records }: { readonly records: RecordStore },
  work: () => Promise<T>,
): Promise<T> {
  const mine = (begun.get(records) ?? Promise.resolve()).then(work);
  const ended = mine.then(
    () => {},
    () => {},
  );
  begun.set(records, ended);
  return mine;
}
