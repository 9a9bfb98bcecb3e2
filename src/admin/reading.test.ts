import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { openStores } from '../store/open-stores.ts';
import type { Stores } from '../store/stores.ts';
import type { OperationParts } from './operation-parts.ts';
import { operationsOver } from './operations.ts';
import { withMessage } from './reading.ts';

const ann = 'ann@example.org';

const letter = `From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.net>
To: ann@example.org
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
Date: Mon, 5 Feb 2024 23:30:00 +0000
Message-ID: <one@example.net>
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a

Hello Ann
--a
Content-Type: text/html

<p>Hello <b>Ann</b> <img src="cid:logo"></p>
--a--
--m
Content-Type: application/pdf; name=plan.pdf
Content-Disposition: attachment
Content-Transfer-Encoding: base64

UERG
--m--
`.replaceAll('\n', '\r\n');

describe('operations for whoever looks at mail', () => {
  let stores: Stores;
  let isDev = true;
  const operations = () =>
    operationsOver({
      ...stores,
      dev: () => isDev,
      accountOf: async (address: string) =>
        address.endsWith('@example.org') ? address : undefined,
    } as unknown as OperationParts);
  before(async () => {
    stores = await openStores({ directory: ':memory:', log: silentLog, clock: new FakeClock() });
    const deliver = (content: string, received: number) =>
      stores.folders.deliver({
        ...{ account: ann, folder: 'INBOX', flags: [], prefix: '', received },
        content: { kind: 'inline', bytes: Buffer.from(content) },
      });
    await deliver(letter, Date.UTC(2024, 1, 6));
    await deliver('Subject: Later\r\n\r\nsomething else', Date.UTC(2024, 2, 1));
  });
  after(() => stores[Symbol.asyncDispose]());

  it('lists what matches, newest first', async () => {
    const found = await operations().mailSearch({ address: ann });
    assert.deepEqual([found.total, found.unread], [2, 2]);
    assert.deepEqual(
      found.messages.map(({ subject, from, attachments, received }) => [
        ...[subject, from[0]?.name, attachments, received],
      ]),
      [
        ['Later', undefined, 0, '2024-03-01T00:00:00.000Z'],
        ['Grüße', 'Jörg', 1, '2024-02-06T00:00:00.000Z'],
      ],
    );
    const some = await operations().mailSearch({ query: 'from:joerg has:attachment', limit: 1 });
    assert.deepEqual([some.total, some.messages.length, some.all.total], [1, 1, 2]);
    for await (const inbox of operations().mailInboxes())
      assert.deepEqual([inbox.address, inbox.total, inbox.unread], [ann, 2, 2]);
  });

  it('takes a message apart', async () => {
    const { messages } = await operations().mailSearch({ query: 'subject:GRÜßE' });
    const mail = await operations().mailRead({ address: ann, id: messages[0]!.id });
    assert.deepEqual(
      [mail.subject, mail.messageId, mail.sent, mail.html, mail.text, mail.size],
      ...[
        ['Grüße', 'one@example.net', '2024-02-05T23:30:00.000Z', true, 'Hello Ann', letter.length],
      ],
    );
    assert.deepEqual(
      mail.parts.map(({ path, kind, type, name, size }) => [path, kind, type, name, size]),
      [
        ['1.1', 'text', 'text/plain', null, 9],
        ['1.2', 'text', 'text/html', null, 44],
        ['2', 'attachment', 'application/pdf', 'plan.pdf', 3],
      ],
    );
    await assert.rejects(operations().mailRead({ address: ann, id: 'mzz' }), /has no message mzz/);
  });

  it('marks and tags, all that are named or none', async () => {
    const { mailFlag, mailTags, mailSearch } = operations();
    const { messages } = await mailSearch({ address: ann });
    const ids = messages.map(({ id }) => id);
    await assert.rejects(mailFlag({ address: ann, ids: [...ids, 'mzz'], add: ['seen'] }));
    assert.equal((await mailSearch({ query: 'is:read' })).total, 0);
    assert.equal(await mailFlag({ address: ann, ids, add: ['seen', 'flagged'] }), 2);
    await mailFlag({ address: ann, ids: ids.slice(0, 1), remove: ['seen'] });
    const { total, unread } = await mailSearch({ query: 'is:flagged' });
    assert.deepEqual([total, unread], [2, 1]);
    await mailTags({ address: ann, ids, tags: ['Two words', 'two  WORDS', 'odd!?', ''] });
    assert.deepEqual((await mailSearch({ query: 'tag:"Two words"' })).tags, {
      'Two words': 2,
      odd: 2,
    });
    await mailTags({ address: ann, ids, tags: ['odd'] });
    const after = await mailSearch({ query: 'is:tagged' });
    assert.deepEqual(after.messages[0]?.tags, ['odd']);
    assert.deepEqual([after.messages[0]?.flagged, after.messages[0]?.seen], [true, false]);
  });

  it('shows everybody’s mail in dev only, and says what is wrong with a search', async () => {
    isDev = false;
    await assert.rejects(operations().mailSearch({}), /for `postrider dev` only/);
    await assert.rejects(operations().mailSearch({ address: 'eve@example.net' }), /no account/);
    isDev = true;
    for (const query of ['after:never', 'larger:x', 'is:new', 'x'.repeat(3000)])
      await assert.rejects(operations().mailSearch({ query }), { name: 'OperationError' }, query);
  });
});

it('large messages are taken apart a few at a time, whoever asks', async () => {
  let begun = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const content = {
    ...{ size: 40 * 2 ** 20, bytes: undefined },
    async *read() {
      begun += 1;
      await promise;
      yield Buffer.from('Subject: x\r\n\r\nx');
    },
  };
  const parts = {
    accountOf: async (address: string) => address,
    folders: {
      copies: async () => [{ folder: 1, uid: 1, flags: [], received: 0, id: 'm' }],
      open: async () => [content],
      folder: async () => ({ path: 'INBOX' }),
    },
  } as unknown as Parameters<typeof withMessage>[0];
  const all = [1, 2].map(() =>
    withMessage(parts, { address: ann, id: 'm' }, ({ octets }) => octets.length),
  );
  await new Promise(setImmediate);
  assert.equal(begun, 1);
  resolve();
  assert.deepEqual(await Promise.all(all), [15, 15]);
  assert.equal(begun, 2);
});
