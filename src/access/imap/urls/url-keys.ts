// Mailbox access keys: with them URLs are authorized, and without them all that was authorized is worthless. RFC 4467
// §2.2, §2.4.1. Each account has a table of its own, a key for each mailbox, be it theirs or another's. The mechanism is
// INTERNAL: nobody but this server reads what is in a token.

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../../base/random.ts';
import { allRecords, removeRecords } from '../../../store/all-records.ts';
import type { FolderFacts, FolderStore } from '../../../store/folder-store.ts';
import type { RecordStore } from '../../../store/record-store.ts';

export interface UrlKeysParts {
  readonly records: RecordStore;
  readonly folders: Pick<FolderStore, 'folder'>;
  readonly random: Random;
}

type Mailbox = Pick<FolderFacts, 'id' | 'uidValidity'>;

const kind = 'url-key';
/** RFC 4467 §2.2: at least 128 bits. */
const keyOctets = 32;
// RFC 4467 §2.4.1: an octet in front says how the rest was made. 01 is HMAC-SHA256.
const algorithm = '01';

export class UrlKeys {
  readonly #parts: UrlKeysParts;
  /** Changes follow each other: a key that is made twice would make the first one's URLs worthless. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: UrlKeysParts) {
    this.#parts = parts;
  }

  /** For a new URL: with the first one the key is made. */
  async token(account: string, mailbox: Mailbox, rump: string): Promise<string> {
    const key = await this.#afterLast(
      async () => (await this.#find(account, mailbox)) ?? this.#make(account, mailbox),
    );
    return tokenOf(key, rump);
  }

  /** RFC 4467 §6: takes as long where there is no key, or no mailbox, as where the token is wrong. */
  async isRight(
    account: string,
    mailbox: Mailbox | undefined,
    rump: string,
    token: string,
  ): Promise<boolean> {
    const found = mailbox && (await this.#find(account, mailbox));
    const key = found ?? this.#parts.random.bytes(keyOctets).toString('hex');
    const expected = Buffer.from(tokenOf(key, rump));
    const given = Buffer.from(token.toLowerCase());
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  async reset(account: string, mailbox: Mailbox): Promise<void> {
    await this.#afterLast(() => this.#make(account, mailbox));
  }

  async resetAll(account: string): Promise<void> {
    await this.#afterLast(() => forgetUrlKeys(this.#parts.records, account));
  }

  async #find(account: string, mailbox: Mailbox): Promise<string | undefined> {
    return (await this.#parts.records.get(kind, recordKey(account, mailbox)))?.value;
  }

  async #make(account: string, mailbox: Mailbox): Promise<string> {
    const value = this.#parts.random.bytes(keyOctets).toString('hex');
    await this.#parts.records.put([{ kind, key: recordKey(account, mailbox), value }]);
    await this.#forgetOld(account);
    return value;
  }

  /** Keys of mailboxes that are gone, which were theirs or another's, go when the account gets a new one. */
  async #forgetOld(account: string): Promise<void> {
    const { records, folders } = this.#parts;
    const prefix = `${account} `;
    for await (const { key } of allRecords(records, kind, { prefix })) {
      const [id, uidValidity] = key.slice(prefix.length).split('.').map(Number);
      const folder = await folders.folder(id!);
      if (folder?.uidValidity !== uidValidity) await records.remove(kind, [key]);
    }
  }

  #afterLast<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** All that the account has authorized is worthless from then on. */
export const forgetUrlKeys = (records: RecordStore, account: string): Promise<void> =>
  removeRecords(records, kind, `${account} `);

/** Another mailbox that is called the same, or gets the same id, has another key. */
const recordKey = (account: string, { id, uidValidity }: Mailbox): string =>
  `${account} ${id}.${uidValidity}`;

const tokenOf = (key: string, rump: string): string =>
  algorithm + createHmac('sha256', Buffer.from(key, 'hex')).update(rump, 'latin1').digest('hex');
