// Whether all of the data directory is ours to write, and what is said where it is not. What the
// system refuses is made up: it refuses root nothing.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { StoreOpenError } from '../open-error.ts';
import { openDataDirectory } from './directory.ts';

async function newDirectory(test: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postrider-directory-'));
  test.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** The system refuses these paths, and counts which were asked for. */
function refuse(test: TestContext, refused: readonly string[]): string[] {
  const asked: string[] = [];
  test.mock.method(fs, 'accessSync', (path: string) => {
    asked.push(path);
    if (refused.includes(path)) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
  });
  syncBuiltinESMExports();
  test.after(() => {
    test.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return asked;
}

const noAccess = (words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreOpenError, String(error));
  assert.equal(error.problem, 'no-access');
  assert.match(error.message, words);
  return true;
};

describe('openDataDirectory', () => {
  it('makes it, and what lies in it is asked about two folders deep', async (t) => {
    const directory = join(await newDirectory(t), 'data');
    await openDataDirectory(directory);
    await mkdir(join(directory, 'a/b/c'), { recursive: true });
    await writeFile(join(directory, 'a/file'), '');
    await symlink('/nowhere', join(directory, 'link'));
    const asked = refuse(t, [join(directory, 'link'), join(directory, 'a/b/c')]);
    await openDataDirectory(directory);
    const inside = ['', '/a', '/a/b', '/a/file'].map((path) => directory + path);
    assert.deepEqual(asked.toSorted(), inside);
  });

  for (const closed of ['', '/a', '/a/b', '/a/file'])
    it(`names what is closed to us: the folder${closed}`, async (t) => {
      const directory = await newDirectory(t);
      await mkdir(join(directory, 'a/b'), { recursive: true });
      await mkdir(join(directory, 'c'));
      await writeFile(join(directory, 'a/file'), '');
      refuse(t, [directory + closed]);
      const words = new RegExp(`^${directory}${closed} cannot be written by .*\`chmod -R u\\+rwX`);
      await assert.rejects(openDataDirectory(directory), noAccess(words));
    });

  it('passes over what goes away while it is asked about, as in the spool of a server at work', async (t) => {
    const directory = await newDirectory(t);
    await mkdir(join(directory, 'spool/emptied'), { recursive: true });
    await writeFile(join(directory, 'spool/taken'), '');
    const { accessSync, readdirSync } = fs;
    t.mock.method(fs, 'accessSync', (path: string, mode: number) => {
      if (path.endsWith('taken')) fs.rmSync(path);
      accessSync(path, mode);
    });
    t.mock.method(fs, 'readdirSync', (path: string) => {
      if (path.endsWith('emptied')) fs.rmdirSync(path);
      return readdirSync(path);
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    await openDataDirectory(directory);
  });

  it('names whose it is, if it is not ours', async (t) => {
    const directory = await newDirectory(t);
    refuse(t, [directory]);
    t.mock.method(process as { getuid: () => number }, 'getuid', () => -1);
    await assert.rejects(
      openDataDirectory(directory),
      noAccess(/it belongs to user \d+: `chown -Rh /),
    );
  });

  it('says why it cannot be made', async (t) => {
    const directory = await newDirectory(t);
    const file = join(directory, 'file');
    await writeFile(file, '');
    for (const inTheWay of [file, join(file, 'data')])
      await assert.rejects(openDataDirectory(inTheWay), noAccess(/there is a file in its place/));
    const long = join(directory, 'x'.repeat(300));
    await assert.rejects(openDataDirectory(long), noAccess(/cannot be made \(ENAMETOOLONG\)/));
  });
});
