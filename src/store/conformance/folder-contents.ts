// What every FolderStore must know of its messages: digests, headers, searches, sort keys. A part of
// its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MessageDigest } from '../../mail/digest/digest.ts';
import { messageFacts } from '../../mail/digest/message-facts.ts';
import type { ContentTerm, FolderStore, NewMail } from '../folder-store.ts';
import type { OpenTestStores } from './harness.ts';
import { text } from './harness.ts';

const ann = 'ann@example.org';

const crlf = (...lines: string[]): NewMail => ({
  ...{ content: text(lines.join('\r\n')), flags: [], received: 5000 },
});

const letters = [
  crlf(
    'From: =?utf-8?q?J=C3=B6rg?= <joerg@example.net>',
    'To: ann@example.org',
    'Subject: Re: [list] =?utf-8?b?R3LDvMOfZQ==?= from',
    ' the harbour',
    'Date: Mon, 5 Feb 2024 23:30:00 -0800',
    'Message-ID: <one@example.net>',
    'X-Mark: 100% sure',
    '',
    'Dear Ann, the ÄPFEL are ripe.',
    'foo bar-baz quux, C++ and a.b.c',
  ),
  crlf(
    'From: Eve <eve@example.com>',
    'Cc: bob@example.org',
    'Subject: Lunch',
    'Date: Tue, 6 Feb 2024 08:00:00 +0000',
    'Message-ID: <two@example.com>',
    'References: <one@example.net>',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('Nothing but a foobar, naïve and 日本語のテキスト.').toString('base64'),
  ),
  crlf('', 'only a body: __proto__ and snowman'),
  crlf('Subject: only a header'),
];

async function filled(open: OpenTestStores) {
  const test = await open();
  const { folders } = test.stores;
  await folders.ensure(ann);
  const inbox = (await folders.find(ann, 'INBOX'))!.id;
  await folders.append(inbox, letters);
  return { test, folders, inbox };
}

const found = async (folders: FolderStore, folder: number, term: ContentTerm) => [
  ...(await folders.search(folder, term)),
];

/** The properties themselves, whatever they are read from. */
const plain = (digest: MessageDigest | undefined) =>
  digest && { envelope: digest.envelope, body: digest.body, preview: digest.preview };

export function testFolderContents(open: OpenTestStores): void {
  it('digests: in the order asked for, the same again, undefined for what is gone', async () => {
    const { test, folders, inbox } = await filled(open);
    await using _ = test;
    const [two, gone, one, again] = await folders.digests(inbox, [2, 99, 1, 2]);
    assert.equal(gone, undefined);
    assert.deepEqual(plain(two), plain(again));
    const [letter] = await folders.open(inbox, [2]);
    assert.deepEqual(plain(two), messageFacts(letter!.bytes!).digest);
    const [from] = one!.envelope.from;
    assert.equal(from?.name, '=?utf-8?q?J=C3=B6rg?=');
    assert.equal(two!.envelope.subject, 'Lunch');
    const { type, subtype, charset, encoding } = two!.body;
    assert.deepEqual([type, subtype, charset, encoding], ['text', 'plain', 'utf-8', 'base64']);
    assert.match(two!.preview, /^Nothing but a foobar/);
    assert.deepEqual(plain((await folders.digests(inbox, [1]))[0]), plain(one));
    assert.deepEqual(await folders.digests(99_999, [1]), [undefined]);
  });

  it('headers with their empty line; a prefix is part of them', async () => {
    const { test, folders, inbox } = await filled(open);
    await using _ = test;
    await test.stores.folders.deliver({
      ...{ account: ann, folder: 'INBOX', prefix: 'Return-Path: <x@y>\r\n' },
      ...crlf('Subject: x', '', 'body'),
    });
    await folders.append(inbox, [crlf(`X-Long: ${'x'.repeat(50_000)}`, 'Subject: end', '', 'b')]);
    const headers = await folders.headers(inbox, [5, 99, 3, 4, 6]);
    const texts = headers.map((bytes) => bytes && Buffer.from(bytes).toString());
    assert.deepEqual(texts.slice(0, 4), [
      'Return-Path: <x@y>\r\nSubject: x\r\n\r\n',
      undefined,
      '\r\n',
      'Subject: only a header',
    ]);
    assert.ok(texts[4]!.endsWith('Subject: end\r\n\r\n'));
  });

  const searches: readonly (readonly [ContentTerm, readonly number[]])[] = [
    // RFC 9051 §6.4.4: substrings, without case, of the decoded text.
    [{ kind: 'header', name: 'subject', text: 'GRÜßE' }, [1]],
    [{ kind: 'header', name: 'Subject', text: 'from the harb' }, [1]],
    [{ kind: 'header', name: 'subject', text: 'only' }, [4]],
    [{ kind: 'header', name: 'from', text: 'jörg' }, [1]],
    [{ kind: 'header', name: 'from', text: 'EXAMPLE' }, [1, 2]],
    [{ kind: 'header', name: 'to', text: '' }, [1]],
    [{ kind: 'header', name: 'cc', text: 'bob@' }, [2]],
    [{ kind: 'header', name: 'bcc', text: '' }, []],
    [{ kind: 'header', name: 'Message-Id', text: '<two@' }, [2]],
    [{ kind: 'header', name: 'references', text: 'one@example.net' }, [2]],
    [{ kind: 'header', name: 'X-Mark', text: '100%' }, [1]],
    [{ kind: 'header', name: 'x-mark', text: '' }, [1]],
    [{ kind: 'header', name: 'x-mark', text: '100_' }, []],
    [{ kind: 'header', name: 'date', text: '-0800' }, [1]],
    [{ kind: 'header', name: '__proto__', text: '' }, []],
    // A term, a part of one, across several, with and without what a tokeniser drops.
    [{ kind: 'body', text: 'foobar' }, [2]],
    [{ kind: 'body', text: 'foo' }, [1, 2]],
    [{ kind: 'body', text: 'oba' }, [2]],
    [{ kind: 'body', text: 'äpfel' }, [1]],
    [{ kind: 'body', text: 'apfel' }, []],
    [{ kind: 'body', text: 'o bar-baz q' }, [1]],
    [{ kind: 'body', text: 'foo bar baz' }, []],
    [{ kind: 'body', text: 'bar-baz' }, [1]],
    [{ kind: 'body', text: 'bar baz' }, []],
    [{ kind: 'body', text: 'c++' }, [1]],
    [{ kind: 'body', text: '++' }, [1]],
    [{ kind: 'body', text: 'a.b.c' }, [1]],
    [{ kind: 'body', text: 'a.b.d' }, []],
    [{ kind: 'body', text: '本語' }, [2]],
    [{ kind: 'body', text: 'naïve and 日' }, [2]],
    [{ kind: 'body', text: 'Naïve' }, [2]],
    [{ kind: 'body', text: '__proto__' }, [3]],
    [{ kind: 'body', text: 'harbour' }, []],
    [{ kind: 'body', text: '"' }, []],
    [{ kind: 'body', text: '' }, [1, 2, 3, 4]],
    [{ kind: 'text', text: 'harbour' }, [1]],
    [{ kind: 'text', text: 'only a' }, [3, 4]],
    [{ kind: 'text', text: 'ripe' }, [1]],
    [{ kind: 'text', text: 'x-mark' }, [1]],
    [{ kind: 'text', text: '100% sure' }, [1]],
    [{ kind: 'text', text: 'one@example.net' }, [1, 2]],
    // RFC 9051 §6.4.4: the date as written, whatever its zone.
    [{ kind: 'sent', is: 'on', day: 19758 }, [1]],
    [{ kind: 'sent', is: 'before', day: 19759 }, [1]],
    [{ kind: 'sent', is: 'since', day: 19759 }, [2]],
  ];

  it('RFC 9051 §6.4.4: finds what it says', async () => {
    const { test, folders, inbox } = await filled(open);
    await using _ = test;
    for (const [term, expected] of searches)
      assert.deepEqual(await found(folders, inbox, term), expected, JSON.stringify(term));
    assert.deepEqual(await found(folders, 99_999, { kind: 'body', text: 'foo' }), []);
  });

  it('finds copies and what came since, no more what is gone', async () => {
    const { test, folders, inbox } = await filled(open);
    await using _ = test;
    const foo: ContentTerm = { kind: 'body', text: 'foo' };
    assert.deepEqual(await found(folders, inbox, foo), [1, 2]);
    await folders.copy(inbox, [2], inbox);
    await folders.append(inbox, [crlf('', 'tomfoolery'), crlf('', 'other')]);
    await folders.store(inbox, [1], { kind: 'add', flags: ['\\Deleted'] });
    await folders.expunge(inbox);
    assert.deepEqual(await found(folders, inbox, foo), [2, 5, 6]);
    await test.restart();
    assert.deepEqual(await found(test.stores.folders, inbox, foo), [2, 5, 6]);
    const sent = (await test.stores.folders.find(ann, 'Sent'))!.id;
    assert.deepEqual(await found(test.stores.folders, sent, foo), []);
  });

  it('RFC 9051 §6.4.4: finds addresses as they are meant, of messages of any age', async () => {
    const { test, folders, inbox } = await filled(open);
    await using _ = test;
    await folders.append(inbox, [
      crlf('From: <user (comment)@ (comment) example.org>', 'Cc: "A \\"b\\"" <a@b.test>', '', 'x'),
      crlf('From: Ken Davis <KDavis at This-Net>', 'Date: 27-Aug-76 0932-PDT', '', 'x'),
      crlf('From: a@b.test', 'no field', 'Subject: behind it', '', 'x'),
    ]);
    const header = (name: string, value: string): ContentTerm => ({
      kind: 'header',
      name,
      text: value,
    });
    assert.deepEqual(await found(folders, inbox, header('From', 'user@example.org')), [5]);
    assert.deepEqual(await found(folders, inbox, header('from', '(comment)')), [5]);
    assert.deepEqual(await found(folders, inbox, header('cc', 'a "b"')), [5]);
    assert.deepEqual(await found(folders, inbox, header('from', 'kdavis@this-net')), [6]);
    assert.deepEqual(await found(folders, inbox, header('subject', 'behind')), [7]);
    assert.deepEqual(await found(folders, inbox, { kind: 'text', text: 'no field' }), [7]);
    assert.deepEqual(await found(folders, inbox, { kind: 'sent', is: 'on', day: 2430 }), [6]);
    const [, sixth] = await folders.sortFacts(inbox, [5, 6]);
    assert.equal(sixth?.sent, Date.UTC(1976, 7, 27, 16, 32));
  });

  it('RFC 5256 §2, §3: what is sorted by', async () => {
    const { test, folders, inbox } = await filled(open);
    await using _ = test;
    const [one, two, three] = await folders.sortFacts(inbox);
    assert.equal(one?.sent, Date.parse('2024-02-06T07:30:00Z'));
    assert.deepEqual([one?.isReply, two?.isReply], [true, false]);
    assert.deepEqual(
      [one?.from, two?.from, three?.from].map((name) => name?.toLowerCase()),
      [...['joerg', 'eve', '']],
    );
    assert.deepEqual(two?.references, ['one@example.net']);
    assert.deepEqual([one?.messageId, three?.messageId], ['one@example.net', '']);
    assert.equal(three?.sent, 5000, 'the internal date where there is no other');
    assert.deepEqual(
      (await folders.sortFacts(inbox, [4, 2, 99])).map(({ uid }) => uid),
      [2, 4],
    );
    assert.deepEqual(await folders.sortFacts(99_999), []);
  });
}
