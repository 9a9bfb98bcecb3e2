// What was caught, as programs ask for it: lists, one message by its id or the latest, changes of many at once. All of
// it, or what is in one inbox. An id is that of the place that stands for a message (store/mail-question.ts).

import { assert } from '../base/assert.ts';
import type { FlagChange, FolderStore } from '../store/folder-store.ts';
import type { FoundMail, MailPage, MailPlace, MailTerm } from '../store/mail-question.ts';
import type { Spool } from '../store/spool.ts';
import { keepWhole } from '../store/whole-content.ts';
import { type FoundMessage, findMessage } from './find-message.ts';
import { keywordOf, tagsOf } from './tags.ts';

export interface CaughtMailParts {
  readonly folders: FolderStore;
  readonly spool: Pick<Spool, 'store' | 'remove'>;
  /** The inbox that is looked at; undefined: all. */
  readonly account: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface AddedWith {
  readonly flags?: readonly string[];
  readonly folder?: string;
}

/** Limit: messages that are looked up, changed or deleted in one go. */
const atOnce = 500;

export class CaughtMail {
  readonly #parts: CaughtMailParts;

  constructor(parts: CaughtMailParts) {
    this.#parts = parts;
  }

  get account(): string | undefined {
    return this.#parts.account;
  }

  page(terms: readonly MailTerm[], start: number, limit: number): Promise<MailPage> {
    const { folders, account } = this.#parts;
    return folders.mails({ account, folder: undefined, terms, start, limit });
  }

  /** The newest that matches. */
  async latest(terms: readonly MailTerm[]): Promise<FoundMail | undefined> {
    return (await this.page(terms, 0, 1)).mails[0];
  }

  byId(id: string): Promise<FoundMail | undefined> {
    return this.latest(withIds([id]));
  }

  /** Undefined when it went meanwhile. @throws UnshownError */
  whole({ account, id }: MailPlace): Promise<FoundMessage | undefined> {
    return findMessage(this.#parts.folders, account, id);
  }

  /** Of all that match; how many those are. A copy of a message is changed with it. */
  async change(
    terms: readonly MailTerm[],
    changes: (flags: readonly string[]) => readonly FlagChange[],
  ): Promise<number> {
    const { folders } = this.#parts;
    let count = 0;
    for (const mails of await this.#all(terms))
      for (const { places, flags } of mails) {
        const wanted = changes(flags).filter((each) => each.flags.length > 0);
        if (wanted.length > 0)
          for (const { folder, uid } of places) await folders.store(folder, [uid], wanted);
        count += 1;
      }
    return count;
  }

  setSeen(terms: readonly MailTerm[], seen: boolean): Promise<number> {
    const changed: MailTerm = { kind: 'flag', flag: '\\Seen', not: seen };
    const change: FlagChange = { kind: seen ? 'add' : 'remove', flags: ['\\Seen'] };
    return this.change([...terms, changed], () => [change]);
  }

  setTags(terms: readonly MailTerm[], tags: readonly string[]): Promise<number> {
    return this.change(terms, (flags) => [
      { kind: 'remove', flags: tagsOf(flags).map(keywordOf) },
      { kind: 'add', flags: tags.map(keywordOf) },
    ]);
  }

  /** How many messages those were. */
  async remove(terms: readonly MailTerm[]): Promise<number> {
    let count = 0;
    for (;;) {
      const { mails } = await this.page(terms, 0, atOnce);
      if (mails.length === 0) return count;
      count += mails.length;
      await removePlaces(
        this.#parts.folders,
        mails.flatMap(({ places }) => places),
      );
    }
  }

  /**
   * Stores a message as if it had come for these; gives the place that stands for it. In one inbox it lies once.
   * `flags` are those it has from the beginning; a `folder` other than INBOX is there already, and one inbox is looked at.
   */
  async add(
    octets: Uint8Array,
    recipients: readonly string[],
    { flags = [], folder: path = 'INBOX' }: AddedWith = {},
  ): Promise<string> {
    const { folders, spool, account, now } = this.#parts;
    const owners = account === undefined ? [...new Set(recipients)] : [account];
    const [first, ...others] = owners;
    assert(first !== undefined, 'a message is for somebody');
    const mail = { account: first, folder: path, prefix: '', flags, received: now() };
    const { id, folder, uid } = await keepWhole(octets, spool, (content) =>
      folders.deliver({ ...mail, content }),
    );
    for (const owner of others) {
      await folders.ensure(owner);
      const inbox = await folders.find(owner, 'INBOX');
      if (inbox !== undefined) await folders.copy(folder, [uid], inbox.id);
    }
    return id;
  }

  /** Looked up before any of it is changed, since a change may be what a term asks about. */
  async #all(terms: readonly MailTerm[]): Promise<readonly (readonly FoundMail[])[]> {
    const pages: (readonly FoundMail[])[] = [];
    for (let start = 0; ; start += atOnce) {
      const { mails } = await this.page(terms, start, atOnce);
      if (mails.length > 0) pages.push(mails);
      if (mails.length < atOnce) return pages;
    }
  }
}

export const withIds = (ids: readonly string[]): readonly MailTerm[] => [
  { kind: 'id', ids, not: false },
];

export async function removePlaces(
  folders: Pick<FolderStore, 'removeMessages'>,
  places: readonly MailPlace[],
): Promise<void> {
  const byFolder = Map.groupBy(places, ({ folder }) => folder);
  for (const [folder, there] of byFolder)
    await folders.removeMessages(
      folder,
      there.map(({ uid }) => uid),
    );
}
