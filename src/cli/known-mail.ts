// Which messages lie in a folder already, so that what is imported once more is not there twice. A message is the same
// when all its octets are: those of one size are read, once each, and compared by a digest.

import { createHash } from 'node:crypto';
import { OperationError, type Operations } from '../admin/operations.ts';

type KnownOperations = Pick<Operations, 'mailList' | 'mailShow'>;

interface Unread {
  readonly address: string;
  readonly id: string;
}

interface OfOneSize {
  readonly digests: Set<string>;
  unread: Unread[];
}

export class KnownMail {
  readonly #operations: KnownOperations;
  readonly #bySize: Map<number, OfOneSize>;

  private constructor(operations: KnownOperations, bySize: Map<number, OfOneSize>) {
    this.#operations = operations;
    this.#bySize = bySize;
  }

  /** Of an address, or of everybody. @throws OperationError when there is no such account. */
  static async in(
    operations: KnownOperations,
    address: string | undefined,
    folder: string,
  ): Promise<KnownMail> {
    const bySize = new Map<number, OfOneSize>();
    const lines = operations.mailList({ ...(address !== undefined && { address }), folder });
    for await (const { id, size, mailbox } of lines) {
      const same = bySize.get(size) ?? { digests: new Set<string>(), unread: [] };
      same.unread.push({ address: mailbox, id });
      bySize.set(size, same);
    }
    return new KnownMail(operations, bySize);
  }

  async has(mail: Buffer): Promise<boolean> {
    const same = this.#bySize.get(mail.length);
    if (same === undefined) return false;
    const { unread } = same;
    same.unread = [];
    for (const each of unread) {
      const digest = await this.#digestOf(each);
      if (digest !== undefined) same.digests.add(digest);
    }
    return same.digests.has(digestOf(mail));
  }

  /**
   * undefined where it was deleted since it was listed, or cannot be read: what is not there is no reason to leave mail out.
   * @throws OperationError where nothing is answered any more, which is a reason to end.
   */
  async #digestOf({ address, id }: Unread): Promise<string | undefined> {
    const hash = createHash('sha256');
    try {
      for await (const piece of this.#operations.mailShow({ address, id })) hash.update(piece);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      // A server that has stopped is told of by the same error.
      for await (const _ of this.#operations.mailList({ address })) break;
      return undefined;
    }
    return hash.digest('base64');
  }

  add(mail: Buffer): void {
    const same = this.#bySize.get(mail.length) ?? { digests: new Set(), unread: [] };
    same.digests.add(digestOf(mail));
    this.#bySize.set(mail.length, same);
  }
}

const digestOf = (mail: Buffer): string => createHash('sha256').update(mail).digest('base64');
