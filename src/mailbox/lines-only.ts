// Content of a mailbox goes out as lines, by POP3 and in IMAP's BODY[]: neither a NUL nor a newline that
// is data has a place there. RFC 3516 §6, RFC 9051 §9 (CHAR8), RFC 1939 §3.

import type { RewriteSource } from '../mail/conversion/content-rewriter.ts';
import { convertContent } from '../mail/conversion/transfer-encoding.ts';
import type { StoredContent } from '../store/content.ts';
import type { Spool } from '../store/spool.ts';

/**
 * A copy in which parts that are no lines of at most 998 octets are base64 or quoted-printable, and
 * everything else is as it was. Undefined where nothing has to be done, and where nothing can be: a
 * signature would break. @throws StorageError
 */
export async function storeLinesOnly(
  source: RewriteSource,
  spool: Pick<Spool, 'create'>,
): Promise<StoredContent | undefined> {
  const conversion = await convertContent(source, '8bit');
  if (conversion.kind !== 'converted' || conversion.size === source.size) return undefined;
  return storeCopy(conversion, spool);
}

/** @throws StorageError */
export async function storeCopy(
  source: Pick<RewriteSource, 'read'>,
  spool: Pick<Spool, 'create'>,
): Promise<StoredContent> {
  const writer = spool.create();
  try {
    for await (const piece of source.read()) await writer.write(piece);
    const stored = await writer.commit();
    writer.release();
    return stored;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
