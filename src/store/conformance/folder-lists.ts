// What every FolderStore must know of the messages of many folders together. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { FolderStore } from '../folder-store.ts';
import type { MailQuestion, MailTerm, MailTest } from '../mail-question.ts';
import type { OpenTestStores } from './harness.ts';
import { text } from './harness.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';

const all: MailQuestion = { account: undefined, folder: undefined, terms: [], start: 0, limit: 10 };
const is = (test: MailTest): MailTerm => ({ ...test, not: false });
const not = (test: MailTest): MailTerm => ({ ...test, not: true });

const withFile = [
  'Subject: Lunch, with a plan',
  'From: Eve <eve@example.com>',
  'Reply-To: office@example.com',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  '',
  'Twelve o’clock sharp',
  '--x',
  'Content-Type: image/png; name=plan.png',
  'Content-Disposition: attachment',
  '',
  'png',
  '--x--',
  '',
].join('\r\n');

/** Three messages, of which the first went to two mailboxes. */
async function filled(open: OpenTestStores) {
  const test = await open();
  const { folders } = test.stores;
  await folders.ensure(ann);
  const shared = text('Subject: Hello\r\nFrom: joe@example.net\r\n\r\nto you both');
  const deliver = (account: string, content: typeof shared, received: number) =>
    folders.deliver({ account, folder: 'INBOX', content, prefix: '', flags: [], received });
  await folders.append(await inboxOf(folders, bob), [
    { content: text(withFile), flags: ['urgent', '\\Seen'], received: 3000 },
  ]);
  await deliver(ann, text('Subject: Old\r\nCc: bob@example.org\r\n\r\nwords of wisdom'), 1000);
  const inbox = await inboxOf(folders, ann);
  await folders.append(inbox, [{ content: shared, flags: [], received: 2000 }]);
  const other = await inboxOf(folders, bob);
  await folders.copy(inbox, [2], other);
  return { test, folders, inbox };
}

async function inboxOf(folders: FolderStore, account: string): Promise<number> {
  await folders.ensure(account);
  return (await folders.find(account, 'INBOX'))!.id;
}

async function subjects(folders: FolderStore, question: Partial<MailQuestion>) {
  const { found, mails } = await folders.mails({ ...all, ...question });
  return [found.messages, ...mails.map(({ digest }) => digest.envelope.subject)];
}

export function testFolderLists(open: OpenTestStores): void {
  it('mails: of everybody, newest first, copies of one message once', async () => {
    const { test, folders } = await filled(open);
    await using _ = test;
    const page = await folders.mails(all);
    assert.deepEqual(
      page.mails.map(({ account, digest, places }) => [
        account,
        digest.envelope.subject,
        places.map((place) => `${place.account} ${place.path} ${place.uid}`),
      ]),
      [
        [bob, 'Lunch, with a plan', [`${bob} INBOX 1`]],
        [ann, 'Hello', [`${ann} INBOX 2`, `${bob} INBOX 2`]],
        [ann, 'Old', [`${ann} INBOX 1`]],
      ],
    );
    assert.deepEqual([page.found, page.all], [{ messages: 3, unseen: 2 }, page.found]);
    assert.deepEqual([...page.tags], [['urgent', 1]]);
    assert.deepEqual(await subjects(folders, { start: 1, limit: 1 }), [3, 'Hello']);
    assert.deepEqual(await folders.counts(), [
      { account: ann, messages: 2, unseen: 2, newest: 2000 },
      { account: bob, messages: 2, unseen: 1, newest: 2000 },
    ]);
  });

  it('mails: of an account, of a folder, as they change', async () => {
    const { test, folders, inbox } = await filled(open);
    await using _ = test;
    assert.deepEqual(await subjects(folders, { account: ann }), [2, 'Hello', 'Old']);
    assert.deepEqual(await subjects(folders, { account: ann, folder: 'Sent' }), [0]);
    await folders.store(inbox, [1], { kind: 'add', flags: ['\\Seen', 'kept'] });
    const [old] = (await folders.mails({ ...all, account: ann, start: 1 })).mails;
    assert.deepEqual(old?.flags, ['\\Seen', 'kept']);
    await folders.removeMessages(inbox, [2]);
    assert.deepEqual(await subjects(folders, { account: ann }), [1, 'Old']);
    assert.deepEqual(await subjects(folders, {}), [3, 'Lunch, with a plan', 'Hello', 'Old']);
    await folders.removeAll(bob);
    assert.deepEqual(await subjects(folders, {}), [1, 'Old']);
    assert.deepEqual(await subjects(folders, { account: 'nobody@example.org' }), [0]);
  });

  it('mails: what fits in everything that is asked', async () => {
    const { test, folders } = await filled(open);
    await using _ = test;
    const [lunch, hello, old] = ['Lunch, with a plan', 'Hello', 'Old'];
    const [newest] = (await folders.mails(all)).mails;
    const cases: readonly (readonly [terms: readonly MailTerm[], ...(string | undefined)[]])[] = [
      [[is({ kind: 'flag', flag: '\\Seen' })], lunch],
      [[not({ kind: 'flag', flag: '\\Seen' })], hello, old],
      [[is({ kind: 'flag', flag: 'URGENT' })], lunch],
      [[not({ kind: 'tagged' })], hello, old],
      [[is({ kind: 'received', is: 'since', ms: 2000 })], lunch, hello],
      [[is({ kind: 'received', is: 'until', ms: 2000 })], hello, old],
      [[is({ kind: 'size', is: 'larger', bytes: 200 })], lunch],
      [[is({ kind: 'size', is: 'smaller', bytes: 200 })], hello, old],
      [[is({ kind: 'after', id: newest!.id })], hello, old],
      [[is({ kind: 'id', ids: [newest!.id, 'zz'] })], lunch],
      [[is({ kind: 'has', what: 'attachment' })], lunch],
      [[not({ kind: 'has', what: 'attachment' })], hello, old],
      [[is({ kind: 'header', fields: ['from'], text: 'EXAMPLE' })], lunch, hello],
      [[is({ kind: 'header', fields: ['to', 'cc', 'reply-to'], text: 'b@example' })], old],
      [[is({ kind: 'header', fields: ['reply-to'], text: 'office@' })], lunch],
      [[is({ kind: 'text', text: 'WISDOM' })], old],
      [[not({ kind: 'text', text: 'you both' })], lunch, old],
      [[is({ kind: 'text', text: 'clock sharp' })], lunch],
      [[is({ kind: 'text', text: 'lunch, with' })], lunch],
      [[is({ kind: 'text', text: '@' })], lunch, hello, old],
      [[is({ kind: 'text', text: 'e' }), not({ kind: 'header', fields: ['subject'], text: 'l' })]],
    ];
    for (const [terms, ...expected] of cases)
      assert.deepEqual(
        await subjects(folders, { terms }),
        [expected.length, ...expected],
        JSON.stringify(terms),
      );
  });
}
