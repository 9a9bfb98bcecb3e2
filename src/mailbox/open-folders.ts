// The folders that are open in this process, and those that were: a folder that is selected again is
// still warm and only has to be told what changed. Folders nobody looks at go, the longest unused
// first, when they take too much room.

import type { FolderFacts, FolderStore, MailboxEvent } from '../store/folder-store.ts';
import { OpenFolder } from './open-folder.ts';

/** Limit: octets of folders that nobody looks at. */
export const warmBytesMaxDefault = 64 * 2 ** 20;

interface Entry {
  readonly loading: Promise<OpenFolder | undefined>;
  folder: OpenFolder | undefined;
  users: number;
}

export type FolderSource = Pick<FolderStore, 'snapshot' | 'changes' | 'leaveRecent' | 'watch'>;

export class OpenFolders implements Disposable {
  readonly #store: FolderSource;
  readonly #warmBytesMax: number;
  /** In the order in which they were closed, as far as nobody uses them. */
  readonly #entries = new Map<number, Entry>();
  readonly #unwatch: () => void;

  constructor(store: FolderSource, warmBytesMax = warmBytesMaxDefault) {
    this.#store = store;
    this.#warmBytesMax = warmBytesMax;
    this.#unwatch = store.watch((event) => this.#notice(event));
  }

  /** Up to date; undefined when there is no such folder. Every folder that is opened is closed. */
  async open(id: number): Promise<OpenFolder | undefined> {
    const entry = this.#entries.get(id) ?? this.#load(id);
    entry.users += 1;
    try {
      const folder = await entry.loading;
      const current = folder?.current();
      if (current !== undefined) await current;
      if (folder !== undefined && !folder.gone) return folder;
    } catch (error) {
      this.#release(id, entry);
      throw error;
    }
    this.#release(id, entry);
    return undefined;
  }

  close(folder: OpenFolder): void {
    const entry = this.#entries.get(folder.id);
    if (entry?.folder === folder) this.#release(folder.id, entry);
  }

  /** As the store has it, or as its sessions have left it since. RFC 3501 §6.3.10, STATUS RECENT. */
  recentFrom({ id, recentFrom }: Pick<FolderFacts, 'id' | 'recentFrom'>): number {
    return Math.max(recentFrom, this.#entries.get(id)?.folder?.recentFrom ?? 0);
  }

  /** How many are open or warm. */
  get size(): number {
    return this.#entries.size;
  }

  [Symbol.dispose](): void {
    this.#unwatch();
    this.#entries.clear();
  }

  #load(id: number): Entry {
    const loading = this.#store
      .snapshot(id)
      .then((found) => found && new OpenFolder(this.#store, found));
    const entry: Entry = { loading, folder: undefined, users: 0 };
    this.#entries.set(id, entry);
    loading.then(
      (folder) => {
        entry.folder = folder;
      },
      () => {},
    );
    return entry;
  }

  #release(id: number, entry: Entry): void {
    entry.users -= 1;
    if (entry.users > 0 || this.#entries.get(id) !== entry) return;
    this.#entries.delete(id);
    if (entry.folder === undefined || entry.folder.gone) return;
    this.#entries.set(id, entry);
    this.#shrink();
  }

  #shrink(): void {
    let bytes = 0;
    for (const { folder, users } of this.#entries.values())
      if (users === 0) bytes += folder?.bytes ?? 0;
    for (const [id, { folder, users }] of this.#entries) {
      if (bytes <= this.#warmBytesMax) return;
      if (users > 0) continue;
      bytes -= folder?.bytes ?? 0;
      this.#entries.delete(id);
    }
  }

  #notice(event: MailboxEvent): void {
    for (const [id, entry] of this.#entries) {
      if (event.kind === 'messages' && id !== event.folder) continue;
      if (event.kind === 'folders' && entry.folder?.facts.account !== event.account) continue;
      // What is just being read may be older than the event.
      if (entry.folder === undefined)
        entry.loading.then(
          (folder) => folder?.touch(),
          () => {},
        );
      else entry.folder.touch();
    }
  }
}
