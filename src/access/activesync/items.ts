// Messages of a folder as items for a device: read from the store as far as what is shown of them needs it.

import type { MailState } from '../../activesync/mail-item.ts';
import { mailProperties } from '../../activesync/mail-item.ts';
import type { ItemShape } from '../../activesync/sync-options.ts';
import { bodyType } from '../../activesync/sync-options.ts';
import type { Version } from '../../activesync/versions.ts';
import type { Element } from '../../activesync/wbxml/element.ts';
import type { MessageDigest } from '../../mail/digest/digest.ts';
import { leafParts } from '../../mail/digest/leaf-parts.ts';
import { messageFacts } from '../../mail/digest/message-facts.ts';
import type { Content } from '../../store/content.ts';
import { ContentError } from '../../store/content.ts';
import type { FolderStore, MailColumns } from '../../store/folder-store.ts';
import { messageId } from './folder-names.ts';

/** Limit: octets of messages and files in one answer; the first one always fits. */
export const answerBytesMax = 16 * 2 ** 20;

export interface ItemFacts extends MailState {
  readonly uid: number;
  readonly modseq: number;
  /** Octets. */
  readonly size: number;
}

export function factsAt(columns: MailColumns, row: number): ItemFacts {
  const flags = columns.flags[row]!;
  const keywords = columns.keywordSets[columns.keywords[row]!]!;
  return {
    uid: columns.uid[row]!,
    modseq: columns.modseq[row]!,
    size: columns.size[row]!,
    received: columns.received[row]!,
    seen: (flags & 1) !== 0,
    answered: (flags & 2) !== 0,
    flagged: (flags & 4) !== 0,
    draft: (flags & 16) !== 0,
    keywords: keywords === '' ? [] : keywords.split(' '),
  };
}

export interface ItemParts {
  readonly store: Pick<FolderStore, 'digests' | 'open'>;
  readonly folder: number;
  readonly shape: ItemShape;
  readonly version: Version;
  /** As in Call. */
  readonly room: (octets: number) => Promise<void>;
  /** The UID that the device knows a message by, where it is another one. */
  readonly shownAs?: ((uid: number) => number) | undefined;
}

/** In the order asked for; undefined for what is gone. */
export async function itemsOf(
  { store, folder, shape, version, room, shownAs = (uid) => uid }: ItemParts,
  facts: readonly ItemFacts[],
): Promise<readonly (readonly Element[] | undefined)[]> {
  if (facts.length === 0) return [];
  const uids = facts.map(({ uid }) => uid);
  const [digests, contents] = await Promise.all([
    store.digests(folder, uids),
    store.open(folder, uids),
  ]);
  const needed = contents.map((content, i) => {
    const digest = digests[i];
    return content && digest ? neededOctets(digest, content, shape) : 0;
  });
  await room(needed.reduce((sum, each) => sum + each, 0));
  return Promise.all(
    facts.map(async (state, i) => {
      const [digest, content] = [digests[i], contents[i]];
      if (digest === undefined || content === undefined) return undefined;
      const item = await readItem(digest, content, shape);
      const serverId = messageId(folder, shownAs(state.uid));
      const properties = mailProperties({ ...item, serverId, state }, shape, version);
      // Text is a copy; MIME may be the octets themselves.
      if (!mayBeMime(shape)) content.free?.();
      return properties;
    }),
  );
}

interface ReadItem {
  readonly digest: MessageDigest;
  readonly message: Uint8Array;
}

/** What cannot be read is shown as what it is: one message does not keep all others away. */
async function readItem(
  digest: MessageDigest,
  content: Content,
  shape: ItemShape,
): Promise<ReadItem> {
  try {
    return { digest, message: await readOctets(content, neededOctets(digest, content, shape)) };
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    return { digest: unreadable.digest, message: unreadable.message };
  }
}

const unreadableMessage = Buffer.from(
  'Subject: (this message cannot be read)\r\n\r\nIts content is missing or damaged on the server.\r\n',
);
const unreadable: ReadItem = {
  digest: messageFacts(unreadableMessage).digest,
  message: unreadableMessage,
};

/** Limit: octets of text that are looked at. */
const textBytesMax = 8 * 2 ** 20;

const mayBeMime = ({ bodies }: ItemShape): boolean =>
  bodies.some(({ type }) => type === bodyType.mime);

/** All of it where MIME may be shown, else up to the end of the last text. */
function neededOctets({ body }: MessageDigest, { size }: Content, shape: ItemShape): number {
  if (mayBeMime(shape)) return size;
  const texts = leafParts(body).filter(({ kind }) => kind === 'text');
  const ends = texts.map(({ part }) => Math.min(part.bodyEnd, part.bodyStart + textBytesMax));
  return Math.min(size, Math.max(0, ...ends));
}

/** @throws ContentError */
export async function readOctets(content: Content, octets = content.size): Promise<Uint8Array> {
  if (content.bytes !== undefined) return content.bytes;
  await content.check?.();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content.read()) {
    pieces.push(piece);
    size += piece.length;
    if (size >= octets) break;
  }
  return Buffer.concat(pieces);
}
