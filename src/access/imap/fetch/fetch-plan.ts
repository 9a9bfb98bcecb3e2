// What FETCH has to read for the items that were asked for: nothing but columns, the digest, the
// header, or the content. Pure. RFC 9051 §6.4.5, RFC 3516, RFC 8970.

import type { FetchItem } from '../../../imap/command.ts';
import type { DigestItem } from './digest-texts.ts';
import { isDigestItem } from './digest-texts.ts';
import { isColumnItem } from './fetch-columns.ts';

export interface FetchPlan {
  readonly items: readonly FetchItem[];
  /** Only columns: their names. */
  readonly columns: readonly string[] | undefined;
  /** What is said of the digest. */
  readonly digest: readonly DigestItem[];
  readonly header: boolean;
  readonly content: boolean;
  /** RFC 9051 §6.4.5: \Seen is set. */
  readonly seen: boolean;
}

export function planOf(items: readonly FetchItem[]): FetchPlan {
  const content = items.some(needsContent);
  return {
    items,
    columns: items.every(isColumnItem) ? items.map(({ kind }) => kind) : undefined,
    digest: items.map(({ kind }) => kind).filter(isDigestItem),
    header: !content && items.some((item) => item.kind === 'SECTION'),
    content,
    seen: items.some((item) => (item.kind === 'SECTION' || item.kind === 'BINARY') && !item.peek),
  };
}

function needsContent(item: FetchItem): boolean {
  if (item.kind === 'BINARY' || item.kind === 'BINARY.SIZE') return true;
  if (item.kind !== 'SECTION') return false;
  const { part, text } = item.section;
  return part.length > 0 || text === undefined || text === 'TEXT';
}
