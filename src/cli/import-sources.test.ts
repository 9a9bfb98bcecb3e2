// A Maildir that somebody reads while it is imported: what is moved and renamed meanwhile is found, once.

import assert from 'node:assert/strict';
import fs, {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { messagesAt } from './import-sources.ts';

function maildir(t: TestContext, ...files: readonly string[]) {
  const path = mkdtempSync(join(tmpdir(), 'postrider-maildir-'));
  t.after(() => rmSync(path, { recursive: true }));
  for (const part of ['cur', 'new']) mkdirSync(join(path, part));
  for (const file of files) writeFileSync(join(path, file), `Subject: ${file}\n\nx\n`);
  const move = (from: string, to: string) => renameSync(join(path, from), join(path, to));
  return { path, move };
}

/** How often `cur` is listed. */
function listsOfCur(t: TestContext): () => number {
  const { readdir } = fs.promises;
  let lists = 0;
  t.mock.method(fs.promises, 'readdir', (at: string, options: { withFileTypes: true }) => {
    if (at.endsWith('/cur')) lists += 1;
    return readdir(at, options);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return () => lists;
}

it('mail import: what is read and moved to `cur` meanwhile, or gets other flags there, is found where it is', async (t) => {
  const { path, move } = maildir(t, 'cur/1.host:2,', 'cur/2.host:2,', 'new/3.host');
  const all: string[] = [];
  for await (const found of messagesAt(path, 'mail')) {
    all.push(`${found.name} ${found.kind === 'message' ? found.flags.join() : found.kind}`);
    if (all.length > 1) continue;
    move('cur/2.host:2,', 'cur/2.host:2,S');
    move('new/3.host', 'cur/3.host:2,FS');
  }
  assert.deepEqual(all, [
    'mail/cur/1.host:2, ',
    'mail/cur/2.host:2,S \\Seen',
    'mail/cur/3.host:2,FS \\Flagged,\\Seen',
  ]);
});

it('mail import: what is moved while `cur` and `new` are listed is in neither list twice, or in none', async (t) => {
  const { path, move } = maildir(t, 'cur/1.host:2,', 'new/2.host');
  const { readdir } = fs.promises;
  let isMoved = false;
  t.mock.method(fs.promises, 'readdir', async (at: string, options: { withFileTypes: true }) => {
    const entries = await readdir(at, options);
    if (!isMoved && /\/(?:cur|new)$/.test(at)) {
      isMoved = true;
      move('new/2.host', 'cur/2.host:2,S');
    }
    return entries;
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const names = (await Array.fromAsync(messagesAt(path, 'mail'))).map(({ name }) => name);
  assert.deepEqual(names, ['mail/cur/1.host:2,', 'mail/cur/2.host:2,S']);
});

it('mail import: messages of one name in `cur` and `new` are two, and so are two in `cur`', async (t) => {
  const { path } = maildir(t, 'cur/1:2,S', 'cur/1:2,', 'new/1');
  const names = (await Array.fromAsync(messagesAt(path, 'mail'))).map(({ name }) => name);
  assert.deepEqual(names, ['mail/cur/1:2,', 'mail/cur/1:2,S', 'mail/new/1']);
});

it('mail import: `cur` is listed once more for all that got other flags at once, and for nothing that cannot be read', async (t) => {
  const names = ['1', '2', '3', '4', '5'].map((name) => `cur/${name}:2,`);
  const { path, move } = maildir(t, ...names, 'cur/6:2,', 'new/7');
  rmSync(join(path, 'cur/6:2,'));
  symlinkSync('6:2,', join(path, 'cur/6:2,')); // it leads to itself
  const lists = listsOfCur(t);
  const all: string[] = [];
  for await (const { kind, name } of messagesAt(path, 'mail')) {
    all.push(`${kind} ${name}`);
    if (all.length === 1) for (const old of names.slice(1)) move(old, `${old}S`);
  }
  assert.deepEqual(all, [
    'message mail/cur/1:2,',
    'problem mail/cur/6:2,',
    'message mail/new/7',
    ...['2', '3', '4', '5'].map((name) => `message mail/cur/${name}:2,S`),
  ]);
  assert.equal(lists(), 2);
});

it('mail import: very many that are deleted meanwhile are counted, and cost no list each; what was moved among them is found', async (t) => {
  const numbers = Array.from({ length: 500 }, (_, i) => String(1000 + i));
  const { path, move } = maildir(
    t,
    ...numbers.map((name) => `cur/${name}:2,`),
    ...numbers.map((name) => `new/9${name}`),
  );
  const lists = listsOfCur(t);
  const kinds = new Map<string, number>();
  const names: string[] = [];
  for await (const { kind, name } of messagesAt(path, 'mail')) {
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (kind === 'message') names.push(name);
    if (names.length > 1) continue;
    for (const number of numbers.slice(1)) {
      if (number === '1250') move('cur/1250:2,', 'cur/1250:2,S');
      else rmSync(join(path, `cur/${number}:2,`));
      if (number === '1251') move('new/91251', 'cur/91251:2,R');
      else rmSync(join(path, `new/9${number}`));
    }
  }
  assert.deepEqual(names, [
    'mail/cur/1000:2,',
    'mail/new/91000',
    'mail/cur/1250:2,S',
    'mail/cur/91251:2,R',
  ]);
  assert.deepEqual(Object.fromEntries(kinds), { message: 4, gone: 996 });
  assert.ok(lists() <= 4, `${lists()} lists`);
});

it('mail import: of two of one name in `cur`, the one whose flags change is not the other', async (t) => {
  const { path, move } = maildir(t, 'cur/0:2,', 'cur/1:2,', 'cur/1:2,S');
  const names: string[] = [];
  for await (const { name } of messagesAt(path, 'mail')) {
    names.push(name);
    if (names.length === 1) move('cur/1:2,', 'cur/1:2,T');
  }
  assert.deepEqual(names, ['mail/cur/0:2,', 'mail/cur/1:2,S', 'mail/cur/1:2,T']);
});

it('mail import: a folder that is deleted meanwhile is none, one that may not be read is named', async (t) => {
  const { path } = maildir(t, 'cur/1:2,');
  mkdirSync(join(path, '.Old/cur'), { recursive: true });
  writeFileSync(join(path, '.Old/cur/2:2,'), 'x');
  rmSync(join(path, 'new'), { recursive: true });
  symlinkSync('new', join(path, 'new')); // it leads to itself
  const all: string[] = [];
  for await (const found of messagesAt(path, 'mail')) {
    all.push(`${found.kind} ${found.name}`);
    rmSync(join(path, '.Old'), { recursive: true, force: true });
  }
  assert.deepEqual(all, ['problem mail/new', 'message mail/cur/1:2,']);
});
