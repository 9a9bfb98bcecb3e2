import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { seededRandom } from '../base/random.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import type { Stores } from '../store/stores.ts';
import { UrlAuthority } from './imap/urls/url-authority.ts';
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
  const fetched = await fetchSubmittedUrl({ folders, urls, settings }, account, url);
  return fetched instanceof Uint8Array
    ? Buffer.from(fetched).toString()
    : `${fetched.code} ${fetched.detail}`;
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
