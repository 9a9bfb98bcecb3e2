// Content on its way to the other store: each once, with a checksum of what was read where it comes from, against
// which it is read again where it has gone. It never changes, so that this can be done long before the switch.

import { createHash } from 'node:crypto';
import type { Content } from '../content.ts';
import { ContentError, inlineBytesMax } from '../content.ts';
import type { CopiedContent, MoveSource, MoveTarget, SmallCopy } from './places.ts';
import { MoveError } from './places.ts';

/** Limit: octets that are gathered before they are written, in one transaction. */
const gatheredBytesMax = 8 * 2 ** 20;
/** Limit: content that is looked for at a time. */
const contentsPerPage = 64;

export type OnMoveProgress = (what: string, done: number, total: number) => void;

export class MovedContents {
  readonly #source: MoveSource;
  readonly #target: MoveTarget;
  readonly #unreadable = new Map<number, string>();

  constructor(source: MoveSource, target: MoveTarget) {
    this.#source = source;
    this.#target = target;
  }

  /** What of it is not there yet is copied. What cannot be read may be gone with its message by now: missing() says so later. */
  async copy(ids: readonly number[]): Promise<void> {
    const wanted = [...new Set(ids)];
    for (let at = 0; at < wanted.length; at += contentsPerPage)
      await this.#copyPage(wanted.slice(at, at + contentsPerPage));
  }

  /** After the last message was copied. @throws MoveError when one lacks its content */
  async complete(): Promise<void> {
    const last = await this.#target.sweep();
    if (last.length === 0) return;
    await this.copy(last);
    const [missing, ...others] = await this.#target.sweep();
    if (missing === undefined) return;
    const why = this.#unreadable.get(missing) ?? `content ${missing} is missing`;
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    throw new MoveError(
      `${why}${more}: put it back from a backup, or give it up with \`postrider verify --repair\`, and move again`,
    );
  }

  /** Reads again what has not been since it was copied. @throws MoveError when it is not the same */
  async verify(onProgress?: OnMoveProgress): Promise<void> {
    // Counting takes its time: not while everybody waits.
    const total = onProgress === undefined ? 0 : (await this.#target.contents()).contents;
    let after = 0;
    let done = 0;
    for (;;) {
      const page = await this.#target.unverified(after, contentsPerPage);
      if (page.length === 0) return;
      const contents = await this.#target.contentsOf(page.map(({ id }) => id));
      for (const copied of page) await this.#verify(copied, contents.get(copied.id));
      await this.#target.verified(page.map(({ id }) => id));
      after = page.at(-1)!.id;
      done += page.length;
      onProgress?.('reading again what was copied', done, total);
    }
  }

  async #verify({ id, size, digest }: CopiedContent, content: Content | undefined): Promise<void> {
    const hash = createHash('sha256');
    let read = 0;
    if (content !== undefined)
      for await (const piece of content.read({ reuse: true })) {
        hash.update(piece);
        read += piece.length;
      }
    if (read === size && hash.digest().equals(digest)) return;
    throw new MoveError(
      `content ${id} is not the same in ${this.#target.name}: begin again with --restart`,
    );
  }

  async #copyPage(ids: readonly number[]): Promise<void> {
    const there = await this.#target.copied(ids);
    let gathered: SmallCopy[] = [];
    let bytes = 0;
    const put = async () => {
      if (gathered.length > 0) await this.#target.putSmall(gathered);
      gathered = [];
      bytes = 0;
    };
    const contents = await this.#source.contentsOf(ids.filter((id) => !there.has(id)));
    for (const [id, content] of contents) {
      const small = await this.#copyOne(id, content);
      if (small === undefined) continue;
      gathered.push(small);
      bytes += small.size;
      if (bytes >= gatheredBytesMax) await put();
    }
    await put();
  }

  /** What is small comes back. */
  async #copyOne(id: number, content: Content): Promise<SmallCopy | undefined> {
    const hash = createHash('sha256');
    let size = 0;
    const counted = async function* (pieces: AsyncIterable<Uint8Array>) {
      for await (const piece of pieces) {
        hash.update(piece);
        size += piece.length;
        yield piece;
      }
    };
    const digest = (): CopiedContent => ({ id, size, digest: hash.digest() });
    try {
      if (content.size > inlineBytesMax) {
        await this.#target.putLarge({ id, pieces: counted(content.read({ reuse: true })), digest });
        return undefined;
      }
      const bytes = Buffer.concat(await Array.fromAsync(counted(content.read())));
      return { ...digest(), bytes };
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      this.#unreadable.set(id, error.message);
      return undefined;
    }
  }
}
