// What a session is told between commands and at their ends: of the folder it has selected, and what it
// asked for by NOTIFY. RFC 9051 §5.2 and §7.5.1, RFC 2177, RFC 5465.

import type { FetchItem, NotifyGroup } from '../../imap/command.ts';
import type { CommandContext, Updates } from './context.ts';
import { fetchNew } from './fetch/fetch-items.ts';
import type { FolderWatch } from './folder-watch.ts';
import type { OwnChange } from './own-change.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';

type Moment = Parameters<Updates['tell']>[0];

/** What NOTIFY SET asked for. */
export interface Notify {
  /** Of the selected mailbox; undefined or without events: nothing, also not in answers of commands. */
  readonly selected: NotifyGroup | undefined;
  /** Of all other mailboxes. */
  readonly others: FolderWatch | undefined;
}

export class SessionUpdates implements Updates {
  readonly #context: CommandContext;
  #selected: SelectedMailbox | undefined;
  #deaf: (() => void) | undefined;
  #notify: Notify | undefined;
  /** Messages of the selected mailbox that the client put there, until it is told that they exist. */
  readonly #own = new Set<number>();
  /** The command that is executed answers with all there is to tell. */
  #answers = false;

  private constructor(context: CommandContext) {
    this.#context = context;
  }

  /** Those of the conversation. */
  static of(context: CommandContext): SessionUpdates {
    const { updates } = context;
    if (updates instanceof SessionUpdates) return updates;
    const made = new SessionUpdates(context);
    context.updates = made;
    return made;
  }

  // RFC 2180 §3.3: what the client knows of it is of no use any more, and nothing but BYE can say so.
  get over(): string | undefined {
    if (this.#selected?.open.gone) return 'The selected mailbox has been deleted';
    // RFC 4314 §5.1.1
    if (this.#selected?.rights.includes('r') === false)
      return 'You may not read the selected mailbox any more';
    return undefined;
  }

  get unasked(): boolean {
    if (this.over !== undefined) return true;
    return this.#notify !== undefined && (this.#notify.others !== undefined || this.#mayTell);
  }

  select(selected: SelectedMailbox): void {
    this.deselect();
    this.#selected = selected;
    this.#deaf = selected.open.listen(() => this.#context.wake());
  }

  deselect(): void {
    this.#deaf?.();
    this.#deaf = undefined;
    if (this.#selected !== undefined) this.#context.openFolders.close(this.#selected.open);
    this.#selected = undefined;
    this.#own.clear();
  }

  /** Undefined: as if it had never been asked for, which NOTIFY NONE is not. RFC 5465 §3.1, §5. */
  notify(notify: Notify | undefined): void {
    this.#notify?.others?.close();
    this.#notify = notify;
  }

  tell(when: Moment): Promise<void> | undefined {
    const others = this.#notify?.others;
    const selected = this.#selected?.open.current();
    if (selected === undefined && !others?.hasNews) return this.#tellSelected(when);
    return this.#tellAll(when, selected, others);
  }

  answer(): void {
    this.#answers = true;
  }

  know(change: OwnChange): void {
    const isHere = change.kind === 'added' && change.folder === this.#selected?.open.id;
    // RFC 9051 §6.3.12, §6.4.7: EXISTS answers APPEND and COPY.
    if (isHere) this.answer();
    if (isHere && this.#newItems.length > 0) for (const uid of change.uids) this.#own.add(uid);
    this.#notify?.others?.know(change);
  }

  close(): void {
    this.deselect();
    this.notify(undefined);
  }

  async #tellAll(
    when: Moment,
    current: Promise<void> | undefined,
    others: FolderWatch | undefined,
  ): Promise<void> {
    await current;
    await this.#tellSelected(when);
    // RFC 5465 §5.8: too much is as NOTIFY NONE.
    if (others?.hasNews && !(await others.tell(this.#selected?.open.id))) {
      this.notify({ selected: undefined, others: undefined });
      this.#context.untagged('OK [NOTIFICATIONOVERFLOW] There is more than can be told');
    }
  }

  /** Whether the client wants to hear of the selected mailbox. RFC 5465 §3.1, §4. */
  get #mayTell(): boolean {
    return this.#notify === undefined || (this.#notify.selected?.events.length ?? 0) > 0;
  }

  #tellSelected(when: Moment): Promise<void> | undefined {
    const isCommand = when === 'command' || when === 'keep-numbers';
    const answers = isCommand && this.#answers;
    if (isCommand) this.#answers = false;
    const selected = this.#selected;
    if (selected === undefined || this.over !== undefined) return undefined;
    if (!answers && !this.#mayTell) return undefined;
    const group = this.#notify?.selected;
    const flags = answers || group === undefined || hasEvent(group, 'FLAGCHANGE');
    const news = selected.sync(this.#context, {
      mayExpunge: this.#mayExpunge(when),
      flags,
      named: group !== undefined,
    });
    // RFC 5465 §6.1.1: what had to wait for the end of the command follows it.
    if (when === 'keep-numbers' && this.#expungesAtOnce && !selected.isCurrent(flags))
      this.#context.wake();
    const { firstNew, exists } = news;
    const items = this.#newItems;
    if (exists === undefined || items.length === 0) return undefined;
    const numbers = Uint32Array.from({ length: exists - firstNew + 1 }, (_, i) => firstNew + i);
    // RFC 5465 §5.2: no FETCH of what the client stored by this connection.
    const theirs = numbers.filter((number) => !this.#own.delete(selected.uidAt(number)!));
    return theirs.length === 0 ? undefined : fetchNew(theirs, items, selected, this.#context);
  }

  /** What is to be told of new messages in the selected mailbox. RFC 5465 §5.2. */
  get #newItems(): readonly FetchItem[] {
    const events = this.#notify?.selected?.events;
    return events?.find(({ name }) => name === 'MESSAGENEW')?.items ?? [];
  }

  // RFC 9051 §7.5.1: nothing is expunged where the client may be using message numbers.
  #mayExpunge(when: Moment): boolean {
    if (when === 'unasked') return this.#expungesAtOnce;
    return when === 'command' || when === 'idle';
  }

  get #expungesAtOnce(): boolean {
    return this.#notify?.selected?.mailboxes.kind === 'selected' && this.#mayTell;
  }
}

const hasEvent = ({ events }: NotifyGroup, wanted: string): boolean =>
  events.some(({ name }) => name === wanted);
