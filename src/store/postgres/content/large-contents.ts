// Large content, wherever it lies: in a bucket if there is one, in the database in pieces otherwise. What was written
// before there was a bucket stays where it is.

import { StorageError } from '../../../smtp/smtp-error.ts';
import type { Content, ReadOptions } from '../../content.ts';
import { ContentError } from '../../content.ts';
import type { SpoolFile } from '../../files/spool-memory.ts';
import { textOrNull } from '../../row.ts';
import type { Database } from '../database.ts';
import type { Bucket } from './bucket.ts';
import { createObject, deleteObject, objectContent, sweepObjects } from './objects.ts';
import { createPieces, deletePieces, piecesContent } from './pieces.ts';

export class LargeContents {
  readonly #database: Database;
  readonly #bucket: Bucket | undefined;

  constructor(database: Database, bucket?: Bucket) {
    this.#database = database;
    this.#bucket = bucket;
  }

  create(id: number): Promise<SpoolFile> {
    return this.#bucket === undefined
      ? createPieces(this.#database, id)
      : createObject(this.#database, this.#bucket, id);
  }

  /** Never throws. */
  async discard(id: number): Promise<void> {
    const gone =
      this.#bucket === undefined
        ? deletePieces(this.#database, id)
        : deleteObject(this.#database, this.#bucket, id);
    await gone.catch(() => {}); // swept a day later
  }

  content(id: number, size: number): Content {
    const where = () => this.#where(id, size);
    return {
      size,
      bytes: undefined,
      async *read(options?: ReadOptions) {
        yield* (await where()).read(options);
      },
      async check() {
        await (await where()).check?.();
      },
    };
  }

  /** How many objects went. */
  sweep(freedFor: string): Promise<number> {
    return this.#bucket === undefined
      ? Promise.resolve(0)
      : sweepObjects(this.#database, this.#bucket, freedFor);
  }

  /** @throws ContentError, StorageError */
  async #where(id: number, size: number): Promise<Content> {
    const sql = 'SELECT object FROM content WHERE id = $1 AND freed IS NULL';
    const [row] = await this.#database.rows(sql, [id]);
    if (row === undefined)
      throw new ContentError('missing', `content ${id} is not in the database`);
    const object = textOrNull(row.object);
    if (object === null) return piecesContent(this.#database, id, size);
    if (this.#bucket === undefined)
      throw new StorageError(`content ${id} is in a bucket, and none is configured`);
    return objectContent(this.#bucket, object, size);
  }
}
