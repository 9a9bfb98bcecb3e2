// Large content in a bucket. Its row is in the database before its first octet is anywhere, so that nothing is left
// of what breaks off: the row names the object, and has the beginning of the content for whoever lists messages.

import type { Content } from '../../content.ts';
import { ContentError } from '../../content.ts';
import type { SpoolFile } from '../../files/spool-memory.ts';
import { listedBytesMax } from '../../folders/listing.ts';
import type { Database } from '../database.ts';
import type { Bucket } from './bucket.ts';

/** Limit: what S3 takes as a part that is not the last, and what a writer gathers in memory. */
const partBytes = 5 * 2 ** 20;

/** By a number that is not used twice; spread, since stores shard by the beginning of names. */
const keyOf = (id: number): string => `content/${(id % 4096).toString(16).padStart(3, '0')}/${id}`;

export async function createObject(
  database: Database,
  bucket: Bucket,
  id: number,
): Promise<SpoolFile> {
  const key = keyOf(id);
  await database.run('INSERT INTO content (id, size, object) VALUES ($1, 0, $2)', [id, key]);
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  let size = 0;
  let head = Buffer.alloc(0);
  let upload: string | undefined;
  let isWhole = false;
  const tags: string[] = [];
  const putPart = async () => {
    upload ??= await bucket.beginParts(key);
    tags.push(await bucket.putPart(key, upload, tags.length + 1, Buffer.concat(gathered)));
    gathered = [];
    bytes = 0;
  };
  return {
    async write(block, offset, length, position) {
      // The block is used again.
      const piece = Uint8Array.prototype.slice.call(block, offset, offset + length);
      if (head.length < listedBytesMax)
        head = Buffer.concat([head, piece]).subarray(0, listedBytesMax);
      gathered.push(piece);
      bytes += length;
      size = position + length;
      if (bytes >= partBytes) await putPart();
      return { bytesWritten: length };
    },
    async datasync() {
      if (upload === undefined) await bucket.put(key, Buffer.concat(gathered));
      else {
        if (bytes > 0) await putPart();
        await bucket.endParts(key, upload, tags);
      }
      isWhole = true;
      const sql = 'UPDATE content SET size = $2, head = $3 WHERE id = $1 AND freed IS NULL';
      if ((await database.run(sql, [id, size, head])) !== 1) throw gone(id);
    },
    async close() {
      if (upload !== undefined && !isWhole) await bucket.abandonParts(key, upload);
    },
  };
}

/** What was begun and is nobody's. */
export async function deleteObject(database: Database, bucket: Bucket, id: number): Promise<void> {
  await bucket.remove(keyOf(id));
  await database.run('DELETE FROM content WHERE id = $1', [id]);
}

export const objectContent = (bucket: Bucket, key: string, size: number): Content => ({
  size,
  bytes: undefined,
  read: ({ from = 0 } = {}) => bucket.read(key, size, from),
  async check() {
    const found = await bucket.size(key);
    if (found === undefined)
      throw new ContentError('missing', `object ${key} is not in the bucket`);
    if (found !== size)
      throw new ContentError('damaged', `object ${key} is not in the bucket as it was written`);
  },
});

const gone = (id: number): ContentError =>
  new ContentError('missing', `content ${id} is not in the database`);

/** Removes objects of what was freed long ago, before their rows go: what fails is swept the next time. */
export async function sweepObjects(
  database: Database,
  bucket: Bucket,
  freedFor: string,
): Promise<number> {
  const rows = await database.rows(
    `SELECT id, object FROM content WHERE object IS NOT NULL AND freed < now() - ${freedFor}
     ORDER BY freed LIMIT ${sweptMax}`,
  );
  let swept = 0;
  for (const { id, object } of rows) {
    await bucket.remove(String(object));
    swept += await database.run('DELETE FROM content WHERE id = $1', [Number(id)]);
  }
  return swept;
}

// Limit: objects that one sweep removes.
const sweptMax = 200;
