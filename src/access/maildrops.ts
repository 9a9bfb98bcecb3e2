// The mailboxes that POP3 sessions have open: one session for each account (RFC 1939 §4, the
// exclusive-access lock), and what a session reads of its mailbox. All listeners share one Maildrops.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import type { Content } from '../store/content.ts';
import type { FolderIndex, MailboxStore } from '../store/mailbox-store.ts';
import type { Budget } from './read-ahead.ts';
import { ReadAhead } from './read-ahead.ts';

/** RFC 1939 knows one mailbox for each user. */
const folder = 'INBOX';
/** Limit: what all sessions together hold of messages that were read before they were asked for. */
const readAheadBytesMax = 64 * 2 ** 20;
/** Limit: accounts whose last login is remembered for LOGIN-DELAY. */
const loginsMax = 50_000;

export interface MaildropsParts {
  readonly mailboxes: Pick<MailboxStore, 'index' | 'openMany' | 'expunge'>;
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
  #readAheadBytes = 0;

  constructor(parts: MaildropsParts) {
    this.#parts = parts;
  }

  /** Reads no content. @throws StorageError */
  async open(account: string, { loginDelay }: { readonly loginDelay: number }): Promise<Opening> {
    const { mailboxes, clock } = this.#parts;
    if (this.#open.has(account)) return { kind: 'in-use' };
    const now = clock.now();
    if (loginDelay > 0) {
      const last = this.#lastLogin.get(account);
      if (last !== undefined && now - last < loginDelay) return { kind: 'too-soon' };
      this.#lastLogin.set(account, now);
    }
    this.#open.add(account);
    try {
      const index = await mailboxes.index(account, folder);
      const maildrop = new OpenMaildrop({
        ...{ mailboxes, account, index, clock, budget: this.#budget },
        release: () => this.#open.delete(account),
      });
      return { kind: 'open', maildrop };
    } catch (error) {
      this.#open.delete(account);
      throw error;
    }
  }

  readonly #budget: Budget = {
    take: (octets) => {
      if (this.#readAheadBytes + octets > readAheadBytesMax) return false;
      this.#readAheadBytes += octets;
      return true;
    },
    give: (octets) => {
      this.#readAheadBytes -= octets;
    },
  };
}

interface OpenMaildropParts extends MaildropsParts {
  readonly account: string;
  readonly index: FolderIndex;
  readonly budget: Budget;
  readonly release: () => void;
}

/** One account's mailbox, ours alone until close(). */
export class OpenMaildrop {
  readonly #parts: OpenMaildropParts;
  readonly #ahead: ReadAhead;

  constructor(parts: OpenMaildropParts) {
    const { mailboxes, account, index, budget, clock } = parts;
    this.#parts = parts;
    this.#ahead = new ReadAhead({
      load: (indexes) =>
        mailboxes.openMany(
          account,
          folder,
          indexes.map((one) => index.uidAt(one)),
        ),
      length: index.length,
      sizeAt: (one) => index.sizeAt(one),
      ...{ budget, clock },
    });
  }

  get account(): string {
    return this.#parts.account;
  }

  get index(): FolderIndex {
    return this.#parts.index;
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
    const { mailboxes, account, index } = this.#parts;
    if (indexes.length === 0) return;
    await mailboxes.expunge(
      account,
      folder,
      indexes.map((one) => index.uidAt(one)),
    );
  }

  close(): void {
    this.#ahead.drop();
    this.#parts.release();
  }
}
