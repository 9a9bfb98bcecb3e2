// What a mailbox keeps of a message that has arrived: the content as it came, or a copy where it cannot
// be kept so. Without the Return-Path that it brought along (RFC 5321 §4.4), and as lines.

import type { Readable } from '../mail/header/header-cut.ts';
import { withoutRanges } from '../mail/header/header-cut.ts';
import { returnPaths } from '../mail/trace/return-path.ts';
import type { StoredContent } from '../store/content.ts';
import type { Spool } from '../store/spool.ts';
import { storeCopy, storeLinesOnly } from './lines-only.ts';

export interface Arriving {
  readonly content: Readable;
  /** The first octets, the header in them. */
  readonly head: Uint8Array;
  readonly isBinary: boolean;
}

/** Undefined: as it is. One copy serves everybody whom the message is for. @throws StorageError */
export async function finalContent(
  { content, head, isBinary }: Arriving,
  spool: Pick<Spool, 'create'>,
): Promise<StoredContent | undefined> {
  const paths = returnPaths(head);
  const source = paths.length === 0 ? content : withoutRanges(content, paths);
  const lines = isBinary ? await storeLinesOnly(source, spool) : undefined;
  if (lines !== undefined) return lines;
  return paths.length === 0 ? undefined : storeCopy(source, spool);
}
