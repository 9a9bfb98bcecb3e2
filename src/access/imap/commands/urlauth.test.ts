// RFC 4467: what is lent, to whom, and how it ends.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { seededRandom } from '../../../base/random.ts';
import { ContentError } from '../../../store/content.ts';
import { openInMemory } from '../../../store/sqlite/test-stores.ts';
import { TestConversation, testProcess } from '../test-conversation.ts';
import { ann, bob, fill } from '../test-dialogue.ts';
import { UrlAuthority } from '../urls/url-authority.ts';
import { forgetUrlKeys } from '../urls/url-keys.ts';

const host = 'imap.example.org';
const base = `imap://ann%40example.org@${host}/INBOX`;
const rump = `${base}/;UID=1/;SECTION=TEXT`;
const nothing = (url: string) => [`URLFETCH "${url}" NIL`, 'OK URLFETCH completed'];

async function open() {
  const test = await openInMemory();
  const { folders, records, spool } = test.stores;
  for (const account of [ann, bob]) await folders.ensure(account);
  await fill(folders, (await folders.find(ann, 'INBOX'))!.id, [{ text: 'A: b\r\n\r\nLent\r\n' }]);
  const urls = new UrlAuthority({
    ...{ folders, records, random: seededRandom(1), clock: test.clock },
    hostname: () => host,
    accountOf: async (user) => user,
  });
  const process = { ...testProcess(folders, spool, test.clock), urls };
  const client = (account: string) => {
    const conversation = new TestConversation(process, account);
    const generate = (...given: readonly string[]) =>
      conversation.run({
        name: 'GENURLAUTH',
        urls: given.map((url) => ({ url, mechanism: 'INTERNAL' })),
      });
    return {
      conversation,
      generate,
      authorize: async (url: string) =>
        /^GENURLAUTH "(.+)"$/.exec((await generate(url))[0]!)?.[1] ?? '',
      fetch: (...given: readonly string[]) => conversation.run({ name: 'URLFETCH', urls: given }),
      reset: (mailbox?: string) => conversation.run({ name: 'RESETKEY', mailbox, mechanisms: [] }),
    };
  };
  return {
    ...{ clock: test.clock, folders, records, ann: client(ann), bob: client(bob) },
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

/** That the URL gives what was lent. */
const gives = (said: readonly string[], url: string) =>
  assert.deepEqual(said, [`URLFETCH "${url}" {6}\r\nLent\r\n`, 'OK URLFETCH completed']);

describe('URLAUTH', () => {
  it('RFC 4467 §7: GENURLAUTH lends, URLFETCH reads, RESETKEY ends it', async () => {
    await using world = await open();
    const url = await world.ann.authorize(`${rump};URLAUTH=user+bob%40example.org`);
    assert.match(url, /;URLAUTH=user\+bob%40example\.org:internal:01[\da-f]{64}$/);
    gives(await world.bob.fetch(url), url);
    assert.deepEqual(await world.ann.reset('INBOX'), ['OK [URLMECH INTERNAL]']);
    assert.deepEqual(await world.bob.fetch(url), nothing(url));
    const again = await world.ann.authorize(`${rump};URLAUTH=user+bob%40example.org`);
    assert.notEqual(again, url);
    gives(await world.bob.fetch(again), again);
  });

  it('RFC 4467 §7: RESETKEY without a mailbox takes the keys of all that are their own', async () => {
    await using world = await open();
    const url = await world.ann.authorize(`${rump};URLAUTH=authuser`);
    await world.bob.reset();
    gives(await world.bob.fetch(url), url);
    assert.deepEqual(await world.ann.reset(), ['OK All keys are gone']);
    assert.deepEqual(await world.bob.fetch(url), nothing(url));
    assert.equal(await world.records.count('url-key'), 0);
  });

  it('RFC 4467 §2.2: URLs that are made at the same time have the same key', async () => {
    await using world = await open();
    const urls = await Promise.all(
      ['authuser', 'anonymous'].map((access) => world.ann.authorize(`${rump};URLAUTH=${access}`)),
    );
    for (const url of urls) gives(await world.bob.fetch(url), url);
  });

  it('RFC 4467 §2.2: keys of mailboxes that are gone are not kept for ever', async () => {
    await using world = await open();
    const { folders, records } = world;
    const keys = async () => (await records.list('url-key', { limit: 10 })).length;
    const old = await folders.create(ann, 'Old', undefined);
    await fill(folders, old.id, [{ text: 'A: b\r\n\r\nOld\r\n' }]);
    const url = await world.ann.authorize(
      `${base.replace('INBOX', 'Old')}/;UID=1;URLAUTH=authuser`,
    );
    assert.notEqual(url, '');
    await folders.remove(ann, 'Old');
    assert.deepEqual(await world.bob.fetch(url), nothing(url));
    assert.equal(await keys(), 1);
    const next = await world.ann.authorize(`${rump};URLAUTH=authuser`);
    gives(await world.bob.fetch(next), next);
    assert.equal(await keys(), 1, 'the new one');
    await forgetUrlKeys(records, ann);
    assert.equal(await keys(), 0);
    assert.deepEqual(await world.bob.fetch(next), nothing(next));
  });

  for (const [access, mine, theirs] of [
    ['authuser', true, true],
    ['anonymous', true, true],
    ['user+ann%40example.org', true, false],
    ['user+bob%40example.org', false, true],
    // That is for submission servers: RFC 4467 §3.
    ['submit+bob%40example.org', false, false],
  ] as const)
    it(`RFC 4467 §3: ${access} is for whom it says`, async () => {
      await using world = await open();
      const url = await world.ann.authorize(`${rump};URLAUTH=${access}`);
      for (const [who, right] of [[world.ann, mine] as const, [world.bob, theirs] as const])
        if (right) gives(await who.fetch(url), url);
        else assert.deepEqual(await who.fetch(url), nothing(url));
    });

  it('RFC 4467 §3: what has expired is worth nothing, to the second', async () => {
    await using world = await open();
    const expire = new Date(world.clock.now() + 5000).toISOString();
    const url = await world.ann.authorize(`${rump};EXPIRE=${expire};URLAUTH=authuser`);
    await world.clock.advance(4999);
    gives(await world.bob.fetch(url), url);
    await world.clock.advance(1);
    assert.deepEqual(await world.bob.fetch(url), nothing(url));
  });

  it('RFC 4467 §6: nothing of a URL can be changed', async () => {
    await using world = await open();
    await fill(world.folders, (await world.folders.find(ann, 'INBOX'))!.id, [{ text: 'B: c' }]);
    const expire = `${rump};EXPIRE=2030-01-01T00:00:00Z;URLAUTH=user+bob%40example.org`;
    const url = await world.ann.authorize(expire);
    gives(await world.bob.fetch(url), url);
    const forged = [
      url.replace('UID=1', 'UID=2'),
      url.replace('/;SECTION=TEXT', ''),
      url.replace('2030', '2031'),
      url.replace(';EXPIRE=2030-01-01T00:00:00Z', ''),
      url.replace('user+bob%40example.org', 'authuser'),
      url.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      url.replace(':internal:', ':x:'),
      url.replace(/:internal:.*/, ''),
      url.replace(host, 'elsewhere.example'),
      url.replace('ann%40', 'bob%40'),
      `${url}00`,
      `${base}/;UID=1`,
    ];
    for (const each of forged) {
      assert.notEqual(each, url);
      assert.deepEqual(await world.bob.fetch(each), nothing(each), each);
    }
  });

  it('RFC 4467 §4: it lends no more than its owner may read', async () => {
    await using world = await open();
    const shared = `imap://bob%40example.org@${host}/Other%20Users/ann%40example.org/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=authuser`;
    assert.equal(await world.bob.authorize(shared), '');
    await world.ann.conversation.run({
      ...{ name: 'SETACL', mailbox: 'INBOX', identifier: bob, modify: '', rights: 'lr' },
    });
    const url = await world.bob.authorize(shared);
    gives(await world.ann.fetch(url), url);
    await world.ann.conversation.run({ name: 'DELETEACL', mailbox: 'INBOX', identifier: bob });
    assert.deepEqual(await world.ann.fetch(url), nothing(url));
  });

  it('RFC 4467 §7: what cannot be authorized is BAD, whoever is named', async () => {
    await using world = await open();
    const wrong = [
      `${rump};URLAUTH=friends`,
      `${rump};EXPIRE=tomorrow;URLAUTH=authuser`,
      rump,
      `${base};URLAUTH=authuser`,
      `${base}/;UID=9;URLAUTH=authuser`,
      `${base}/;UID=1/;SECTION=7;URLAUTH=authuser`,
      `imap://${host}/INBOX/;UID=1;URLAUTH=authuser`,
      `imap://bob%40example.org@${host}/INBOX/;UID=1;URLAUTH=authuser`,
      `imap://ann%40example.org@elsewhere.example/INBOX/;UID=1;URLAUTH=authuser`,
      `${rump};URLAUTH=authuser;URLAUTH=authuser`,
      `${rump};EXPIRE=2030-01-01T00:00:00Z;URLAUTH=authuser;URLAUTH=authuser`,
      `${rump};EXPIRE=2030-01-01;URLAUTH=authuser`,
      `${rump};EXPIRE=%zz;URLAUTH=authuser`,
      `${rump};URLAUTH=user+%zz`,
      `${rump};URLAUTH=user+a b`,
      `${rump};URLAUTH=user+\u0141`,
      `${base.replace('INBOX', 'Nowhere')}/;UID=1;URLAUTH=authuser`,
      `${base.replace('INBOX', '%zz')}/;UID=1;URLAUTH=authuser`,
      `${rump};URLAUTH=user+\u0141:internal:${'0'.repeat(32)}`,
    ];
    for (const url of wrong) assert.match((await world.ann.generate(url))[0]!, /^BAD /, url);
    assert.equal(await world.records.count('url-key'), 0);
    // Nobody learns whether there is such a user.
    assert.match(await world.ann.authorize(`${rump};URLAUTH=user+nobody`), /:internal:/);
    const mechanism = [{ url: `${rump};URLAUTH=authuser`, mechanism: 'X' }];
    const { conversation } = world.ann;
    assert.match((await conversation.run({ name: 'GENURLAUTH', urls: mechanism }))[0]!, /^BAD /);
    assert.deepEqual(await world.ann.reset('Nowhere'), ['NO [NONEXISTENT]']);
  });

  it('RFC 4467 §8: of several each is answered, in one response or several', async () => {
    await using world = await open();
    const rumps = [`${rump};URLAUTH=authuser`, `${rump};URLAUTH=anonymous`];
    const [said] = await world.ann.generate(...rumps);
    const urls = [...said!.matchAll(/"([^"]+)"/g)].map(([, url]) => url!);
    assert.equal(urls.length, 2);
    const fetched = await world.bob.fetch(urls[0]!, 'no url', urls[1]!);
    assert.deepEqual(
      fetched.map((line) => line.replace(/.* (?=NIL|\{)/, '')),
      ['{6}\r\nLent\r\n', 'NIL', '{6}\r\nLent\r\n', 'OK URLFETCH completed'],
    );
  });

  it('RFC 4467 §8: what cannot be read is NIL, what fails otherwise is no answer', async () => {
    await using world = await open();
    const { conversation, fetch } = world.ann;
    const failing = (error: Error): Pick<typeof conversation.context, 'urls'> => ({
      urls: { ...conversation.context.urls, redeem: () => Promise.reject(error) },
    });
    Object.assign(conversation.context, failing(new ContentError('damaged', 'damaged')));
    assert.deepEqual(await fetch('u'), nothing('u'));
    Object.assign(conversation.context, failing(new Error('a bug')));
    assert.deepEqual(await fetch('u'), ['NO [SERVERBUG]']);
  });

  it('RFC 4467 §8: says no more than the client reads', async () => {
    await using world = await open();
    const url = await world.ann.authorize(`${rump};URLAUTH=authuser`);
    const reading = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    world.bob.conversation.context.room = () => {
      asked.resolve();
      return reading.promise;
    };
    let isDone = false;
    const done = world.bob.fetch(url, 'next').finally(() => {
      isDone = true;
    });
    await asked.promise;
    for (let turn = 0; turn < 50; turn += 1) await setImmediate();
    assert.equal(isDone, false);
    assert.doesNotMatch(world.bob.conversation.output(), /next/);
    reading.resolve();
    assert.match((await done).join(), /next/);
  });
});
