import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { seededRandom } from '../base/random.ts';
import { SharedRoom } from '../base/shared-room.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import type { Stores } from '../store/stores.ts';
import { UrlAuthority } from './imap/urls/url-authority.ts';
import type { FetchedUrl } from './submitted-urls.ts';
import { fetchSubmittedUrl } from './submitted-urls.ts';

const bytes = Buffer.from('Subject: hi\r\nTo: x\r\n\r\nHello\r\n');
const account = 'ann@example.org';

async function deliver({ accounts, folders }: Stores): Promise<void> {
  for (const address of [account, 'bob@example.org']) {
    await accounts.add(address, undefined, 0);
    await folders.deliver({
      ...{ account: address, folder: 'INBOX', prefix: '', flags: [], received: 0 },
      content: { kind: 'inline', bytes },
    });
  }
}

const authorityOf = ({ folders, records }: Pick<Stores, 'folders' | 'records'>) =>
  new UrlAuthority({
    ...{ folders, records, random: seededRandom(1), clock: new FakeClock() },
    hostname: () => 'mx.example.org',
    accountOf: async (user) => user,
  });

async function fetchOf(
  { folders, records }: Stores,
  url: string,
  messageSize = 0,
): Promise<string> {
  const settings = () => ({ hostname: 'mx.example.org', messageSize });
  const urls = authorityOf({ folders, records });
  const room = new SharedRoom(1);
  const fetched = await fetchSubmittedUrl({ folders, urls, settings, room }, account, url);
  if ('code' in fetched) return `${fetched.code} ${fetched.detail}`;
  fetched.release();
  return Buffer.from(fetched.bytes).toString();
}

describe('RFC 4468 §3.3: URLs of messages that whoever logged in may read', () => {
  const all = bytes.toString();
  for (const [url, expected] of [
    ['imap://mx.example.org/INBOX/;UID=1', all],
    ['IMAP://MX.example.org:143/inbox;UID=1', all],
    ['imap://ann%40example.org@mx.example.org/INBOX/;uid=1', all],
    ['imap://ann%40example.org;AUTH=*@mx.example.org/INBOX/;uid=1', all],
    ['imap://mx.example.org/INBOX/;UID=1/;SECTION=TEXT', 'Hello\r\n'],
    ['imap://mx.example.org/INBOX/;UID=1/;PARTIAL=9.2', 'hi'],
    // RFC 4468 §6: what is not there, or not theirs.
    ['imap://mx.example.org/INBOX/;UID=2', '554 6.6'],
    ['imap://mx.example.org/INBOX;UIDVALIDITY=1/;UID=1', '554 6.6'],
    ['imap://mx.example.org/Other%20Users/bob%40example.org/INBOX/;UID=1', '554 6.6'],
    ['imap://mx.example.org/;UID=1', '554 6.6'],
    ['imap://mx.example.org/%ff/;UID=1', '554 6.6'],
    ['http://mx.example.org/INBOX', '554 6.6'],
    ['imap://elsewhere.example/INBOX/;UID=1', '554 7.8'],
    ['imap://bob%40example.org@mx.example.org/INBOX/;UID=1', '554 7.8'],
    ['imap://elsewhere.example/INBOX/;UID=1;URLAUTH=authuser:internal:00', '554 7.8'],
    ['imap://mx.example.org/INBOX/;UID=1;URLAUTH=submit+ann:internal:00', '554 7.0'],
  ] as const)
    it(`${url}: ${expected === all ? 'the message' : JSON.stringify(expected)}`, async () => {
      await using test = await openInMemory();
      await deliver(test.stores);
      assert.equal(await fetchOf(test.stores, url), expected);
    });

  it('what would be more in memory than there is room for waits until others have taken theirs', async () => {
    await using test = await openInMemory();
    await deliver(test.stores);
    const { folders } = test.stores;
    const parts = {
      ...{ folders, urls: authorityOf(test.stores), room: new SharedRoom(bytes.length) },
      settings: () => ({ hostname: 'mx.example.org', messageSize: 0 }),
    };
    const fetch = () => fetchSubmittedUrl(parts, account, 'imap://mx.example.org/INBOX/;UID=1');
    const first = (await fetch()) as FetchedUrl;
    let isThere = false;
    const second = fetch().then((fetched) => {
      isThere = true;
      return fetched as FetchedUrl;
    });
    await folders.open(1, [1]);
    assert.ok(!isThere);
    first.release();
    assert.deepEqual(Buffer.from((await second).bytes), bytes);
  });

  it('RFC 4468 §6: what is too big is not read', async () => {
    await using test = await openInMemory();
    await deliver(test.stores);
    const url = 'imap://mx.example.org/INBOX/;UID=1';
    assert.equal(await fetchOf(test.stores, url, bytes.length - 1), '552 3.4');
    assert.equal(await fetchOf(test.stores, url, bytes.length), all);
  });
});

describe('RFC 4468 §3.3: URLs of messages that are lent to be submitted', () => {
  const rump = 'imap://bob%40example.org@mx.example.org/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=';
  for (const [access, expected] of [
    [`submit+ann%40example.org`, 'Hello\r\n'],
    ['authuser', 'Hello\r\n'],
    ['submit+bob%40example.org', '554 7.0'],
    ['user+ann%40example.org', '554 7.0'],
  ] as const)
    it(`${access}: ${JSON.stringify(expected)}`, async () => {
      await using test = await openInMemory();
      await deliver(test.stores);
      const url = await authorityOf(test.stores).authorize('bob@example.org', rump + access);
      assert.equal(await fetchOf(test.stores, url!), expected);
      assert.equal(await fetchOf(test.stores, url!.replace(/.$/, 'g')), '554 7.0');
      assert.equal(await fetchOf(test.stores, rump + access), '554 7.0');
    });
});
