// What the commands of one IMAP conversation share: whose mailboxes they are, what is selected, what
// the client turned on, and a way to say something. One file for each command (or few that belong
// together) in commands/, one line for it in commands/index.ts.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CommandOf } from '../../imap/command.ts';
import type { Completion, OwnersCommand } from '../../imap/event.ts';
import type { ImapLimits } from '../../imap/limits.ts';
import type { OpenFolders } from '../../mailbox/open-folders.ts';
import type { SortedMessages } from '../../policy/spam/junk-learner.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import type { Spool } from '../../store/spool.ts';
import type { DigestTexts } from './fetch/digest-texts.ts';
import type { FolderNames } from './located-folder.ts';
import type { OwnChange } from './own-change.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';
import type { UrlAuthority } from './urls/url-authority.ts';
import type { Voice } from './voice.ts';

/**
 * What can be told between commands: of the selected folder, and what NOTIFY asked for. SELECT or
 * NOTIFY makes it and puts it into the context; context.wake() says that there is something to tell.
 */
export interface Updates {
  /** NOTIFY: may be told while no command is in progress, not only in IDLE and at a command's end. */
  readonly unasked: boolean;
  /** Why the conversation cannot go on. */
  readonly over: string | undefined;
  /**
   * Adds the untagged responses. `keep-numbers`: at the end of a command that names messages by
   * number, nothing may be expunged (RFC 9051 §7.5.1). Never called twice at a time, nor while a
   * command is executed.
   */
  tell(when: 'command' | 'keep-numbers' | 'idle' | 'unasked'): Promise<void> | undefined;
  /** The command answers with what has become of the selected mailbox, whatever NOTIFY wants to know. */
  answer(): void;
  /** What the client did itself: it is not told of it. RFC 5465 §5. */
  know(change: OwnChange): void;
  /** The conversation is over, or somebody else is to log in. */
  close(): void;
}

export type Urls = Pick<UrlAuthority, 'authorize' | 'redeem' | 'keys'>;

export interface CommandContext extends Voice {
  /** Primary address of who is logged in; '' before (ID and NOOP). */
  readonly account: string;
  readonly store: FolderStore;
  /** One for all conversations of the process. */
  readonly openFolders: OpenFolders;
  /** As openFolders. */
  readonly texts: DigestTexts;
  /** Of the command that is being executed. RFC 9051 §7.3.4: ESEARCH names it. */
  tag: string;
  readonly spool: Spool;
  readonly names: FolderNames;
  readonly limits: ImapLimits;
  /** Limits of the account; undefined: none. RFC 9208. */
  readonly quota: { readonly bytes: number | undefined; readonly messages: number | undefined };
  /** How to reach the operator: a URI. RFC 5464 §3.2.1.1. */
  readonly admin: string;
  /** RFC 4467. */
  readonly urls: Urls;
  readonly clock: Clock;
  readonly log: Log;
  /** The folder that SELECT or EXAMINE opened. */
  selected: SelectedMailbox | undefined;
  updates: Updates | undefined;
  /** Told what the account called spam, and what not. */
  readonly sorted: ((messages: SortedMessages) => void) | undefined;
  /** The account that an address belongs to: its primary address. For the identifiers of an ACL. */
  accountOf(address: string): Promise<string | undefined>;
}

/** A command's work. What it throws is "NO, try again later", apart from ImapRefusal. */
export type Executor<C extends OwnersCommand = OwnersCommand> = (
  command: C,
  context: CommandContext,
) => Promise<Completion> | Completion;

export type ExecutorOf<N extends OwnersCommand['name']> = Executor<
  Extract<CommandOf<N>, OwnersCommand>
>;
