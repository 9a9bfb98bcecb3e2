// One message of a mailbox, whole, for those who show it.

import { ContentError } from '../store/content.ts';
import type { FolderStore, ListedMessage } from '../store/folder-store.ts';

export interface FoundMessage extends Pick<ListedMessage, 'uid' | 'flags' | 'received' | 'id'> {
  readonly account: string;
  readonly folder: number;
  readonly path: string;
  /** All of it, with the trace fields in front. */
  readonly octets: Buffer<ArrayBuffer>;
}

/** It is there, and cannot be shown; the words are for whoever asked. */
export class UnshownError extends Error {
  override readonly name = 'UnshownError';
}

/** Limit: octets of a message that is taken apart for a page. */
const shownMessageMax = 64 * 2 ** 20;

/** Called with how much before it is read: resolves when there is room for it. */
export type RoomFor = (octets: number) => Promise<void>;

/** Undefined when there is none. @throws UnshownError */
export async function findMessage(
  folders: Pick<FolderStore, 'copies' | 'open' | 'folder'>,
  account: string,
  id: string,
  room?: RoomFor,
): Promise<FoundMessage | undefined> {
  const [message] = await folders.copies(account, id);
  const [content] = message === undefined ? [] : await folders.open(message.folder, [message.uid]);
  const path = message && (await folders.folder(message.folder))?.path;
  if (message === undefined || content === undefined || path === undefined) return undefined;
  if (content.size > shownMessageMax)
    throw new UnshownError(
      `${id} has ${content.size} octets, too many to take apart here; \`postrider mail show\` gives it as it is`,
    );
  try {
    await content.check?.();
    await room?.(content.size);
    const pieces: Uint8Array[] = [];
    for await (const piece of content.read()) pieces.push(piece);
    const { folder, uid, flags, received } = message;
    return { account, path, folder, uid, flags, received, id, octets: Buffer.concat(pieces) };
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    throw new UnshownError(
      `the content of ${id} (${account}, ${path}, UID ${message.uid}) cannot be read: ${error.message}; ` +
        '`postrider verify` says what can be done',
    );
  }
}
