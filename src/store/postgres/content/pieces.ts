// Large content as rows of some size each: written one by one while it comes in, read one by one while it goes
// out, so that neither side holds it whole.

import type { Content, ReadOptions } from '../../content.ts';
import { ContentError, memoryContent } from '../../content.ts';
import type { SpoolFile } from '../../files/spool-memory.ts';
import { blockBytes } from '../../files/spool-memory.ts';
import { blob, integer } from '../../row.ts';
import type { Database } from '../database.ts';

// What is written before the last row waits for no disk: the last one, which does, makes all of it durable.
const lazily = `set_config('synchronous_commit', 'off', true)`;

/** The writer's blocks become rows, each with its number. */
export async function createPieces(database: Database, id: number): Promise<SpoolFile> {
  await database.run(`INSERT INTO content (id, size) SELECT $1::bigint, 0 FROM ${lazily}`, [id]);
  let size = 0;
  return {
    async write(bytes, offset, length, position) {
      await database.run(
        `INSERT INTO content_piece (content, number, bytes)
         SELECT $1::bigint, $2::integer, $3::bytea FROM ${lazily}`,
        [id, position / blockBytes, bytes.subarray(offset, offset + length)],
      );
      size = position + length;
      return { bytesWritten: length };
    },
    async datasync() {
      const sql = 'UPDATE content SET size = $2 WHERE id = $1 AND freed IS NULL';
      if ((await database.run(sql, [id, size])) !== 1) throw gone(id);
    },
    async close() {},
  };
}

export async function deletePieces(database: Database, id: number): Promise<void> {
  await database.run('DELETE FROM content WHERE id = $1', [id]);
  await database.run('DELETE FROM content_piece WHERE content = $1', [id]);
}

export const piecesContent = (database: Database, id: number, size: number): Content => ({
  size,
  bytes: undefined,
  read: (options) => readPieces(database, { id, size }, options),
  async check() {
    const [row] = await database.rows(
      `SELECT (SELECT sum(length(bytes)) FROM content_piece WHERE content = $1) AS octets
       FROM content WHERE id = $1 AND freed IS NULL`,
      [id],
    );
    if (row === undefined) throw gone(id);
    if (Number(row.octets ?? 0) !== size) throw damaged(id);
  },
});

/** The next row is fetched while the last one is used. @throws ContentError */
async function* readPieces(
  database: Database,
  { id, size }: { readonly id: number; readonly size: number },
  { from = 0 }: ReadOptions = {},
): AsyncIterable<Uint8Array> {
  const [row] = await database.rows('SELECT size FROM content WHERE id = $1 AND freed IS NULL', [
    id,
  ]);
  if (row === undefined) throw gone(id);
  if (integer(row.size) !== size) throw damaged(id);
  const count = Math.ceil(size / blockBytes);
  const first = Math.floor(from / blockBytes);
  let next = first < count ? readPiece(database, id, first) : undefined;
  for (let number = first; next !== undefined; number += 1) {
    const bytes = await next;
    const isLast = number === count - 1;
    if (bytes.length !== (isLast ? size - number * blockBytes : blockBytes)) throw damaged(id);
    next = isLast ? undefined : readPiece(database, id, number + 1);
    next?.catch(() => {}); // said when it is asked for
    yield* memoryContent(bytes).read({ from: number === first ? from - first * blockBytes : 0 });
  }
}

async function readPiece(database: Database, id: number, number: number): Promise<Uint8Array> {
  const sql = 'SELECT bytes FROM content_piece WHERE content = $1 AND number = $2';
  const [row] = await database.rows(sql, [id, number]);
  if (row === undefined) throw damaged(id);
  return blob(row.bytes);
}

const gone = (id: number): ContentError =>
  new ContentError('missing', `content ${id} is not in the database`);

const damaged = (id: number): ContentError =>
  new ContentError('damaged', `content ${id} is not in the database as it was written`);
