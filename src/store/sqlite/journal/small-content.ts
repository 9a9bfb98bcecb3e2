// Messages as the store behind the journal takes them: content that is too large for a row lies in a file.

import { StoreGoneError } from '../../../smtp/smtp-error.ts';
import { inlineBytesMax } from '../../content.ts';
import type { NewMessage } from '../../queue-store.ts';
import type { Spool } from '../../spool.ts';

/** Where that file is made. */
export type ContentFiles = Pick<Spool, 'store' | 'remove'>;

/** The store takes it as it is. */
export const isSmall = ({ content }: NewMessage): boolean =>
  content.kind === 'file' || content.bytes.length <= inlineBytesMax;

/** Hands over the message with its content in a file if the store would not have it in a row. */
export function withSmallContent<T>(
  message: NewMessage,
  spool: ContentFiles,
  hand: (message: NewMessage) => Promise<T>,
): Promise<T> {
  return isSmall(message) ? hand(message) : withFile(message, spool, hand);
}

async function withFile<T>(
  message: NewMessage,
  spool: ContentFiles,
  hand: (message: NewMessage) => Promise<T>,
): Promise<T> {
  if (message.content.kind === 'file') return hand(message);
  const content = await spool.store(message.content.bytes);
  const remove = () => (content.kind === 'file' ? spool.remove(content.key) : undefined);
  try {
    const result = await hand({ ...message, content });
    if (result === false) await remove(); // it has the message already, with a file of its own
    return result;
  } catch (error) {
    // What a store that is gone may have taken needs its file; recovery removes it if not.
    if (!(error instanceof StoreGoneError)) await remove();
    throw error;
  }
}
