// What a URL of a message or of its part stands for, for CATENATE (RFC 4469) and for BURL (RFC 4468): read with
// the rights of the account that gives it.

import type { FolderStore } from '../../../store/folder-store.ts';
import type { Literal } from '../fetch/message-source.ts';
import { MessageSource } from '../fetch/message-source.ts';
import type { LocatedFolder } from '../located-folder.ts';
import type { MessageUrl } from './imap-url.ts';

/** Undefined when there is no such part, or it may not be read. */
export async function readMessageUrl(
  wanted: MessageUrl,
  located: Pick<LocatedFolder, 'rights' | 'folder'> | undefined,
  store: Pick<FolderStore, 'open' | 'headers'>,
): Promise<Literal | undefined> {
  const { uid, section, partial } = wanted;
  if (!located?.rights.includes('r')) return undefined;
  const { id, uidValidity } = located.folder;
  if (wanted.uidValidity !== undefined && wanted.uidValidity !== uidValidity) return undefined;
  const [content] = await store.open(id, [uid]);
  if (content === undefined) return undefined;
  const [header] = content.bytes ? [] : await store.headers(id, [uid]);
  const source = new MessageSource({ size: content.size, digest: undefined, header, content });
  return source.section(section, partial);
}
