// What NOTIFY wants to know of mailboxes that are not selected: what they were like when the session
// was told last, what the store has told of since, and the difference as responses. RFC 5465 §5 and §6.

import type { NotifyGroup, StatusItem } from '../../imap/command.ts';
import { canonicalName } from '../../mailbox/folder-name.ts';
import type { FolderFacts, MailboxEvent } from '../../store/folder-store.ts';
import { statusText } from './commands/status.ts';
import type { CommandContext } from './context.ts';
import type { LocatedFolder } from './located-folder.ts';
import { superiors } from './names.ts';
import type { Notes, OwnChange, WatchState } from './own-change.ts';
import { withOwnChange } from './own-change.ts';
import { mailboxText } from './words.ts';

/** Limit: mailboxes with news that are told of at once. */
const foldersMax = 1000;
/** Limit: mailboxes whose annotations are compared. */
const annotatedMax = 200;

export class FolderWatch {
  readonly #context: CommandContext;
  readonly #groups: readonly Group[];
  readonly #unwatch: () => void;
  readonly #changed = new Set<number>();
  #foldersChanged = false;
  #isReady = false;
  #state: WatchState;

  private constructor(context: CommandContext, groups: readonly NotifyGroup[]) {
    this.#context = context;
    this.#groups = groups.map(groupOf);
    this.#state = { folders: new Map(), subscribed: new Set(), notes: new Map() };
    this.#unwatch = context.store.watch((event) => this.#notice(event));
  }

  /** Undefined: too many mailboxes. */
  static async start(
    context: CommandContext,
    groups: readonly NotifyGroup[],
  ): Promise<FolderWatch | undefined> {
    // Whatever happens while it is being read is looked at again.
    const watch = new FolderWatch(context, groups);
    try {
      const state = await watch.#read();
      if (state !== undefined) watch.#state = state;
      watch.#isReady = state !== undefined;
    } finally {
      // Also where the store fails: nobody else would ever close it.
      if (!watch.#isReady) watch.close();
    }
    return watch.#isReady ? watch : undefined;
  }

  get hasNews(): boolean {
    return this.#foldersChanged || this.#changed.size > 0;
  }

  /** The client did that itself, and knows. */
  know(change: OwnChange): void {
    this.#state = withOwnChange(this.#state, change, this.#context.names);
  }

  close(): void {
    this.#unwatch();
  }

  /** RFC 5465 §3.1: STATUS of all that is watched, and what may not be watched. */
  async tellFirst(status: boolean, selected: number | undefined): Promise<void> {
    for (const located of this.#state.folders.values()) {
      const events = this.#events(located);
      if (events.size === 0) continue;
      if (!located.rights.includes('r')) {
        this.#context.untagged(this.#listText(located.name, ['\\NoAccess']));
        continue;
      }
      if (!status || located.folder.id === selected || !hasMessageEvent(events)) continue;
      const items: StatusItem[] = ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY'];
      // RFC 5465 §3.1: the server knows CONDSTORE, whether or not the client turned it on.
      if (events.has('FLAGCHANGE')) items.push('UNSEEN', 'HIGHESTMODSEQ');
      else items.push(...this.#modseqItem);
      await this.#tellStatus(located, items);
    }
  }

  /** False: there is too much. `selected` is told of elsewhere. */
  async tell(selected: number | undefined): Promise<boolean> {
    if (this.#changed.size > foldersMax) return false;
    if (this.#foldersChanged) {
      this.#foldersChanged = false;
      const state = await this.#read();
      if (state === undefined) return false;
      const before = this.#state;
      // What messages came and went is told of by #tellFolder.
      this.#state = { ...state, folders: withFacts(state.folders, before.folders) };
      this.#tellNames(before);
      this.#tellSubscriptions(before);
      this.#tellNotes(before);
    }
    const changed = [...this.#changed];
    this.#changed.clear();
    const folders = new Map(this.#state.folders);
    this.#state = { ...this.#state, folders };
    for (const id of changed) await this.#tellFolder(id, folders, selected);
    return true;
  }

  #notice(event: MailboxEvent): void {
    if (event.kind === 'messages') {
      const located = this.#state.folders.get(event.folder);
      const isWatched = located !== undefined && hasMessageEvent(this.#events(located));
      if (this.#isReady && !isWatched) return;
      this.#changed.add(event.folder);
    } else if (event.kind === 'folders') {
      this.#foldersChanged = true;
    } else {
      this.#foldersChanged = true;
      for (const id of this.#state.folders.keys()) this.#changed.add(id);
    }
    this.#context.wake();
  }

  async #read(): Promise<WatchState | undefined> {
    const { names, store, account } = this.#context;
    const [all, subscriptions] = await Promise.all([names.all(), store.subscriptions(account)]);
    const subscribed = new Set(subscriptions.map(canonicalName));
    const folders = new Map(all.map((located) => [located.folder.id, located]));
    const notes = await this.#readNotes(all, subscribed);
    return notes && { folders, subscribed, notes };
  }

  async #readNotes(
    all: readonly LocatedFolder[],
    subscribed: ReadonlySet<string>,
  ): Promise<ReadonlyMap<number, Notes> | undefined> {
    const { store, account } = this.#context;
    const notes = new Map<number, Notes>();
    if (this.#groups.some(({ events }) => events.includes('SERVERMETADATACHANGE')))
      notes.set(0, textsOf(await store.annotations(account, undefined), '/'));
    for (const { folder, name, rights } of all) {
      const events = eventsOf(this.#groups, { folder, name, account, subscribed });
      if (!events.has('MAILBOXMETADATACHANGE') || !rights.includes('r')) continue;
      if (notes.size >= annotatedMax) return undefined;
      const own = textsOf(await store.annotations(account, folder.id), '/private/');
      const shared = textsOf(await store.annotations(folder.account, folder.id), '/shared/');
      notes.set(folder.id, new Map([...own, ...shared]));
    }
    return notes;
  }

  #events({ folder, name }: Pick<LocatedFolder, 'folder' | 'name'>): ReadonlySet<string> {
    const { account } = this.#context;
    return eventsOf(this.#groups, { folder, name, account, subscribed: this.#state.subscribed });
  }

  async #tellFolder(
    id: number,
    folders: Map<number, LocatedFolder>,
    selected: number | undefined,
  ): Promise<void> {
    const located = folders.get(id);
    const folder = located && (await this.#context.store.folder(id));
    if (located === undefined || folder === undefined) return;
    const before = located.folder;
    const now: LocatedFolder = { ...located, folder };
    folders.set(id, now);
    if (id === selected || !located.rights.includes('r')) return;
    const items = this.#changedItems(before, folder, this.#events(now));
    if (items.length > 0) await this.#tellStatus(now, items);
  }

  // RFC 5465 §5.1 to §5.3.
  #changedItems(
    before: FolderFacts,
    now: FolderFacts,
    events: ReadonlySet<string>,
  ): readonly StatusItem[] {
    if (before.uidNext !== now.uidNext || before.messages !== now.messages) {
      if (!hasMessageEvent(events)) return [];
      return ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN', ...this.#modseqItem];
    }
    if (!events.has('FLAGCHANGE') || before.changes === now.changes) return [];
    if (this.#modseqItem.length === 0 && before.unseen === now.unseen) return [];
    return ['UIDVALIDITY', 'UNSEEN', ...this.#modseqItem];
  }

  get #modseqItem(): readonly StatusItem[] {
    const { isEnabled } = this.#context;
    return isEnabled('CONDSTORE') || isEnabled('QRESYNC') ? ['HIGHESTMODSEQ'] : [];
  }

  async #tellStatus(located: LocatedFolder, items: readonly StatusItem[]): Promise<void> {
    this.#context.untagged(await statusText(this.#context, located, items));
    await this.#context.room();
  }

  // RFC 5465 §5.4: names that came, went and changed; what moved with its superior is not named.
  #tellNames(before: WatchState): void {
    const renamed: { readonly from: string; readonly to: string }[] = [];
    const { folders } = this.#state;
    const told = (located: LocatedFolder) => this.#events(located).has('MAILBOXNAME');
    const parents = new Set<string>();
    for (const [id, now] of [...folders].sort(([, a], [, b]) => a.name.length - b.name.length)) {
      const was = before.folders.get(id);
      if (was?.name === now.name || !told(now)) continue;
      if (was === undefined) {
        this.#tellName(now.name, '');
        parents.add(parentOf(now.name));
      } else if (!renamed.some(({ from, to }) => follows(was.name, from, now.name, to))) {
        renamed.push({ from: was.name, to: now.name });
        const old = mailboxText(this.#context, was.name);
        this.#tellName(now.name, ` ("OLDNAME" (${old}))`);
      }
    }
    for (const [id, was] of before.folders) {
      if (folders.has(id) || !told(was)) continue;
      this.#context.untagged(this.#listText(was.name, ['\\NonExistent']));
      parents.add(parentOf(was.name));
    }
    this.#tellParents(parents, before);
  }

  /** Whether they have children may be another than before. Those that are new have been told. */
  #tellParents(parents: ReadonlySet<string>, before: WatchState): void {
    const { folders } = this.#state;
    const old = new Set([...before.folders.values()].map(({ name }) => name));
    for (const located of folders.values()) {
      const { name } = located;
      if (!parents.has(name) || !old.has(name)) continue;
      if (this.#events(located).has('MAILBOXNAME')) this.#tellName(name, '');
    }
  }

  #tellName(name: string, extension: string): void {
    this.#context.untagged(this.#listText(name, this.#attributes(name)) + extension);
  }

  #attributes(name: string): string[] {
    const { folders, subscribed } = this.#state;
    const prefix = `${name}/`;
    const hasChildren = [...folders.values()].some((each) => each.name.startsWith(prefix));
    const attributes = [hasChildren ? '\\HasChildren' : '\\HasNoChildren'];
    if (subscribed.has(name)) attributes.push('\\Subscribed');
    return attributes;
  }

  // RFC 5465 §5.5.
  #tellSubscriptions(before: WatchState): void {
    const { folders, subscribed } = this.#state;
    const byName = new Map([...folders.values()].map((located) => [located.name, located]));
    for (const name of new Set([...before.subscribed, ...subscribed])) {
      if (before.subscribed.has(name) === subscribed.has(name)) continue;
      const located = byName.get(name);
      const state = subscribed.has(name) ? this.#state : before;
      const about = { name, subscribed: state.subscribed, account: this.#context.account };
      const events = eventsOf(this.#groups, { ...about, folder: located?.folder });
      if (!events.has('SUBSCRIPTIONCHANGE')) continue;
      const attributes = located === undefined ? ['\\NonExistent'] : this.#attributes(name);
      if (located === undefined && subscribed.has(name)) attributes.push('\\Subscribed');
      this.#context.untagged(this.#listText(name, attributes));
    }
  }

  // RFC 5465 §5.6, §5.7; RFC 5464 §4.4.2.
  #tellNotes(before: WatchState): void {
    for (const [id, notes] of this.#state.notes) {
      const was = before.notes.get(id) ?? new Map<string, string>();
      const names = new Set([...was.keys(), ...notes.keys()]);
      const changed = [...names].filter((name) => was.get(name) !== notes.get(name));
      if (changed.length === 0) continue;
      const located = this.#state.folders.get(id);
      const mailbox = located === undefined ? '""' : mailboxText(this.#context, located.name);
      this.#context.untagged(`METADATA ${mailbox} ${changed.join(' ')}`);
    }
  }

  #listText(name: string, attributes: readonly string[]): string {
    return `LIST (${attributes.join(' ')}) "/" ${mailboxText(this.#context, name)}`;
  }
}

// RFC 5465 §5: MessageExpunge and FlagChange are refused without it (src/imap/notify-grammar.ts).
const hasMessageEvent = (events: ReadonlySet<string>): boolean => events.has('MESSAGENEW');

interface About {
  /** Undefined: there is none of that name. */
  readonly folder: Pick<FolderFacts, 'account' | 'path'> | undefined;
  readonly name: string;
  readonly account: string;
  readonly subscribed: ReadonlySet<string>;
}

/** What NOTIFY asks for, ready to be looked at for each mailbox and each event: a command names thousands of either. */
interface Group {
  readonly events: readonly string[];
  readonly has: (about: About) => boolean;
}

const groupOf = ({ mailboxes, events }: NotifyGroup): Group => ({
  events: [...new Set(events.map(({ name }) => name))],
  has: belongsTo(mailboxes),
});

/** RFC 5465 §6: of all groups that the mailbox belongs to. */
function eventsOf(groups: readonly Group[], about: About): ReadonlySet<string> {
  const events = new Set<string>();
  for (const { has, events: wanted } of groups)
    if (has(about)) for (const name of wanted) events.add(name);
  return events;
}

function belongsTo(mailboxes: NotifyGroup['mailboxes']): Group['has'] {
  switch (mailboxes.kind) {
    case 'selected':
    case 'selected-delayed':
      return () => false;
    case 'inboxes':
    case 'personal':
      // RFC 5465 §6.3: a filter may deliver into any mailbox.
      return ({ folder, account }) => folder === undefined || folder.account === account;
    case 'subscribed':
      return ({ name, subscribed }) => subscribed.has(name);
    case 'mailboxes': {
      const names = new Set(mailboxes.names.map(canonicalName));
      return ({ name }) => names.has(name);
    }
    case 'subtree': {
      const roots = new Set(mailboxes.names.map(canonicalName));
      return ({ name }) => roots.has(name) || superiors(name).some((above) => roots.has(above));
    }
  }
}

const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('/')));

const follows = (was: string, from: string, now: string, to: string): boolean =>
  was.startsWith(`${from}/`) && now === to + was.slice(from.length);

/** Facts as they were told last. */
function withFacts(
  now: ReadonlyMap<number, LocatedFolder>,
  before: ReadonlyMap<number, LocatedFolder>,
): ReadonlyMap<number, LocatedFolder> {
  return new Map(
    [...now].map(([id, located]) => {
      const was = before.get(id);
      return [id, was === undefined ? located : { ...located, folder: was.folder }];
    }),
  );
}

const textsOf = (annotations: ReadonlyMap<string, Uint8Array>, prefix: string): Notes =>
  new Map(
    [...annotations]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
  );
