// Mailpit's API v1, asked by the client that suites written against Mailpit use, and by hand where it does not go.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { MailpitMessageSummaryResponse } from 'mailpit-api';
import { MailpitClient } from 'mailpit-api';
import type { Catcher } from './catcher.ts';
import { startCatcher } from './catcher.ts';

const letter = (subject: string, more = '') =>
  `From: "Shop" <shop@example.com>\nTo: Ann <ann@example.org>\nCc: bob@example.org\nSubject: ${subject}\n` +
  `Message-ID: <${subject}@example.com>\nDate: Mon, 5 Feb 2024 08:00:00 +0000\n${more}`;

const withParts = letter(
  'parts',
  `X-Tags: Order, two words
List-Unsubscribe: <https://example.com/u>, <mailto:u@example.com>
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p>Hello <img src="cid:logo@x"></p><script>alert(1)</script>
--r
Content-Type: image/png; name=logo.png
Content-ID: <logo@x>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--r--
--m
Content-Type: text/csv; name="list.csv"
Content-Disposition: attachment

a,b
--m--
`,
);

describe('Mailpit’s API', () => {
  let catcher: Catcher;
  let mailpit: MailpitClient;
  before(async () => {
    catcher = await startCatcher();
    mailpit = new MailpitClient(catcher.url);
  });
  after(() => catcher[Symbol.asyncDispose]());
  beforeEach(async () => {
    await mailpit.deleteMessages();
  });
  const get = (path: string, init?: RequestInit) => fetch(`${catcher.url}${path}`, init);
  const arrived = async (query: string) =>
    (await get(`/api/v1/wait?query=${query}`)).json() as Promise<MailpitMessageSummaryResponse>;

  it('lists a message once, whoever got it', async () => {
    await catcher.send(letter('one', '\nHello\n'), [
      'ann@example.org',
      'bob@example.org',
      'x@example.net',
    ]);
    await mailpit.waitForMessage({ query: 'subject:one' });
    const list = await mailpit.listMessages();
    const [message] = list.messages;
    assert.deepEqual(
      [list.total, list.unread, list.messages_count, list.messages.length, message?.Snippet],
      [1, 0, 1, 1, 'Hello'],
    );
    assert.deepEqual(
      [message?.From, message?.To, message?.Cc, message?.Bcc],
      [
        { Name: 'Shop', Address: 'shop@example.com' },
        [{ Name: 'Ann', Address: 'ann@example.org' }],
        [{ Name: '', Address: 'bob@example.org' }],
        [{ Name: '', Address: 'x@example.net' }],
      ],
    );
    await mailpit.setReadStatus({ IDs: [message!.ID], Read: false });
    assert.equal((await mailpit.listMessages()).unread, 1);
    await mailpit.setReadStatus({ Search: 'subject:one', Read: true });
    assert.equal((await mailpit.searchMessages({ query: 'is:unread' })).messages_count, 0);
  });

  it('takes a message apart, and shows its HTML where it can do nothing', async () => {
    await catcher.send(withParts, ['ann@example.org']);
    const { ID } = await arrived('subject:parts');
    const message = await mailpit.getMessageSummary(ID);
    assert.deepEqual(
      [message.MessageID, message.Date, message.ReturnPath, message.Tags],
      ['parts@example.com', '2024-02-05T08:00:00.000Z', 'app@example.com', ['Order', 'two words']],
    );
    assert.deepEqual(
      [...message.Inline, ...message.Attachments].map((part) => [
        ...[part.PartID, part.FileName, part.ContentType, part.ContentID, part.Size],
      ]),
      [
        ['1.2', 'logo.png', 'image/png', 'logo@x', 8],
        ['2', 'list.csv', 'text/csv', '', 3],
      ],
    );
    assert.equal(message.Attachments[0]?.Checksums.MD5, 'b345e1dc09f20fdefdea469f09167892');
    assert.deepEqual(message.ListUnsubscribe.Links, [
      'https://example.com/u',
      'mailto:u@example.com',
    ]);
    assert.deepEqual((await mailpit.getMessageHeaders()).Subject, ['parts']);
    assert.match(await mailpit.getMessageSource(), /^Return-Path: <app@example.com>/);
    assert.equal(
      Buffer.from(await (await mailpit.getMessageAttachment(ID, '2')).arrayBuffer()).toString(),
      'a,b',
    );
    assert.match(
      await mailpit.renderMessageHTML(),
      /<img src="data:image\/png;base64,iVBORw0KGgo=">/,
    );
    assert.equal((await mailpit.renderMessageText()).trim(), 'Hello');
    for (const path of [`/view/${ID}.html`, `/api/v1/message/${ID}/part/2`]) {
      const policy = (await get(path)).headers.get('content-security-policy') ?? '';
      assert.match(policy, /^sandbox/, path);
      assert.doesNotMatch(policy, /allow-scripts|allow-same-origin/, path);
    }
    await assert.rejects(mailpit.getMessageSummary('mzzzz'), /404/);
  });

  it('sends, tags, and deletes by search', async () => {
    const { ID } = await mailpit.sendMessage({
      From: { Email: 'from@example.com', Name: 'Frøm' },
      To: [{ Email: 'ann@example.org', Name: 'Ann' }],
      Bcc: ['secret@example.org'],
      Subject: 'Grüße',
      Text: 'plain',
      HTML: '<b>rich</b>',
      Tags: ['First tag'],
      Headers: { 'X-Custom': 'yes' },
      Attachments: [
        { Content: 'data:text/plain;base64,aGk=', Filename: 'ä.txt', ContentType: 'text/plain' },
      ],
    });
    const message = await mailpit.getMessageSummary(ID);
    assert.deepEqual(
      [message.Subject, message.From.Name, message.Text.trim(), message.HTML.trim()],
      ['Grüße', 'Frøm', 'plain', '<b>rich</b>'],
    );
    assert.deepEqual(
      [message.Tags, message.Bcc[0]?.Address],
      [['First tag'], 'secret@example.org'],
    );
    assert.deepEqual(
      [message.Attachments[0]?.FileName, message.Attachments[0]?.Size],
      ['ä.txt', 2],
    );
    await mailpit.setTags({ IDs: [ID], Tags: ['First tag', 'Other'] });
    await mailpit.renameTag('First tag', 'Renamed');
    await mailpit.deleteTag('Other');
    assert.deepEqual(await mailpit.getTags(), ['Renamed']);
    assert.equal((await mailpit.searchMessages({ query: 'tag:Renamed' })).messages_count, 1);
    await assert.rejects(
      mailpit.sendMessage({ From: { Email: 'x' }, To: [{ Email: 'a@b.example' }] }),
      /400.*invalid From/,
    );
    await mailpit.deleteMessagesBySearch({ query: 'to:ann' });
    assert.equal((await mailpit.listMessages()).total, 0);
    assert.equal((await mailpit.getInfo()).Messages, 0);
  });

  it('shows a message by a path with two slashes, as cypress-mailpit asks for it', async () => {
    await catcher.send(withParts, ['ann@example.org']);
    const { ID } = await arrived('subject:parts');
    for (const file of [`${ID}.html`, `${ID}.txt`])
      assert.equal((await get(`//view/${file}`)).status, 200, file);
    // What mail names is not even looked up.
    const dns = (await get('/view/latest.html')).headers.get('x-dns-prefetch-control');
    assert.equal(dns, 'off');
  });

  it('waits for a message that is there already, or that comes', async () => {
    await catcher.send(letter('first', '\n'), ['ann@example.org']);
    const first = await arrived('subject:first');
    const next = get('/api/v1/wait?query=to:ann&after=now&timeout=20s');
    await catcher.send(letter('second', '\n'), ['ann@example.org']);
    const second = (await (await next).json()) as MailpitMessageSummaryResponse;
    assert.equal(second.Subject, 'second');
    const later = await get(`/api/v1/wait?after=${first.ID}&query=subject:first&timeout=1`);
    assert.equal(later.status, 404);
    assert.match(await later.text(), /no message has matched within 0.001 seconds/);
    assert.equal((await get('/api/v1/wait?timeout=2h')).status, 400);
  });

  it('is for no page of others', async () => {
    const from = (origin: string) => ({ method: 'DELETE', headers: { origin } });
    assert.equal((await get('/api/v1/messages', from('http://evil.example'))).status, 401);
    assert.equal((await get('/api/v1/messages', from(catcher.url))).status, 200);
    const { headers } = await get('/api/v1/messages');
    assert.equal(headers.get('access-control-allow-origin'), null);
  });
});
