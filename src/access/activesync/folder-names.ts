// Folders as devices know them: by a number that lives as long as the folder, with a type. [MS-ASCMD] 2.2.3.186.3.
// Calendar, contacts, tasks and notes are folders without anything in them, so that devices are content.

import type { FolderFacts, FolderStore } from '../../store/folder-store.ts';

export const folderType = {
  ...{ inbox: '2', drafts: '3', trash: '4', sent: '5', tasks: '7' },
  ...{ calendar: '8', contacts: '9', notes: '10', mail: '12' },
} as const;

export interface ShownFolder {
  /** At most 64 characters; never another's. */
  readonly id: string;
  /** '0' at the top. */
  readonly parent: string;
  readonly name: string;
  readonly type: string;
}

/** Folders in which there is never anything. */
export const emptyFolders: readonly ShownFolder[] = [
  { id: 'calendar', parent: '0', name: 'Calendar', type: folderType.calendar },
  { id: 'contacts', parent: '0', name: 'Contacts', type: folderType.contacts },
  { id: 'tasks', parent: '0', name: 'Tasks', type: folderType.tasks },
  { id: 'notes', parent: '0', name: 'Notes', type: folderType.notes },
];

export const isEmptyFolder = (id: string): boolean => emptyFolders.some((each) => each.id === id);

/** The number of a folder of mail; undefined for everything else. */
export const folderNumber = (id: string): number | undefined =>
  /^[1-9]\d{0,14}$/.test(id) ? Number(id) : undefined;

/** Superiors first. */
export function shownFolders(folders: readonly FolderFacts[]): readonly ShownFolder[] {
  const byPath = new Map(folders.map((folder) => [folder.path, folder]));
  return folders.map((folder) => {
    const end = folder.path.lastIndexOf('/');
    const above = end < 0 ? undefined : byPath.get(folder.path.slice(0, end));
    return {
      id: String(folder.id),
      parent: above === undefined ? '0' : String(above.id),
      name: above === undefined ? folder.path : folder.path.slice(end + 1),
      type: typeOf(folder),
    };
  });
}

function typeOf({ path, specialUse }: FolderFacts): string {
  if (path === 'INBOX') return folderType.inbox;
  switch (specialUse?.toLowerCase()) {
    case 'drafts':
      return folderType.drafts;
    case 'trash':
      return folderType.trash;
    case 'sent':
      return folderType.sent;
    default:
      return folderType.mail;
  }
}

/** Of the account's own, with that id; undefined where there is none. */
export async function findFolder(
  store: Pick<FolderStore, 'folder'>,
  account: string,
  id: string,
): Promise<FolderFacts | undefined> {
  const number = folderNumber(id);
  const folder = number === undefined ? undefined : await store.folder(number);
  return folder?.account === account ? folder : undefined;
}

/** By RFC 6154's attribute without its backslash. */
export async function specialFolder(
  store: Pick<FolderStore, 'folders'>,
  account: string,
  use: 'Sent' | 'Trash' | 'Drafts',
): Promise<FolderFacts | undefined> {
  const all = await store.folders(account);
  return all.find(({ specialUse }) => specialUse?.toLowerCase() === use.toLowerCase());
}

export const isDrafts = ({ specialUse }: Pick<FolderFacts, 'specialUse'>): boolean =>
  specialUse?.toLowerCase() === 'drafts';

/** A message: its folder's number and its UID there. */
export const messageId = (folder: number, uid: number): string => `${folder}:${uid}`;

export interface MessagePlace {
  readonly folder: number;
  readonly uid: number;
}

export function messagePlace(id: string): MessagePlace | undefined {
  const [, folder, uid] = /^([1-9]\d{0,14}):([1-9]\d{0,9})$/.exec(id) ?? [];
  return folder === undefined ? undefined : { folder: Number(folder), uid: Number(uid) };
}
