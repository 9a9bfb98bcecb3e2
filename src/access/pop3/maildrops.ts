// The mailboxes that POP3 sessions have open: one session for each account (RFC 1939 §4, the
// exclusive-access lock), and what a session reads of its mailbox. All listeners share one Maildrops.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { MessageList } from '../../pop3/maildrop.ts';
import type { Content } from '../../store/content.ts';
import type { FolderIndex, FolderStore } from '../../store/folder-store.ts';
import { emailId } from '../../store/object-id.ts';
import { Budget, ReadAhead } from './read-ahead.ts';

/** RFC 1939 knows one mailbox for each user. */
const inbox = 'INBOX';
/** No folder's number: who never had mail has no mailbox yet. */
const nowhere = 0;
const empty: FolderIndex = {
  uid: new Uint32Array(0),
  email: new Float64Array(0),
  size: new Float64Array(0),
};
/** Limit: what all sessions together hold of messages that were read before they were asked for. */
const readAheadBytesMax = 64 * 2 ** 20;
/** Limit: accounts whose last login is remembered for LOGIN-DELAY. */
const loginsMax = 50_000;

export interface MaildropsParts {
  readonly folders: Pick<FolderStore, 'find' | 'index' | 'open' | 'removeMessages'>;
  readonly clock: Clock;
}

export type Opening =
  | { readonly kind: 'open'; readonly maildrop: OpenMaildrop }
  /** Another session has it. */
  | { readonly kind: 'in-use' }
  /** RFC 2449 §6.5: the last login was less than the login delay ago. */
  | { readonly kind: 'too-soon' };

export class Maildrops {
  readonly #parts: MaildropsParts;
  readonly #open = new Set<string>();
  readonly #lastLogin = new BoundedMap<string, number>(loginsMax);

  readonly #budget = new Budget(readAheadBytesMax);

  constructor(parts: MaildropsParts) {
    this.#parts = parts;
  }

  /** Reads no content. @throws StorageError */
  async open(account: string, { loginDelay }: { readonly loginDelay: number }): Promise<Opening> {
    const { folders, clock } = this.#parts;
    if (this.#open.has(account)) return { kind: 'in-use' };
    const now = clock.now();
    if (loginDelay > 0) {
      const last = this.#lastLogin.get(account);
      if (last !== undefined && now - last < loginDelay) return { kind: 'too-soon' };
      this.#lastLogin.set(account, now);
    }
    this.#open.add(account);
    try {
      const folder = (await folders.find(account, inbox))?.id ?? nowhere;
      const index = (await folders.index(folder)) ?? empty;
      const maildrop = new OpenMaildrop({
        ...{ folders, account, folder, index, clock, budget: this.#budget },
        release: () => this.#open.delete(account),
      });
      return { kind: 'open', maildrop };
    } catch (error) {
      this.#open.delete(account);
      throw error;
    }
  }
}

interface OpenMaildropParts extends MaildropsParts {
  readonly account: string;
  readonly folder: number;
  readonly index: FolderIndex;
  readonly budget: Budget;
  readonly release: () => void;
}

/** One account's mailbox, ours alone until close(). */
export class OpenMaildrop {
  readonly #parts: OpenMaildropParts;
  readonly #ahead: ReadAhead;
  readonly messages: MessageList;

  constructor(parts: OpenMaildropParts) {
    const { folders, folder, index, budget, clock } = parts;
    const { uid, email, size } = index;
    this.#parts = parts;
    this.messages = {
      length: uid.length,
      idAt: (one) => emailId(email[one]!),
      sizeAt: (one) => size[one]!,
    };
    this.#ahead = new ReadAhead({
      load: (indexes) =>
        folders.open(
          folder,
          indexes.map((one) => uid[one]!),
        ),
      length: uid.length,
      sizeAt: this.messages.sizeAt,
      ...{ budget, clock },
    });
  }

  get account(): string {
    return this.#parts.account;
  }

  /**
   * The message, or undefined when another program removed it; a promise only where the store must
   * be asked. `more`: others will be asked for at once. @throws StorageError
   */
  read(index: number, more: boolean): Content | undefined | Promise<Content | undefined> {
    return this.#ahead.read(index, more);
  }

  /** RFC 1939 §6: all of them or none. @throws StorageError */
  async remove(indexes: readonly number[]): Promise<void> {
    const { folders, folder, index } = this.#parts;
    if (indexes.length === 0) return;
    await folders.removeMessages(
      folder,
      indexes.map((one) => index.uid[one]!),
    );
  }

  close(): void {
    this.#ahead.drop();
    this.#parts.release();
  }
}
