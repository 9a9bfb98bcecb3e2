// Changes of records that are read first and then written whole: one after the other. Side by side a login could bring
// back an administrator whom an operator has just removed, a request the session that was just ended, and a code would
// be good twice. The order is that of this process, which is enough where it alone has the data directory. Of several
// nodes on one PostgreSQL each has its own: what two of them change in the same moment is what the later one wrote.

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
