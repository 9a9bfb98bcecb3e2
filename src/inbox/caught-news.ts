// What happens to caught mail, for those who listen: a message that came, one that was changed, one that went. Asked of
// the store when it says that something changed, a few at a time; while nobody listens it costs nothing.

import type { Clock } from '../base/clock.ts';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { FolderStore } from '../store/folder-store.ts';
import type { FoundMail, MailboxCount, MailPage } from '../store/mail-question.ts';
import { emailOf } from '../store/object-id.ts';
import { CaughtMail, type CaughtMailParts, withIds } from './caught-mail.ts';

export type CaughtEvent =
  | { readonly kind: 'received'; readonly mail: FoundMail }
  /** Its flags or tags are others. */
  | { readonly kind: 'changed'; readonly mail: FoundMail }
  /** `id` is of the copy that this inbox had. */
  | { readonly kind: 'deleted'; readonly account: string; readonly id: string }
  /** More than can be told one by one: look again. */
  | { readonly kind: 'many' }
  /** How many there are, after some of the others. */
  | { readonly kind: 'counted'; readonly page: MailPage };

export interface CaughtNewsParts {
  readonly folders: FolderStore;
  readonly spool: CaughtMailParts['spool'];
  readonly clock: Clock;
  readonly log: Log;
}

/** What comes in between is told together. */
const gatherMs = 100;
/** Limit: events of a kind that are told of one look. */
const toldMax = 200;

export class CaughtNews {
  readonly #parts: CaughtNewsParts;
  readonly #mail: CaughtMail;
  readonly #listeners = new Set<(event: CaughtEvent) => void>();
  /** Where each account was when it was last looked at. */
  readonly #states = new Map<string, string>();
  readonly #changed = new Set<string>();
  #last: string | undefined;
  #stopWatching = () => {};
  #cancel: (() => void) | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: CaughtNewsParts) {
    this.#parts = parts;
    const now = () => parts.clock.now();
    this.#mail = new CaughtMail({ ...parts, account: undefined, now });
  }

  /** Resolves when nothing that happens from now on is missed; to what ends it. */
  async listen(listener: (event: CaughtEvent) => void): Promise<() => void> {
    const entry = (event: CaughtEvent) => listener(event);
    this.#listeners.add(entry);
    if (this.#listeners.size === 1) this.#start();
    await this.#work;
    return () => {
      if (this.#listeners.delete(entry) && this.#listeners.size === 0) this.#stop();
    };
  }

  #start(): void {
    this.#stopWatching = this.#parts.folders.watch((event) => {
      if (event.kind !== 'messages') return;
      this.#changed.add(event.account);
      this.#cancel ??= this.#parts.clock.after(gatherMs, () => {
        this.#cancel = undefined;
        this.#then(() => this.#look());
      });
    });
    this.#then(() => this.#begin());
  }

  #stop(): void {
    this.#stopWatching();
    this.#cancel?.();
    this.#cancel = undefined;
    this.#states.clear();
    this.#changed.clear();
  }

  /** One after the other. */
  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#parts.log.error('news of caught mail were lost', { error: stackOf(error) });
    });
  }

  async #begin(): Promise<void> {
    const { folders } = this.#parts;
    const owners: readonly MailboxCount[] = await folders.counts();
    for (const { account } of owners)
      this.#states.set(account, await folders.accountState(account));
    this.#last = (await this.#mail.latest([]))?.id;
  }

  async #look(): Promise<void> {
    const accounts = [...this.#changed];
    this.#changed.clear();
    if (this.#listeners.size === 0) return;
    await this.#tellReceived();
    // A message of several inboxes has changed in each of them.
    const updated = new Set<string>();
    for (const account of accounts) for (const id of await this.#tellGone(account)) updated.add(id);
    if (updated.size > 0) await this.#tellChanged([...updated]);
    this.#tell({ kind: 'counted', page: await this.#mail.page([], 0, 0) });
  }

  async #tellReceived(): Promise<void> {
    const after = this.#last;
    const { found, mails } = await this.#mail.page(
      after === undefined ? [] : [{ kind: 'after', id: after, not: false }],
      ...([0, toldMax] as const),
    );
    for (const mail of mails.toReversed()) {
      if ((emailOf(mail.id) ?? 0) > (emailOf(this.#last ?? '') ?? 0)) this.#last = mail.id;
      this.#tell({ kind: 'received', mail });
    }
    if (found.messages > mails.length) this.#tell({ kind: 'many' });
  }

  async #tellChanged(ids: readonly string[]): Promise<void> {
    const { found, mails } = await this.#mail.page(withIds(ids), 0, toldMax);
    for (const mail of mails) this.#tell({ kind: 'changed', mail });
    if (found.messages > mails.length) this.#tell({ kind: 'many' });
  }

  /** Ids of what is still there and has changed. */
  async #tellGone(account: string): Promise<readonly string[]> {
    const { folders } = this.#parts;
    const since = this.#states.get(account);
    if (since === undefined) {
      this.#states.set(account, await folders.accountState(account));
      return [];
    }
    const { state, hasMore, complete, updated, destroyed } = await folders.changedEmails(
      ...([account, since, toldMax] as const),
    );
    this.#states.set(account, hasMore ? await folders.accountState(account) : state);
    if (hasMore || !complete) this.#tell({ kind: 'many' });
    for (const id of destroyed) this.#tell({ kind: 'deleted', account, id });
    return updated;
  }

  #tell(event: CaughtEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
