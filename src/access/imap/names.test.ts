import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalName } from '../../mailbox/folder-name.ts';
import type { FolderFacts } from '../../store/folder-store.ts';
import { AccountNames, newName, superiors } from './names.ts';
import { ImapRefusal } from './refusal.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';

const facts = (id: number, account: string, path: string): FolderFacts => ({
  ...{
    id,
    account,
    path,
    uidValidity: 1,
    uidNext: 1,
    modseq: 1,
    changes: 0,
    messages: 0,
    unseen: 0,
  },
  ...{ deleted: 0, bytes: 0, recentFrom: 1, specialUse: undefined },
});

/**
 * Bob shares `Team` with ann, and `Secret` without letting her look it up; with what she may do in `Drop` she cannot
 * name it. Ann's `b` is shared with all, herself among them.
 */
function setUp() {
  const folders = [
    facts(1, ann, 'INBOX'),
    facts(2, ann, 'b'),
    facts(3, bob, 'INBOX'),
    facts(4, bob, 'Team'),
    facts(5, bob, 'Secret'),
    facts(6, bob, 'Drop'),
  ];
  const acls = new Map([
    [4, new Map([[ann, 'lr']])],
    [2, new Map([['anyone', 'lr']])],
    [5, new Map([['anyone', 'rwi']])],
    [6, new Map([[ann, 'pswte']])],
  ]);
  const store = {
    find: async (account: string, path: string) =>
      folders.find((one) => one.account === account && one.path === path),
    folders: async (account: string) => folders.filter((one) => one.account === account),
    acl: async (folder: number) => acls.get(folder) ?? new Map<string, string>(),
    sharedWith: async () => folders.filter(({ id }) => acls.has(id)),
  };
  return new AccountNames(ann, store);
}

describe('names', () => {
  it('RFC 9051 §5.1: INBOX in any case, also above others; NFC', () => {
    assert.equal(canonicalName('inBox'), 'INBOX');
    assert.equal(canonicalName('inbox/Sub'), 'INBOX/Sub');
    assert.equal(canonicalName('inboxes'), 'inboxes');
    assert.equal(canonicalName('a/inbox'), 'a/inbox');
    assert.equal(canonicalName('Cafe\u0301'), 'Caf\u00e9');
  });

  it('the levels above a name, the nearest first', () => {
    assert.deepEqual([...superiors('a/b/c')], ['a/b', 'a']);
    assert.deepEqual([...superiors('a')], []);
    assert.deepEqual([...superiors('/a')], []);
  });

  it('RFC 9051 §5.1, RFC 5198 §2: what no folder can be called', () => {
    const wrong = [
      ...['', '/a', 'a/', 'a//b', 'a\u0000', 'a\nb', 'a\u0085', 'a\u2028'],
      ...['.', '..', '../a', 'a/../b', 'a/./b', 'INBOX/..'],
      ...['\ud800', 'x'.repeat(1001), Array(40).fill('a').join('/')],
    ];
    for (const name of wrong)
      assert.throws(
        () => newName(name),
        (error) => error instanceof ImapRefusal && error.completion.code === 'CANNOT',
        JSON.stringify(name),
      );
    for (const name of ['a', 'a/b', 'Entwürfe', 'a b', '&', '...', '.a', 'a.', '日本語/台北'])
      assert.equal(newName(name), name);
    for (const name of ['100%', '*', 'a*b/c%', '#news', '#', 'a/#b', '"q"', 'a\\b', '(x)', '{1}'])
      assert.equal(newName(name), name, 'imapsync brings them');
  });

  it('RFC 2342 §5: folders of others are under their address', async () => {
    const names = setUp();
    assert.deepEqual(names.place('x/y'), { account: ann, path: 'x/y' });
    assert.deepEqual(names.place('Other Users/BOB@example.org/inbox'), {
      account: bob,
      path: 'INBOX',
    });
    for (const nobody of [
      '',
      'Other Users',
      'Other Users/',
      `Other Users/${bob}`,
      `Other Users/${bob}/`,
      'Other Users//x',
    ])
      assert.equal(names.place(nobody), undefined, nobody);
    assert.deepEqual(names.place('Other Users/x/y'), { account: 'x', path: 'y' });
    assert.equal(await names.locate('Other Users'), undefined);
    assert.equal(names.place(`Other Users/${ann}/b`), undefined, 'our own have one name');
    assert.equal(names.nameOf({ account: bob, path: 'Team' }), `Other Users/${bob}/Team`);
  });

  it('RFC 4314 §4: without any right a folder is not there, and without l it is not listed', async () => {
    const names = setUp();
    assert.equal((await names.locate('inbox'))?.rights, 'lrswipkxtea');
    assert.equal((await names.locate(`Other Users/${bob}/Team`))?.rights, 'lr');
    assert.equal((await names.locate(`Other Users/${bob}/Secret`))?.rights, 'rwi');
    assert.equal(await names.locate(`Other Users/${bob}/INBOX`), undefined);
    assert.equal(await names.locate(`Other Users/${bob}/Drop`), undefined);
    assert.deepEqual(
      (await names.all()).map(({ name }) => name),
      ['INBOX', `Other Users/${bob}/Team`, 'b'],
    );
  });
});
