// What an operator can ask of a server, running or not: accounts, mail, the queue, the story of a
// message. One interface; admin/local-operations.ts does it over the stores, admin/control-client.ts
// asks a running server to. Everything here is plain data, ready to be printed as JSON: dates are
// ISO 8601, what is absent is null.

import type { HistoryEvent } from '../store/history.ts';
import type { Origin } from '../store/queue-store.ts';

/** The operator asked for something that cannot be; one line that says what and what to do. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
}

export interface AccountLine {
  readonly address: string;
  /** All of them, the primary one first. */
  readonly addresses: readonly string[];
  /** Names of its app passwords. */
  readonly appPasswords: readonly string[];
  readonly created: string;
  readonly messages: number;
  readonly bytes: number;
}

/** A password or an address has been taken. */
export interface AddressTaken {
  /** As it is stored. */
  readonly address: string;
  /** What might be better about the password, or about the address. */
  readonly advice: string | null;
}

export interface MailLine {
  readonly id: string;
  /** Whose it is. */
  readonly mailbox: string;
  readonly folder: string;
  readonly uid: number;
  readonly from: string;
  readonly subject: string;
  readonly size: number;
  readonly received: string;
  readonly flags: readonly string[];
}

export interface QueueRecipientLine {
  readonly address: string;
  /** The address it was sent to, when an alias led to this one. */
  readonly original: string | null;
  /** How it is delivered, and where to in words. */
  readonly delivery: 'local' | 'remote' | 'discard';
  readonly destination: string;
  readonly state: 'queued' | 'active' | 'held';
  readonly attempts: number;
  readonly nextAttempt: string | null;
  /** `451 4.3.0 Try again later` */
  readonly lastReply: string | null;
}

export interface QueueLine {
  readonly id: string;
  readonly sender: string;
  readonly received: string;
  readonly size: number;
  readonly messageId: string | null;
  readonly recipients: readonly QueueRecipientLine[];
}

/** One message: what the list says, how it came in, and its header as it would leave. */
export interface QueueDetail extends QueueLine {
  readonly params: readonly string[];
  readonly origin: Origin;
  readonly header: string;
}

/** Everything known of the messages with one id: as data, and told to people. */
export interface Story {
  readonly stories: readonly {
    readonly id: string;
    /** What is left of it in the queue. */
    readonly queued: QueueLine | null;
    /** Oldest first. */
    readonly events: readonly HistoryEvent[];
  }[];
  readonly text: string;
}

export interface MendedContent {
  /** Messages that were replaced. */
  readonly messages: number;
  /** Where what was left of the content lies now. */
  readonly aside: string | null;
}

export interface Operations {
  /** @throws OperationError when the address is taken or no address, or the password no good. */
  accountAdd(request: {
    readonly address: string;
    readonly password: string;
  }): Promise<AddressTaken>;
  accountList(): AsyncIterable<AccountLine>;
  accountPassword(request: {
    readonly address: string;
    readonly password: string;
  }): Promise<AddressTaken>;
  /** With all its mail. */
  accountRemove(request: { readonly address: string }): Promise<void>;
  addressAdd(request: {
    readonly account: string;
    readonly address: string;
  }): Promise<AddressTaken>;
  addressRemove(request: { readonly account: string; readonly address: string }): Promise<void>;
  /** Resolves to the new password, which cannot be shown again. */
  appPasswordAdd(request: { readonly account: string; readonly name: string }): Promise<string>;
  appPasswordRemove(request: { readonly account: string; readonly name: string }): Promise<void>;

  /** Without an address everybody's, one mailbox after the other. */
  mailList(request: {
    readonly address?: string;
    readonly folder?: string;
  }): AsyncIterable<MailLine>;
  /** The raw message. @throws OperationError when there is none of that id. */
  mailShow(request: { readonly address: string; readonly id: string }): AsyncIterable<Uint8Array>;

  /**
   * Resolves to the number of messages deleted. Without `ids` everything of the address, or of all:
   * in `dev` only. @throws OperationError when one is not there; then none is deleted.
   */
  mailDelete(request: {
    readonly address?: string;
    readonly ids?: readonly string[];
  }): Promise<number>;

  /** Oldest first. */
  queueList(): AsyncIterable<QueueLine>;
  queueShow(request: { readonly id: string }): Promise<QueueDetail>;
  /** These resolve to the number of recipients concerned. */
  queueRetry(request: { readonly ids: readonly string[] | undefined }): Promise<number>;
  queueHold(request: { readonly ids: readonly string[] }): Promise<number>;
  queueRelease(request: { readonly ids: readonly string[] }): Promise<number>;
  queueCancel(request: {
    readonly ids: readonly string[];
    readonly silent: boolean;
  }): Promise<number>;

  /**
   * For as long as it is read, what the database refers to stays where it is. The first item says that
   * everything accepted so far is there.
   */
  backupHold(): AsyncIterable<object>;
  /** Gives up content that is missing or damaged; see StoreMaintenance. Null when there is nothing to mend. */
  mendContent(request: { readonly content: number }): Promise<MendedContent | null>;

  /**
   * By queue id or Message-ID; what was refused also by address. Refusals are stories with one event,
   * whose id is the session's. @throws OperationError when nothing is known of it.
   */
  why(request: { readonly id: string }): Promise<Story>;
}

/** What only a running server can do. */
export interface ServerControl {
  reload(): Promise<Reloaded>;
}

export interface Reloaded {
  /** One a line, if the configuration stays as it was. */
  readonly problems: readonly string[];
  /** Settings that were changed and are taken at the next start only. */
  readonly later: readonly string[];
}
