// The journal's files on a real disk. They are filled with zeros when they are made, so that what is
// written later needs no new blocks, and opened with O_DSYNC: a write and its flush are one call, one
// trip to another thread.

import { closeSync, constants, fstatSync, open as openFile, read, writev } from 'node:fs';
import { open, readdir, rename, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeDirectory, syncDirectory } from '../../files/directory.ts';
import type { JournalDirectory, JournalFile } from './file.ts';

const flags = constants.O_RDWR | constants.O_DSYNC;
const suffix = '.journal';
const unfinished = '.new';
const zeros = Buffer.alloc(2 ** 20);

export function journalDirectory(path: string): JournalDirectory {
  return {
    path,
    async open() {
      const files: JournalFile[] = [];
      for (const name of await namesIn(path)) {
        if (name.endsWith(suffix)) files.push(await openJournalFile(path, name));
        else if (name.endsWith(unfinished)) await unlink(join(path, name)).catch(() => {});
      }
      return files;
    },
    async create(name, head, size) {
      await makeDirectory(path);
      await seeRoom(path, size);
      const target = `${name}${suffix}`;
      const draft = join(path, `${name}${unfinished}`);
      try {
        await fill(draft, head, size);
        // Only whole files bear the name: one whose beginning makes no sense is damaged.
        await rename(draft, join(path, target));
        await syncDirectory(path);
      } catch (error) {
        await unlink(draft).catch(() => {});
        throw error;
      }
      return openJournalFile(path, target);
    },
    async remove(file) {
      await file.close().catch(() => {});
      await unlink(join(path, file.name)).catch(() => {});
    },
  };
}

/**
 * A file that does not fit would take all the room there is until that is noticed, while others need it; and what is
 * left beside one is the store's. @throws when there is not twice as much.
 */
async function seeRoom(path: string, size: number): Promise<void> {
  const { bsize, blocks, bavail } = await statfs(path);
  // Some file systems do not say how much they have.
  if (blocks > 0 && bavail * bsize < 2 * size)
    throw new Error(`no space left for ${size} octets and as many beside them`);
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function fill(path: string, head: Uint8Array, size: number): Promise<void> {
  await using file = await open(path, 'w', 0o600);
  await file.writev([head], 0);
  for (let at = head.length; at < size; ) {
    const { bytesWritten } = await file.write(zeros, 0, Math.min(zeros.length, size - at), at);
    at += bytesWritten;
  }
  await file.sync();
}

const openDescriptor = promisify(openFile);
const readInto = promisify(read);

async function openJournalFile(path: string, name: string): Promise<JournalFile> {
  const descriptor = await openDescriptor(join(path, name), flags);
  const { size } = fstatSync(descriptor);
  const write: JournalFile['write'] = (pieces, position, callback) => {
    let total = 0;
    for (const piece of pieces) total += piece.length;
    writev(descriptor, pieces, position, (error, written) => {
      if (error !== null) return callback(error);
      if (written === total) return callback(undefined);
      if (written === 0) return callback(new Error(`${name}: nothing could be written`));
      write(after(pieces, written), position + written, callback);
    });
  };
  return {
    name,
    size,
    write,
    async read(position, length) {
      const bytes = Buffer.alloc(length);
      let at = 0;
      while (at < length) {
        const { bytesRead } = await readInto(descriptor, bytes, at, length - at, position + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    },
    async close() {
      closeSync(descriptor);
    },
  };
}

/** What is left of the pieces after `count` octets. */
function after(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  for (const piece of pieces) {
    const skipped = Math.min(count, piece.length);
    count -= skipped;
    if (skipped < piece.length) left.push(piece.subarray(skipped));
  }
  return left;
}
