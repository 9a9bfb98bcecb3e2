// What a backup consists of, as JSON lines: a head, a line for each file, a last line. A backup whose
// manifest has no last line was not finished, and is none.

import { createHash, type Hash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf } from '../../base/error-text.ts';
import type { StoreCounts } from '../inspection.ts';

export const manifestFile = 'manifest.jsonl';

export interface ManifestHead {
  readonly format: 1;
  /** Version of the program. */
  readonly postrider: string;
  /** ISO 8601. */
  readonly created: string;
  readonly counts: StoreCounts;
  /** What was wrong with the original. */
  readonly faults: number;
}

export interface ManifestEntry {
  /** With '/' between the levels, below the backup. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly head: ManifestHead;
  readonly entries: readonly ManifestEntry[];
}

/** Why a directory is no backup, or not a whole one; the message says what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

export const manifestLines = ({ head, entries }: Manifest): string =>
  [head, ...entries, { end: entries.length }].map((line) => `${JSON.stringify(line)}\n`).join('');

/** @throws BackupError */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, manifestFile);
  const lines: Record<string, unknown>[] = [];
  try {
    await using file = await openFile(path);
    for await (const line of createInterface({
      input: file.createReadStream({ autoClose: false }),
    }))
      lines.push(JSON.parse(line) as Record<string, unknown>);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? `there is no ${manifestFile} in it` : messageOf(error);
    throw new BackupError(`${directory} is no backup, or was not finished: ${why}`);
  }
  const [head, ...rest] = lines;
  const end = rest.pop();
  if (head?.format !== 1) throw new BackupError(`${path} is of another version of Postrider`);
  if (end?.end !== rest.length)
    throw new BackupError(`${path} breaks off: the backup was not finished, make another`);
  return { head: head as unknown as ManifestHead, entries: rest.map(entryOf) };
}

function entryOf({ path, size, sha256 }: Record<string, unknown>): ManifestEntry {
  if (
    typeof path !== 'string' ||
    typeof size !== 'number' ||
    typeof sha256 !== 'string' ||
    // Nothing leads out of the directory.
    path.split('/').some((part) => part === '' || part === '.' || part === '..')
  )
    throw new BackupError(`the manifest has an entry that makes no sense: ${String(path)}`);
  return { path, size, sha256 };
}

/** To read a plain file; links are not followed, pipes not waited for. @throws as open(), and for others */
export async function openFile(path: string): Promise<FileHandle & { readonly found: Stats }> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const file = await open(path, flags);
  const found = await file.stat();
  if (found.isFile()) return Object.assign(file, { found });
  await file.close();
  throw new BackupError(`${path} is not a file`);
}

const pieceBytes = 256 * 2 ** 10;

/** Hands each piece to `take`; returns how much it was and its digest. */
export async function digest(
  file: FileHandle,
  take: (piece: Uint8Array) => Promise<void> = async () => {},
  bytesMax = Number.POSITIVE_INFINITY,
): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash: Hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(pieceBytes);
  let size = 0;
  while (size < bytesMax) {
    const { bytesRead } = await file.read(piece, 0, Math.min(pieceBytes, bytesMax - size), size);
    if (bytesRead === 0) break;
    const read = piece.subarray(0, bytesRead);
    hash.update(read);
    await take(read);
    size += bytesRead;
  }
  return { size, sha256: hash.digest('hex') };
}
