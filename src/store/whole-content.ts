// Content that is whole in memory and is to be kept: large content as a file, as that which came in pieces is. In a row
// it would be read whole by everybody who wants a part of it.

import type { StoredContent } from './content.ts';
import { inlineBytesMax } from './content.ts';
import type { Spool } from './spool.ts';

/** What `keep` makes of it; where that fails, nothing of it remains. @throws StorageError */
export async function keepWhole<T>(
  bytes: Uint8Array,
  spool: Pick<Spool, 'store' | 'remove'>,
  keep: (content: StoredContent) => Promise<T>,
): Promise<T> {
  if (bytes.length <= inlineBytesMax) return keep({ kind: 'inline', bytes });
  const content = await spool.store(bytes);
  try {
    return await keep(content);
  } catch (error) {
    if (content.kind === 'file') await spool.remove(content.key);
    throw error;
  }
}
