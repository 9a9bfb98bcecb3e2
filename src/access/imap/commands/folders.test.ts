import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { ListOptions } from '../../../imap/command.ts';
import type { Enabled, OwnersCommand } from '../../../imap/event.ts';
import { MailboxLimitError } from '../../../store/folder-errors.ts';
import { openSqliteStores } from '../../../store/sqlite/stores.ts';
import { storeBut, TestConversation, testProcess } from '../test-conversation.ts';
import { dialogue } from '../test-dialogue.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';

async function start() {
  const clock = new FakeClock();
  const stores = await openSqliteStores({ directory: ':memory:', clock, log: silentLog });
  const process = testProcess(stores.folders, stores.spool, clock);
  for (const account of [ann, bob]) await stores.folders.ensure(account);
  return {
    stores,
    as: (account: string, ...enabled: Enabled[]) => new Client(process, account, enabled),
    [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose](),
  };
}

const noReturns: ListOptions['returns'] = {
  ...{ subscribed: false, children: false, specialUse: false, myRights: false },
  ...{ status: [], metadata: [] },
};

/** Of LIST, without a selection. */
const all = {
  ...{ subscribed: false, remote: false, recursiveMatch: false, specialUse: false },
  ...{ extended: false, returns: noReturns },
} as const;

type Asked = Partial<Omit<ListOptions, 'returns'>> & { returns?: Partial<ListOptions['returns']> };

class Client extends TestConversation {
  /** What was said and the completion; all of them OK but the last. */
  async all(...commands: OwnersCommand[]): Promise<string[]> {
    let said: string[] = [];
    for (const [i, command] of commands.entries()) {
      said = await this.run(command);
      if (i < commands.length - 1) assert.match(said.at(-1)!, /^OK /, command.name);
    }
    return said;
  }

  create(...mailboxes: string[]): Promise<string[]> {
    return this.all(
      ...mailboxes.map((mailbox) => ({ name: 'CREATE', mailbox, specialUse: [] }) as const),
    );
  }

  delete(mailbox: string): Promise<string[]> {
    return this.run({ name: 'DELETE', mailbox });
  }

  rename(mailbox: string, to: string): Promise<string[]> {
    return this.run({ name: 'RENAME', mailbox, to });
  }

  subscribe(...mailboxes: string[]): Promise<string[]> {
    return this.all(...mailboxes.map((mailbox) => ({ name: 'SUBSCRIBE', mailbox }) as const));
  }

  unsubscribe(...mailboxes: readonly string[]): Promise<string[]> {
    return this.all(...mailboxes.map((mailbox) => ({ name: 'UNSUBSCRIBE', mailbox }) as const));
  }

  /** LIST responses without their separator. */
  async list(pattern: string | readonly string[], asked: Asked = {}): Promise<string[]> {
    const { returns, ...others } = asked;
    const options: ListOptions = {
      ...{ ...all, reference: '', patterns: [pattern].flat() },
      extended: Object.keys(asked).length > 0 || typeof pattern !== 'string',
      ...others,
      returns: { ...noReturns, ...returns },
    };
    const said = await this.run({ name: 'LIST', options });
    assert.equal(said.pop(), 'OK LIST completed');
    return said.map((line) => line.replace(/^LIST (\(.*?\)) "\/" /, '$1 '));
  }

  async names(pattern = '*'): Promise<string[]> {
    return (await this.list(pattern)).map((line) => line.replace(/^\(.*?\) "(.*)"$/, '$1'));
  }
}

const standard = ['INBOX', 'Archive', 'Drafts', 'Junk', 'Sent', 'Trash'];

describe('CREATE', () => {
  it('RFC 9051 §6.3.4: makes what is above, ignores a separator at the end', async () => {
    await using test = await start();
    const client = test.as(ann);
    assert.match((await client.create('a/b/c/'))[0]!, /^OK \[MAILBOXID \(F\d+\)\]$/);
    assert.deepEqual(await client.names('a*'), ['a', 'a/b', 'a/b/c']);
    assert.deepEqual(await client.create('a/b'), ['NO [ALREADYEXISTS]']);
    assert.deepEqual(await client.create('inbox'), ['NO [ALREADYEXISTS]']);
    assert.deepEqual(await client.create('a//b'), ['NO [CANNOT]']);
    assert.deepEqual(await client.create('Other Users/x'), ['NO [CANNOT]']);
    assert.deepEqual(await client.create(`Other Users/${bob}/x`), ['NO [NOPERM]']);
  });

  it('RFC 9051 §6.3.9.7: a name that was not composed is announced in its new form', async () => {
    await using test = await start();
    const client = test.as(ann, 'IMAP4REV2');
    const said = await client.create('Cafe\u0301');
    const [old, now] = ['Cafe\u0301', 'Caf\u00e9'].map((name) =>
      Buffer.from(name).toString('latin1'),
    );
    assert.equal(said[0], `LIST () "/" "${now}" ("OLDNAME" ("${old}"))`);
    // RFC 3501 §5.1.3: others read modified UTF-7.
    assert.deepEqual(await test.as(ann).names('C*'), ['Caf&AOk-']);
    // RFC 9051 §6.3.6: of RENAME the existing name, as it was written.
    const renamed = await client.rename('Cafe\u0301', 'plain');
    assert.equal(renamed[0], `LIST () "/" "plain" ("OLDNAME" ("${old}"))`);
    assert.deepEqual(await client.rename('plain', 'simple'), ['OK RENAME completed']);
    await client.create('Cafe\u0301');
    const deleted = await client.delete('Cafe\u0301');
    assert.equal(deleted[0], `LIST (\\NonExistent) "/" "${now}" ("OLDNAME" ("${old}"))`);
    const older = test.as(ann);
    assert.equal((await older.create('Cafe\u0301')).length, 1);
    assert.deepEqual(await older.rename('Cafe\u0301', 'plain'), ['OK RENAME completed']);
  });

  it('RFC 6154 §3: USE, once and for what folders can be for', async () => {
    await using test = await start();
    const client = test.as(ann);
    const create = (mailbox: string, ...specialUse: string[]) =>
      client.run({ name: 'CREATE', mailbox, specialUse });
    for (const use of [['All'], ['Flagged'], ['x'], ['Sent', 'Junk'], ['Sent']])
      assert.deepEqual(await create('n', ...use), ['NO [USEATTR]'], String(use));
    assert.deepEqual(await client.list('n'), [], 'nothing was created');
    await client.delete('Sent');
    assert.match((await create('Gesendet', 'sent'))[0]!, /^OK /);
    assert.deepEqual(await client.list('G*'), ['(\\HasNoChildren \\Sent) "Gesendet"']);
  });
});

describe('names that other servers have', () => {
  dialogue(
    `RFC 9051 §5.1, §6.3.9: wildcards and '#' are characters of a name, in LIST they stay wildcards
    A! CREATE "100%"
    A! CREATE "a*b/c%d"
    A! CREATE "#news.comp"
    A> a LIST "" "100%"
    A< * LIST (\\HasNoChildren) "/" "100%"
    A< a OK …
    A> b LIST "" "a%b/%"
    A< * LIST (\\HasNoChildren) "/" "a*b/c%d"
    A< b OK …
    A> c LIST "" "%c*"
    A< * LIST (\\HasNoChildren) "/" "#news.comp"
    A< * LIST (\\HasNoChildren \\Archive) "/" "Archive"
    A< c OK …
    A> d SELECT "#news.comp"
    A< …
    A< * 0 EXISTS
    A< * 0 RECENT
    A< …
    A< …
    A< …
    A< …
    A< …
    A< * OK [URLMECH INTERNAL] …
    A< d OK …
    A! RENAME "100%" "99%"
    A! SUBSCRIBE "99%"
    A> e LSUB "" "9*"
    A< * LSUB () "/" "99%"
    A< e OK …
    A> f CREATE "a/../b"
    A< f NO [CANNOT] …
    A> g RENAME "99%" ".."
    A< g NO [CANNOT] …
    A> h CREATE "./x"
    A< h NO [CANNOT] …`,
  );
});

describe('DELETE, RENAME', () => {
  it('RFC 9051 §6.3.5: what lies below stays', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.create('foo/bar');
    assert.deepEqual(await client.delete('foo'), ['OK DELETE completed']);
    assert.deepEqual(await client.names('foo*'), ['foo/bar']);
    assert.deepEqual(await client.list('%oo'), ['(\\Noselect \\HasChildren) "foo"']);
    // RFC 5258 §6, mbx-list-sflag: one of them; RFC 3501 clients do not know \\NonExistent.
    for (const knows of [
      client.list('%oo', { extended: true }),
      test.as(ann, 'IMAP4REV2').list('%oo'),
    ])
      assert.deepEqual(await knows, ['(\\NonExistent \\HasChildren) "foo"']);
    assert.deepEqual(await client.delete('foo'), ['NO [HASCHILDREN]']);
    assert.deepEqual(await client.delete('none'), ['NO [NONEXISTENT]']);
    assert.deepEqual(await client.delete('inbox'), ['NO [CANNOT]']);
    await client.delete('foo/bar');
    assert.deepEqual(await client.names('foo*'), []);
  });

  it('RFC 9051 §6.3.6: what lies below goes along; makes what is above', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.create('foo/bar');
    assert.deepEqual(await client.rename('foo', 'baz/rag/zap'), ['OK RENAME completed']);
    assert.deepEqual(await client.names('baz*'), [
      'baz',
      'baz/rag',
      'baz/rag/zap',
      'baz/rag/zap/bar',
    ]);
    assert.deepEqual(await client.rename('foo', 'x'), ['NO [NONEXISTENT]']);
    assert.deepEqual(await client.rename('baz', 'Sent'), ['NO [ALREADYEXISTS]']);
    assert.deepEqual(await client.rename('baz', 'INBOX'), ['NO [ALREADYEXISTS]']);
    assert.deepEqual(await client.rename('baz', 'baz/new'), ['NO [CANNOT]']);
    assert.deepEqual(await client.rename('baz', `Other Users/${bob}/x`), ['NO [NOPERM]']);
    assert.deepEqual(
      await client.rename('baz', 'x'.repeat(995)),
      ['NO [CANNOT]'],
      'too long below',
    );
  });

  it('RFC 9051 §6.3.6: INBOX gives its messages away and stays', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.create('INBOX/sub');
    await test.stores.folders.deliver({
      ...{ account: ann, folder: 'INBOX', prefix: '', flags: [], received: 1 },
      content: { kind: 'inline', bytes: Buffer.from('Subject: x\r\n\r\n') },
    });
    assert.deepEqual(await client.rename('INBOX', 'old'), ['OK RENAME completed']);
    const messages = async (mailbox: string) =>
      (await client.run({ name: 'STATUS', mailbox, items: ['MESSAGES'] }))[0];
    assert.equal(await messages('inbox'), 'STATUS "INBOX" (MESSAGES 0)');
    assert.equal(await messages('old'), 'STATUS "old" (MESSAGES 1)');
    assert.deepEqual(await client.names('INBOX*'), ['INBOX', 'INBOX/sub']);
  });
});

describe('LIST', () => {
  it('RFC 9051 §6.3.9: the separator, and everything there is', async () => {
    await using test = await start();
    const client = test.as(ann);
    assert.deepEqual(await client.list(''), ['(\\Noselect) ""']);
    assert.deepEqual(await client.list('', { reference: 'Other Users/x', extended: false }), [
      '(\\Noselect) "Other Users/"',
    ]);
    assert.deepEqual(await client.names(), standard);
    assert.deepEqual(await client.list(['', '%'], { reference: 'Se' }), [
      '(\\HasNoChildren \\Sent) "Sent"',
    ]);
  });

  it('LIST and LSUB stop while the client does not read', async () => {
    await using test = await start();
    const client = test.as(ann);
    for (const command of [
      { name: 'LSUB', reference: '', pattern: '*' },
      { name: 'LIST', options: { ...{ reference: '', patterns: ['*'] }, ...all } },
    ] as const) {
      const reads: (() => void)[] = [];
      client.context.room = () => new Promise((resolve) => reads.push(resolve));
      const done = client.run(command);
      for (let told = 1; told <= standard.length; told += 1) {
        while (reads.length < told) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(client.taken().length, 1, `${command.name} ${told}`);
        reads.at(-1)!();
      }
      assert.deepEqual(await done, [`OK ${command.name} completed`]);
    }
  });

  it('RFC 5258 §5: the examples about subscribed names', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.unsubscribe(...standard);
    for (const name of standard.slice(1)) await client.delete(name);
    const fruit = ['Fruit/Apple', 'Fruit/Banana', 'Fruit/Peach', 'Tofu'];
    await client.create(...fruit, 'Vegetable/Broccoli', 'Vegetable/Corn');
    await client.subscribe('INBOX', 'Fruit/Banana', 'Fruit/Peach', 'Vegetable');
    await client.subscribe('Vegetable/Broccoli');
    await client.delete('Fruit/Peach');
    assert.deepEqual(await client.list('*', { subscribed: true }), [
      '(\\Subscribed \\HasNoChildren) "INBOX"',
      '(\\Subscribed \\HasNoChildren) "Fruit/Banana"',
      '(\\NonExistent \\Subscribed \\HasNoChildren) "Fruit/Peach"',
      '(\\Subscribed \\HasChildren) "Vegetable"',
      '(\\Subscribed \\HasNoChildren) "Vegetable/Broccoli"',
    ]);
    // RFC 5258 §3.5: what is not there, but above such a name, is shown where nothing else leads to it.
    await client.delete('Fruit');
    assert.deepEqual(await client.list('%', { subscribed: true }), [
      '(\\Subscribed \\HasNoChildren) "INBOX"',
      '(\\NonExistent \\HasChildren) "Fruit"',
      '(\\Subscribed \\HasChildren) "Vegetable"',
    ]);
    await client.create('Fruit');
    // Example 8 and 9: what is above a subscribed name that the pattern does not reach.
    assert.deepEqual(await client.list('%', { subscribed: true, recursiveMatch: true }), [
      '(\\Subscribed \\HasNoChildren) "INBOX"',
      '(\\HasChildren) "Fruit" ("CHILDINFO" ("SUBSCRIBED"))',
      '(\\Subscribed \\HasChildren) "Vegetable" ("CHILDINFO" ("SUBSCRIBED"))',
    ]);
    assert.deepEqual(await client.list('*', { subscribed: true, recursiveMatch: true }), [
      '(\\Subscribed \\HasNoChildren) "INBOX"',
      '(\\Subscribed \\HasNoChildren) "Fruit/Banana"',
      '(\\NonExistent \\Subscribed \\HasNoChildren) "Fruit/Peach"',
      '(\\Subscribed \\HasChildren) "Vegetable" ("CHILDINFO" ("SUBSCRIBED"))',
      '(\\Subscribed \\HasNoChildren) "Vegetable/Broccoli"',
    ]);
    // Example 6: RETURN adds no names.
    assert.deepEqual(await client.list('F*', { returns: { subscribed: true } }), [
      '(\\HasChildren) "Fruit"',
      '(\\HasNoChildren) "Fruit/Apple"',
      '(\\Subscribed \\HasNoChildren) "Fruit/Banana"',
    ]);
  });

  it('RFC 5258 §5, RFC 3348 §3: a name that is no folder is shown where what lies below is not', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.create('a/b/c');
    await client.delete('a');
    await client.delete('a/b');
    assert.deepEqual(await client.list('a*'), ['(\\HasNoChildren) "a/b/c"']);
    assert.deepEqual(await client.list('a'), ['(\\Noselect \\HasChildren) "a"']);
    assert.deepEqual(await client.list('a/%'), ['(\\Noselect \\HasChildren) "a/b"']);
  });

  it('RFC 6154 §2: SPECIAL-USE selects', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.create('x');
    const names = await client.list('*', { specialUse: true });
    assert.deepEqual(
      names.map((line) => line.split(' ').at(-1)),
      standard.slice(1).map((name) => `"${name}"`),
    );
  });

  it('RFC 5819, RFC 8440, RFC 9590: more about each, in the same command', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.run({
      ...{ name: 'SETMETADATA', mailbox: 'INBOX' },
      entries: [{ name: '/private/comment', value: Buffer.from('mine') }],
    });
    const returns: Asked['returns'] = {
      ...{ myRights: true, status: ['MESSAGES', 'UNSEEN'] },
      metadata: ['/private/comment', '/shared/comment'],
    };
    assert.deepEqual(await client.list('INBOX', { returns }), [
      '(\\HasNoChildren) "INBOX"',
      'MYRIGHTS "INBOX" lrswipkxteacd',
      'STATUS "INBOX" (MESSAGES 0 UNSEEN 0)',
      'METADATA "INBOX" (/private/comment "mine" /shared/comment NIL)',
    ]);
  });
});

describe('SUBSCRIBE, LSUB', () => {
  it('RFC 3501 §6.3.9: \\Noselect for what is above a subscribed name', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.create('news/a', 'b');
    await client.unsubscribe(...standard);
    await client.subscribe('news/a', 'b');
    const lsub = (pattern: string) => client.run({ name: 'LSUB', reference: '', pattern });
    assert.deepEqual(await lsub('*'), [
      'LSUB () "/" "b"',
      'LSUB () "/" "news/a"',
      'OK LSUB completed',
    ]);
    assert.deepEqual(await lsub('%'), [
      'LSUB () "/" "b"',
      'LSUB (\\Noselect) "/" "news"',
      'OK LSUB completed',
    ]);
    await client.run({ name: 'UNSUBSCRIBE', mailbox: 'b' });
    await client.run({ name: 'UNSUBSCRIBE', mailbox: 'never was' });
    assert.deepEqual(await lsub('%'), ['LSUB (\\Noselect) "/" "news"', 'OK LSUB completed']);
    assert.deepEqual(await client.subscribe('nowhere'), ['NO [NONEXISTENT]']);
  });

  it('RFC 9051 §5.1, §6.3.8: UNSUBSCRIBE takes the name in any of its forms, and any name', async () => {
    await using test = await start();
    const client = test.as(ann);
    await client.unsubscribe(...standard);
    await client.create('Caf\u00e9');
    await client.subscribe('Inbox', 'Cafe\u0301');
    const lsub = () => client.run({ name: 'LSUB', reference: '', pattern: '*' });
    assert.deepEqual(await lsub(), [
      'LSUB () "/" "INBOX"',
      'LSUB () "/" "Caf&AOk-"',
      'OK LSUB completed',
    ]);
    await client.unsubscribe('iNBOX', 'Cafe\u0301');
    assert.deepEqual(await lsub(), ['OK LSUB completed']);
    assert.deepEqual(await client.unsubscribe('Other Users'), ['OK UNSUBSCRIBE completed']);
  });
});

describe('STATUS', () => {
  it('RFC 9051 §6.3.11, RFC 7889, RFC 8438, RFC 8474, RFC 9208: every item', async () => {
    await using test = await start();
    const client = test.as(ann);
    for (const flags of [['\\Seen'], ['\\Deleted'], []])
      await test.stores.folders.deliver({
        ...{ account: ann, folder: 'INBOX', prefix: '', flags, received: 1 },
        content: { kind: 'inline', bytes: Buffer.from('Subject: x\r\n\r\n') },
      });
    const [said, completion] = await client.run({
      name: 'STATUS',
      mailbox: 'inbox',
      items: [
        ...(['MESSAGES', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN', 'DELETED', 'SIZE'] as const),
        ...(['RECENT', 'HIGHESTMODSEQ', 'MAILBOXID', 'APPENDLIMIT'] as const),
        ...(['DELETED-STORAGE', 'MESSAGES'] as const),
      ],
    });
    assert.match(
      said!,
      /^STATUS "INBOX" \(MESSAGES 3 UIDNEXT 4 UIDVALIDITY \d+ UNSEEN 2 DELETED 1 SIZE 42 RECENT 3 HIGHESTMODSEQ \d+ MAILBOXID \(F\d+\) APPENDLIMIT 52428800 DELETED-STORAGE 14\)$/,
    );
    assert.equal(completion, 'OK STATUS completed');
    assert.deepEqual(await client.run({ name: 'STATUS', mailbox: 'x', items: ['MESSAGES'] }), [
      'NO [NONEXISTENT]',
    ]);
  });

  it('of a folder that goes meanwhile nothing is to be freed', async () => {
    await using test = await start();
    const { folders } = test.stores;
    await folders.deliver({
      ...{ account: ann, folder: 'INBOX', prefix: '', flags: ['\\Deleted'], received: 1 },
      content: { kind: 'inline', bytes: Buffer.from('Subject: x\r\n\r\n') },
    });
    const store = storeBut(folders, { snapshot: async () => undefined });
    const client = new Client(testProcess(store, test.stores.spool), ann);
    const said = await client.run({ name: 'STATUS', mailbox: 'INBOX', items: ['DELETED-STORAGE'] });
    assert.deepEqual(said, ['STATUS "INBOX" (DELETED-STORAGE 0)', 'OK STATUS completed']);
  });
});

describe('ACL', () => {
  it('RFC 4314 §3: give, look, take away', async () => {
    await using test = await start();
    const [owner, friend] = [test.as(ann), test.as(bob)];
    await owner.create('Team');
    const set = (rights: string, modify: '' | '+' | '-' = '', identifier = bob) =>
      owner.run({ name: 'SETACL', mailbox: 'Team', identifier, modify, rights });
    assert.deepEqual(await set('lr'), ['OK SETACL completed']);
    assert.deepEqual(await set('cd', '+'), ['OK SETACL completed']);
    assert.deepEqual(await set('x', '-'), ['OK SETACL completed']);
    assert.deepEqual(await set('lrQ'), ['BAD There is no such right']);
    assert.deepEqual(await owner.run({ name: 'GETACL', mailbox: 'team' }), ['NO [NONEXISTENT]']);
    assert.deepEqual(await owner.run({ name: 'GETACL', mailbox: 'Team' }), [
      `ACL "Team" ${ann} lrswipkxteacd ${bob} lrktecd`,
      'OK GETACL completed',
    ]);
    const theirs = `Other Users/${ann}/Team`;
    assert.deepEqual(await friend.names('Other*'), [theirs]);
    assert.deepEqual(await friend.names('%'), [
      'INBOX',
      ...standard.slice(1, 4),
      'Other Users',
      ...standard.slice(4),
    ]);
    assert.deepEqual(await friend.run({ name: 'MYRIGHTS', mailbox: theirs }), [
      `MYRIGHTS "${theirs}" lrktecd`,
      'OK MYRIGHTS completed',
    ]);
    // RFC 4314 §4: 'a' to see the list, 'k' to create below, 'x' to delete.
    assert.deepEqual(await friend.run({ name: 'GETACL', mailbox: theirs }), ['NO [NOPERM]']);
    assert.match((await friend.create(`${theirs}/new`))[0]!, /^OK /);
    assert.deepEqual(await friend.delete(theirs), ['NO [NOPERM]']);
    // A new mailbox inherits the access list.
    assert.deepEqual(await friend.names(`${theirs}/%`), [`${theirs}/new`]);
    assert.deepEqual(await owner.names('Team*'), ['Team', 'Team/new']);
    await owner.run({ name: 'DELETEACL', mailbox: 'Team', identifier: bob });
    assert.deepEqual(await friend.run({ name: 'MYRIGHTS', mailbox: theirs }), ['NO [NONEXISTENT]']);
  });

  it('RFC 4314 §4: each command asks for its own right, not for the one to list', async () => {
    await using test = await start();
    const [owner, friend] = [test.as(ann), test.as(bob)];
    await owner.create('Read', 'Drop', 'Above', 'Above/Shut', 'Own');
    const set = (mailbox: string, rights: string) =>
      owner.run({ name: 'SETACL', mailbox, identifier: bob, modify: '', rights });
    await set('Read', 'r');
    await set('Drop', 'i');
    await set('Above', 'lk');
    await set('Above/Shut', 's');
    await set('Own', 'a');
    const theirs = (name: string) => `Other Users/${ann}/${name}`;
    const myRights = async (name: string) =>
      (await friend.run({ name: 'MYRIGHTS', mailbox: theirs(name) })).at(-1);
    assert.equal(await myRights('Read'), 'OK MYRIGHTS completed');
    assert.equal(await myRights('Drop'), 'OK MYRIGHTS completed');
    assert.equal(await myRights('Above/Shut'), 'NO [NONEXISTENT]');
    const status = (name: string) =>
      friend.run({ name: 'STATUS', mailbox: theirs(name), items: ['MESSAGES'] });
    assert.deepEqual(await status('Read'), [
      `STATUS "${theirs('Read')}" (MESSAGES 0)`,
      'OK STATUS completed',
    ]);
    assert.deepEqual(await status('Drop'), ['NO [NONEXISTENT]']);
    assert.deepEqual(await status('Above'), ['NO [NOPERM]']);
    // RFC 4314 §6: an access list is shown to nobody who may not list the mailbox.
    const getAcl = (name: string) => friend.run({ name: 'GETACL', mailbox: theirs(name) });
    assert.deepEqual(await getAcl('Own'), ['NO [NONEXISTENT]']);
    assert.deepEqual(await getAcl('Above'), ['NO [NOPERM]']);
    assert.deepEqual(
      await friend.run({
        ...{ name: 'SETACL', mailbox: theirs('Own'), identifier: bob, modify: '+', rights: 'l' },
      }),
      ['OK SETACL completed'],
    );
    assert.equal((await getAcl('Own')).at(-1), 'OK GETACL completed');
    // RFC 4314 §4: 'k' on the nearest one that there is, whether or not it may be seen.
    assert.deepEqual(await friend.create(theirs('Above/Shut/new')), ['NO [NOPERM]']);
    assert.match((await friend.create(theirs('Above/new')))[0]!, /^OK /);
    assert.deepEqual(await friend.names('Other*'), [
      theirs('Above'),
      theirs('Above/new'),
      theirs('Own'),
    ]);
  });

  it('RFC 5530 §3 LIMIT: an access list has a thousand entries, each of which can still be changed', async () => {
    await using test = await start();
    const { folders } = test.stores;
    const archive = await folders.find(ann, 'Archive');
    for (let i = 0; i < 999; i += 1) await folders.setAcl(archive!.id, `user${i}@example.org`, 'l');
    const owner = test.as(ann);
    const set = (identifier: string) =>
      owner.run({ name: 'SETACL', mailbox: 'Archive', identifier, modify: '+', rights: 'r' });
    assert.deepEqual(await set(bob), ['OK SETACL completed']);
    assert.deepEqual(await set('anyone'), ['NO [LIMIT]']);
    assert.deepEqual(await set('user7@example.org'), ['OK SETACL completed']);
  });

  it('RFC 4314 §3: the owner has all rights, and who is nobody has none', async () => {
    await using test = await start();
    const owner = test.as(ann);
    const set = (identifier: string, modify: '' | '+' | '-', rights: string) =>
      owner.run({ name: 'SETACL', mailbox: 'Archive', identifier, modify, rights });
    assert.deepEqual(await set(ann, '', 'lrswipkxtea'), ['OK SETACL completed']);
    assert.deepEqual(await set(ann, '+', 'l'), ['OK SETACL completed']);
    assert.deepEqual(await set(ann, '-', 'l'), ['NO [CANNOT]']);
    assert.deepEqual(await set(ann, '', 'l'), ['NO [CANNOT]']);
    for (const identifier of ['', '-'])
      assert.match((await set(identifier, '', 'lr'))[0]!, /^BAD /, identifier);
    assert.deepEqual(await owner.run({ name: 'GETACL', mailbox: 'Archive' }), [
      `ACL "Archive" ${ann} lrswipkxteacd`,
      'OK GETACL completed',
    ]);
  });

  it('RFC 4314 §2: anyone, without those from whom it is taken away', async () => {
    await using test = await start();
    const [owner, friend] = [test.as(ann), test.as(bob)];
    const set = (identifier: string, rights: string) =>
      owner.run({ name: 'SETACL', mailbox: 'Archive', identifier, modify: '', rights });
    await set('Anyone', 'lrs');
    await set(`-${bob}`, 's');
    const mailbox = `Other Users/${ann}/Archive`;
    const [said] = await friend.run({ name: 'MYRIGHTS', mailbox });
    assert.equal(said, `MYRIGHTS "${mailbox}" lr`);
    // The owner keeps all rights, whatever is written.
    assert.deepEqual(await set(ann, 'lr'), ['NO [CANNOT]']);
    assert.deepEqual(await set(`-${ann}`, 'lrswipkxtea'), ['OK SETACL completed']);
    assert.deepEqual(
      (await owner.run({ name: 'MYRIGHTS', mailbox: 'Archive' }))[0],
      ['MYRIGHTS "Archive" lrswipkxteacd'][0],
    );
    assert.deepEqual(await owner.run({ name: 'LISTRIGHTS', mailbox: 'Archive', identifier: bob }), [
      `LISTRIGHTS "Archive" ${bob} "" l r s w i p k x t e a c d`,
      'OK LISTRIGHTS completed',
    ]);
  });
});

describe('METADATA', () => {
  const value = (text: string) => Buffer.from(text);

  it('RFC 5464 §4: set, get, by depth and size, remove', async () => {
    await using test = await start();
    const client = test.as(ann);
    const get = (entries: string[], depth: '0' | '1' | 'infinity' = '0', maxSize?: number) =>
      client.run({ name: 'GETMETADATA', mailbox: 'INBOX', entries, depth, maxSize });
    const set = (entries: Record<string, string | undefined>) =>
      client.run({
        ...{ name: 'SETMETADATA', mailbox: 'INBOX' },
        entries: Object.entries(entries).map(([name, text]) => ({
          name,
          value: text === undefined ? undefined : value(text),
        })),
      });
    const filters = '/private/filters/values';
    assert.deepEqual(
      await set({
        [`${filters}/small`]: 'SMALLER 5000',
        [`${filters}/a/b`]: 'x',
        '/shared/comment': 'long one',
      }),
      ['OK SETMETADATA completed'],
    );
    assert.deepEqual(await get([filters], '1'), [
      `METADATA "INBOX" (${filters}/small "SMALLER 5000")`,
      'OK GETMETADATA completed',
    ]);
    assert.match((await get([filters], 'infinity'))[0]!, /\/a\/b "x"/);
    // Field: SnappyMail asks for everything below the roots.
    assert.deepEqual(await get(['/shared', '/private'], 'infinity'), [
      `METADATA "INBOX" (/shared/comment "long one" ${filters}/a/b "x" ${filters}/small "SMALLER 5000")`,
      'OK GETMETADATA completed',
    ]);
    assert.deepEqual(await get(['/shared/comment', '/private/comment'], '0', 3), [
      'METADATA "INBOX" (/private/comment NIL)',
      'OK [METADATA LONGENTRIES 8]',
    ]);
    await set({ '/shared/comment': undefined });
    assert.match((await get(['/shared/comment']))[0]!, /\(\/shared\/comment NIL\)$/);
    assert.deepEqual(await set({ '/shared/comment': 'x'.repeat(32 * 1024 + 1) }), [
      'NO [METADATA MAXSIZE 32768]',
    ]);
    for (const wrong of [
      'comment',
      '/private',
      '/private/',
      '/private//a',
      '/other/a',
      '/private/*',
    ])
      assert.match((await set({ [wrong]: 'x' }))[0]!, /^BAD /, wrong);
    const many = Object.fromEntries([...Array(101).keys()].map((i) => [`/private/n${i}`, 'x']));
    assert.deepEqual(await set(many), ['NO [METADATA TOOMANY]']);
  });

  it('RFC 5464 §4.3: a value has 32768 octets, a name 256, a mailbox 100 entries; some of them can be changed when it has', async () => {
    await using test = await start();
    const client = test.as(ann);
    const set = async (...entries: readonly (readonly [string, string | undefined])[]) =>
      (
        await client.run({
          ...{ name: 'SETMETADATA', mailbox: 'INBOX' },
          entries: entries.map(([name, text]) => ({ name, value: text && value(text) })),
        } as OwnersCommand)
      )[0]!;
    assert.match(await set([`/private/${'n'.repeat(247)}`, 'x'.repeat(32_768)]), /^OK /);
    assert.match(await set([`/private/${'n'.repeat(248)}`, 'x']), /^BAD /);
    const numbered = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => [`/shared/n${from + i}`, 'x'] as const);
    assert.match(await set(...numbered(1, 100)), /^OK /);
    assert.equal(await set(['/shared/more', 'x']), 'NO [METADATA TOOMANY]');
    assert.match(await set(['/shared/n1', 'y']), /^OK /);
    assert.match(await set(['/shared/n1', undefined], ['/shared/more', 'x']), /^OK /);
    assert.equal(
      await set(['/shared/n2', undefined], ['/shared/n1', 'x'], ['/shared/n100', 'x']),
      'NO [METADATA TOOMANY]',
    );
  });

  it('RFC 5464 §4.3: a mailbox that has too many entries already can have fewer; what the store refuses is TOOMANY', async () => {
    await using test = await start();
    const many = new Map(
      Array.from({ length: 120 }, (_, i): [string, Uint8Array] => [`/shared/n${i}`, value('x')]),
    );
    const asked: number[] = [];
    let refusal: Error | undefined;
    const store = storeBut(test.stores.folders, {
      annotations: async () => many,
      annotate: async (_account, _folder, entries) => {
        if (refusal !== undefined) throw refusal;
        asked.push(entries.size);
      },
    });
    const client = new TestConversation(testProcess(store), ann);
    const set = async (name: string, text: string | undefined) =>
      (
        await client.run({
          ...{ name: 'SETMETADATA', mailbox: 'INBOX' },
          entries: [{ name, value: text === undefined ? undefined : value(text) }],
        })
      )[0]!;
    assert.match(await set('/shared/n1', undefined), /^OK /);
    assert.match(await set('/shared/n1', 'y'), /^OK /);
    assert.equal(await set('/shared/more', 'x'), 'NO [METADATA TOOMANY]');
    assert.deepEqual(asked, [1, 1]);
    refusal = new MailboxLimitError('no more');
    assert.equal(await set('/shared/n1', 'y'), 'NO [METADATA TOOMANY]');
    refusal = new TypeError('a bug');
    assert.equal(await set('/shared/n1', 'y'), 'NO [SERVERBUG]');
  });

  it('RFC 5464 §4.2.1, §4.2.2: the longest that was left out; an entry and what is below it', async () => {
    await using test = await start();
    const client = test.as(ann);
    const entries = [
      ['/shared/a', 'xxx'],
      ['/shared/a/b', 'x'.repeat(9)],
      ['/shared/a/b/c', 'xxxxx'],
      ['/shared/ab', 'x'],
    ].map(([name, text]) => ({ name: name!, value: value(text!) }));
    await client.run({ name: 'SETMETADATA', mailbox: 'INBOX', entries });
    const get = (depth: '0' | '1' | 'infinity', maxSize?: number) =>
      client.run({
        ...{ name: 'GETMETADATA', mailbox: 'INBOX', entries: ['/shared/a'], depth, maxSize },
      });
    assert.deepEqual(await get('infinity', 3), [
      'METADATA "INBOX" (/shared/a "xxx")',
      'OK [METADATA LONGENTRIES 9]',
    ]);
    assert.deepEqual(await get('infinity', 2), ['OK [METADATA LONGENTRIES 9]']);
    assert.equal((await get('0'))[0], 'METADATA "INBOX" (/shared/a "xxx")');
    assert.equal((await get('1'))[0], 'METADATA "INBOX" (/shared/a "xxx" /shared/a/b "xxxxxxxxx")');
  });

  it('RFC 5464 §3.3: what is private is seen by its owner alone; rights decide', async () => {
    await using test = await start();
    const [owner, friend] = [test.as(ann), test.as(bob)];
    const mailbox = `Other Users/${ann}/Archive`;
    await owner.run({
      ...{ name: 'SETMETADATA', mailbox: 'Archive' },
      entries: [
        { name: '/private/comment', value: value('hers') },
        { name: '/shared/comment', value: value('for all') },
      ],
    });
    const give = (rights: string) =>
      owner.run({ name: 'SETACL', mailbox: 'Archive', identifier: bob, modify: '', rights });
    const entries = ['/private/comment', '/shared/comment'];
    const get = () =>
      friend.run({ name: 'GETMETADATA', mailbox, entries, depth: '0', maxSize: undefined });
    // RFC 9590 §3: LIST tells no more than GETMETADATA.
    const listed = async () =>
      (await friend.list(mailbox, { returns: { metadata: ['/shared/comment'] } })).slice(1);
    await give('lk');
    assert.deepEqual(await get(), ['NO [NOPERM]']);
    assert.deepEqual(await listed(), []);
    await give('lr');
    assert.deepEqual(await listed(), [`METADATA "${mailbox}" (/shared/comment "for all")`]);
    assert.equal(
      (await get())[0],
      `METADATA "${mailbox}" (/private/comment NIL /shared/comment "for all")`,
    );
    const set = (name: string) =>
      friend.run({ name: 'SETMETADATA', mailbox, entries: [{ name, value: value('his') }] });
    assert.deepEqual(await set('/shared/comment'), ['NO [NOPERM]']);
    assert.deepEqual(await set('/private/comment'), ['NO [METADATA NOPRIVATE]']);
    await give('lrw');
    assert.deepEqual(await set('/shared/comment'), ['OK SETMETADATA completed']);
    assert.match((await get())[0]!, /\/shared\/comment "his"/);
    const [own] = await owner.run({
      ...{ name: 'GETMETADATA', mailbox: 'Archive', entries, depth: '0', maxSize: undefined },
    });
    assert.match(own!, /\/private\/comment "hers"/);
  });

  it('RFC 5464 §3.2.1.1, RFC 6154 §4: the server’s own, and what a folder is for', async () => {
    await using test = await start();
    const client = test.as(ann);
    const get = async (mailbox: string, entry: string) =>
      (
        await client.run({
          ...{ name: 'GETMETADATA', mailbox, entries: [entry], depth: '0', maxSize: undefined },
        })
      )[0];
    const set = async (mailbox: string, name: string) =>
      (
        await client.run({ name: 'SETMETADATA', mailbox, entries: [{ name, value: value('x') }] })
      )[0];
    assert.equal(
      await get('', '/shared/admin'),
      'METADATA "" (/shared/admin "mailto:postmaster@example.org")',
    );
    assert.equal(await set('', '/shared/comment'), 'NO [NOPERM]');
    assert.equal(await set('', '/private/vendor/x'), 'OK SETMETADATA completed');
    assert.equal(await get('', '/private/vendor/x'), 'METADATA "" (/private/vendor/x "x")');
    assert.equal(
      await get('Sent', '/private/specialuse'),
      'METADATA "Sent" (/private/specialuse "\\\\Sent")',
    );
    assert.equal(await set('Sent', '/private/specialuse'), 'NO [NOPERM]');
  });
});

describe('QUOTA, NAMESPACE, ID', () => {
  it('RFC 9208: usage in KiB and messages, of the account’s own root', async () => {
    await using test = await start();
    const client = test.as(ann);
    await test.stores.folders.deliver({
      ...{ account: ann, folder: 'INBOX', prefix: '', flags: [], received: 1 },
      content: { kind: 'inline', bytes: Buffer.alloc(1500, 'x') },
    });
    const root = (mailbox: string) => client.run({ name: 'GETQUOTAROOT', mailbox });
    // RFC 9208 §6: there is no such thing as a list of no limits.
    assert.deepEqual(await root('Sent'), ['QUOTAROOT "Sent"', 'OK GETQUOTAROOT completed']);
    assert.deepEqual(await client.run({ name: 'GETQUOTA', root: ann }), ['NO [NONEXISTENT]']);
    Object.assign(client.context, { quota: { bytes: 10_000, messages: 5 } });
    assert.deepEqual(await client.run({ name: 'GETQUOTA', root: ann }), [
      `QUOTA "${ann}" (STORAGE 2 9 MESSAGE 1 5)`,
      'OK GETQUOTA completed',
    ]);
    assert.equal((await root('Sent'))[0], `QUOTAROOT "Sent" "${ann}"`);
    assert.deepEqual(await client.run({ name: 'GETQUOTA', root: bob }), ['NO [NONEXISTENT]']);
    assert.deepEqual(await root(`Other Users/${bob}/INBOX`), ['NO [NONEXISTENT]']);
    const limits = new Map([['STORAGE', 1]]);
    assert.deepEqual(await client.run({ name: 'SETQUOTA', root: ann, limits }), ['NO [NOPERM]']);
  });

  it('RFC 2342 §5, RFC 2971 §3: who we are and where things lie; who the client is, if it says so, is logged', async (t) => {
    await using test = await start();
    const client = test.as(ann);
    assert.deepEqual(await client.run({ name: 'NAMESPACE' }), [
      'NAMESPACE (("" "/")) (("Other Users/" "/")) NIL',
      'OK NAMESPACE completed',
    ]);
    const logged = t.mock.method(client.context.log, 'info');
    const fields = new Map([
      ['name', 'x'.repeat(101)],
      ['version', '1.0'],
      ['os', undefined],
    ]);
    const [said] = await client.run({ name: 'ID', fields });
    assert.match(
      said!,
      /^ID \("name" "Postrider" "version" "[\d.]+" "vendor" "Postrider" "support-url" "mailto:postmaster@example\.org"\)$/,
    );
    const [before] = await test.as('').run({ name: 'ID', fields: undefined });
    assert.deepEqual(
      logged.mock.calls.map(({ arguments: told }) => told),
      [['client', { program: 'x'.repeat(100), programVersion: '1.0', os: undefined }]],
    );
    assert.doesNotMatch(before!, /version/);
    assert.equal((await client.execute({ name: 'UNAUTHENTICATE' })).state, 'unauthenticated');
  });
});
