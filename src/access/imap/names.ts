// Mailbox names as one account sees them. Its own folders have the empty prefix, those of others that
// are shared with it are under `Other Users/`, by the owner's address (RFC 2342 §5). The separator is
// '/'. Names are compared in NFC; INBOX in any case (RFC 9051 §5.1).

import { addressKey } from '../../mail/fields/address.ts';
import { canonicalName, othersPrefix, whyNoFolderName } from '../../mailbox/folder-name.ts';
import type { FolderFacts, FolderStore } from '../../store/folder-store.ts';
import { allRights, anyone, grantedRights } from './acl.ts';
import type { FolderNames, LocatedFolder, Rights } from './located-folder.ts';
import { ImapRefusal } from './refusal.ts';

/** RFC 4314 §4: with one of these a mailbox can be named in a command. */
const usefulRight = /[lrikxa]/;

/** The levels above a name, the nearest first. */
export function* superiors(name: string): Generator<string> {
  for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1))
    yield name.slice(0, end);
}

/** What a new folder may be called: its canonical name. @throws ImapRefusal */
export function newName(name: string): string {
  const canonical = canonicalName(name);
  const why = whyNoFolderName(canonical);
  if (why !== undefined)
    throw new ImapRefusal('NO', 'CANNOT', `Such a name is not possible: ${why}`);
  return canonical;
}

export class AccountNames implements FolderNames {
  readonly #account: string;
  readonly #store: Pick<FolderStore, 'find' | 'folders' | 'sharedWith' | 'acl'>;

  constructor(
    account: string,
    store: Pick<FolderStore, 'find' | 'folders' | 'sharedWith' | 'acl'>,
  ) {
    this.#account = account;
    this.#store = store;
  }

  async locate(name: string): Promise<LocatedFolder | undefined> {
    const place = this.place(name);
    if (place === undefined) return undefined;
    const folder = await this.#store.find(place.account, place.path);
    if (folder === undefined) return undefined;
    const rights = await this.rightsOn(folder);
    return usefulRight.test(rights) ? { folder, rights, name: this.nameOf(folder) } : undefined;
  }

  place(name: string): { readonly account: string; readonly path: string } | undefined {
    const canonical = canonicalName(name);
    if (canonical === '' || `${canonical}/` === othersPrefix) return undefined;
    if (!canonical.startsWith(othersPrefix)) return { account: this.#account, path: canonical };
    const rest = canonical.slice(othersPrefix.length);
    const cut = rest.indexOf('/');
    if (cut < 1 || cut === rest.length - 1) return undefined;
    const account = addressKey(rest.slice(0, cut));
    // Our own folders have one name only.
    if (account === this.#account) return undefined;
    return { account, path: canonicalName(rest.slice(cut + 1)) };
  }

  async all(): Promise<readonly LocatedFolder[]> {
    const [own, shared] = await Promise.all([
      this.#store.folders(this.#account),
      this.#store.sharedWith([this.#account, anyone]),
    ]);
    const located: LocatedFolder[] = own.map((folder) => ({
      folder,
      rights: allRights,
      name: folder.path,
    }));
    for (const folder of shared) {
      if (folder.account === this.#account) continue;
      const rights = await this.rightsOn(folder);
      if (rights.includes('l')) located.push({ folder, rights, name: this.nameOf(folder) });
    }
    return located.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  nameOf({ account, path }: Pick<FolderFacts, 'account' | 'path'>): string {
    return account === this.#account ? path : `${othersPrefix}${account}/${path}`;
  }

  async rightsOn({ id, account }: Pick<FolderFacts, 'id' | 'account'>): Promise<Rights> {
    if (account === this.#account) return allRights;
    return grantedRights(await this.#store.acl(id), this.#account);
  }
}
