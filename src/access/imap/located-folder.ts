// Folders as an account sees them: under a name of its own, with what it may do there.

import type { FolderFacts } from '../../store/folder-store.ts';
import type { Rights } from '../../store/folders/rights.ts';

export type { Rights } from '../../store/folders/rights.ts';

export interface LocatedFolder {
  readonly folder: FolderFacts;
  /** Of the account that is logged in; the owner has all of them. */
  readonly rights: Rights;
  /** As the account that is logged in names it: `Other Users/bob@example.org/Projects`. */
  readonly name: string;
}

/** Mailbox names as a client writes them, to folders: the namespaces of RFC 2342. */
export interface FolderNames {
  /**
   * Undefined where there is no such folder, and also where the account may do nothing with it: without
   * any right a folder does not exist for it (RFC 4314 §4 and §6).
   */
  locate(name: string): Promise<LocatedFolder | undefined>;
  /** Of the account that is logged in, as they are now. */
  rightsOn(folder: Pick<FolderFacts, 'id' | 'account'>): Promise<Rights>;
  /** Where the name leads, whether or not there is a folder; undefined where nobody may be. */
  place(name: string): { readonly account: string; readonly path: string } | undefined;
  /** Everything the account may see, its own folders and those shared with it, by name. */
  all(): Promise<readonly LocatedFolder[]>;
  /** What the folder is called by the account that is logged in. */
  nameOf(folder: Pick<FolderFacts, 'account' | 'path'>): string;
}
