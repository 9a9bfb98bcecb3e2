// What the commands of ActiveSync share: whose mailbox it is, which device asks, what the server is made of. A command
// is a function from a call to an answer; what it throws is HTTP 500, and the device asks again.

import type { RequestLine } from '../../activesync/request-line.ts';
import type { Element } from '../../activesync/wbxml/element.ts';
import type { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { Fields, Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { OpenFolders } from '../../mailbox/open-folders.ts';
import type { AccountRules } from '../../policy/rules/account-rules.ts';
import type { SortedMessages } from '../../policy/spam/junk-learner.ts';
import type { AccountStore } from '../../store/account-store.ts';
import type { FolderStore, Quota } from '../../store/folder-store.ts';
import type { Holdings } from '../../store/nodes.ts';
import type { RecordStore, StoredRecord } from '../../store/record-store.ts';
import type { Spool } from '../../store/spool.ts';
import type { CollectionBook } from './collection-book.ts';
import type { Device, DeviceBook } from './device-book.ts';
import type { Waiting } from './waiting.ts';

export interface ActiveSyncParts {
  readonly store: FolderStore;
  readonly spool: Pick<Spool, 'store' | 'remove'>;
  /** One for all who read mail in this process. */
  readonly openFolders: OpenFolders;
  readonly records: RecordStore;
  readonly accounts: Pick<AccountStore, 'find' | 'list'>;
  readonly rules: {
    of(account: string): Promise<AccountRules | undefined>;
    set(account: string, rules: AccountRules): Promise<void>;
  };
  /** As a login and a transaction by SMTP would take it. @throws MailNotTaken */
  readonly send: (mail: OutgoingMail) => Promise<void>;
  readonly settings: () => ActiveSyncSettings;
  /** Told what the account called spam, and what not. */
  readonly sorted?: ((messages: SortedMessages) => void) | undefined;
  /** Which devices speak to this node: what they ask is answered by one node at a time. */
  readonly holdings: Holdings;
  /** Another node that has it is to let go of it. Resolves when it has, or does not answer. */
  readonly askFor: (device: string) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ActiveSyncSettings {
  readonly quota: Quota | undefined;
  /** Octets of a message. */
  readonly messageSize: number;
  /** A device that has not taken the policies is asked to. */
  readonly requireProvision: boolean;
}

export interface OutgoingMail {
  readonly account: string;
  readonly client: string;
  /** Its kind, its name, and what it asked for. */
  readonly device: string;
  /** The same for the log. */
  readonly logged: Fields;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: Uint8Array;
  /** Put with it, in one transaction: whoever finds it knows that the mail was taken. */
  readonly record?: StoredRecord | undefined;
}

/** A policy, or a limit, says no. The message is the reply. */
export class MailNotTaken extends Error {
  override readonly name = 'MailNotTaken';
}

export interface Call {
  readonly account: string;
  /** The address of the client. */
  readonly client: string;
  readonly line: RequestLine;
  readonly agent: string;
  /** Undefined for an empty body, and for one that is no WBXML. */
  readonly document: Element | undefined;
  /** As it came. */
  readonly body: Uint8Array;
  /** Whoever asked has left. */
  readonly left: AbortSignal;
  /** Called with how much before something large is read whole: resolves when there is room, until the call is over. */
  readonly room: (octets: number) => Promise<void>;
}

/** Who asked, and for what, as the log has it. */
export const namesOf = ({ account, line, client }: Call): Fields => ({
  ...{ account, client, device: line.deviceId, program: line.deviceType, during: line.command },
});

export type Answer =
  | { readonly kind: 'document'; readonly root: Element }
  | { readonly kind: 'empty' }
  /** [MS-ASCMD] 2.2.1.10.1: the document, then octets that it names by their place. */
  | { readonly kind: 'parts'; readonly root: Element; readonly parts: readonly Uint8Array[] }
  | { readonly kind: 'octets'; readonly type: string; readonly octets: Uint8Array }
  | { readonly kind: 'refused'; readonly status: number };

export interface Context extends ActiveSyncParts {
  readonly call: Call;
  readonly device: Device;
  readonly devices: DeviceBook;
  readonly collections: CollectionBook;
  readonly waiting: Waiting;
  /** By device, folder and UID: the modseq before and after this device's answer marked a message. */
  readonly marked: BoundedMap<string, readonly [before: number, after: number]>;
}

export type Command = (context: Context) => Promise<Answer> | Answer;

export const answerWith = (root: Element): Answer => ({ kind: 'document', root });
