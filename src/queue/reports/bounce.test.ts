import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { headerValue, parseHeader } from '../../mail/header/header.ts';
import { reply } from '../../smtp/reply.ts';
import { ContentError } from '../../store/content.ts';
import type { NewMessage, NewRecipient, QueuedMessage } from '../../store/queue-store.ts';
import type { Report, ReportedRecipient } from './bounce.ts';
import { deliveryReports } from './bounce.ts';

const clock = new FakeClock();
let ids = 0;
const parts = {
  hostname: 'mx.example.org',
  clock,
  ids: () => {
    ids += 1;
    return `id${ids}`;
  },
  resolve: (address: string): NewRecipient[] => [
    { address, params: [], delivery: 'relay', destination: 'mx:x' },
  ],
};

const origin = { session: 's', service: 'smtp', protocol: 'ESMTP' };
function message(content: string | Buffer, more: Partial<QueuedMessage> = {}): QueuedMessage {
  const bytes = Buffer.from(content);
  return {
    id: '0original00',
    received: clock.now(),
    sender: 'ann@example.org',
    params: [],
    prefix: 'Received: by mx.example.org\r\n',
    content: {
      size: bytes.length,
      bytes,
      read: async function* () {
        yield bytes;
      },
    },
    origin,
    messageId: '<1@example.org>',
    ...more,
  };
}
const hello = 'Subject: Hello\r\nMessage-ID: <1@example.org>\r\n\r\nHow are you?\r\n';

const bob = (more: Partial<NewRecipient> = {}): ReportedRecipient => ({
  recipient: {
    ...{ address: 'bob@example.net', params: [] },
    ...{ delivery: 'relay', destination: 'mx:example.net', ...more },
  },
  reply: reply(550, '1.1', 'No such user', 'Ask our postmaster'),
  remote: true,
  facts: { host: 'mx.example.net', address: '192.0.2.1', port: 25 },
});
const failed = (...recipients: ReportedRecipient[]): Report => ({
  action: 'failed',
  recipients: recipients.length === 0 ? [bob()] : recipients,
});

async function one(of: QueuedMessage, report: Report): Promise<NewMessage & { text: string }> {
  const reports = await deliveryReports(of, report, parts);
  assert.equal(reports.length, 1);
  const { content } = reports[0]!;
  assert.ok(content.kind === 'inline');
  return { ...reports[0]!, text: Buffer.from(content.bytes).toString() };
}

/** The parts of a report as [header, body], checked to be well-formed MIME. */
function partsOf(text: string): (readonly [string, string])[] {
  const type = headerValue(parseHeader(Buffer.from(text)), 'content-type')!;
  const boundary = /^multipart\/report; report-type=delivery-status;\s+boundary="([^"]+)"$/.exec(
    type,
  );
  assert.ok(boundary, type);
  const pieces = text.split(`--${boundary[1]}`);
  assert.equal(pieces.length, 5);
  assert.equal(pieces[4], '--\r\n');
  return pieces.slice(1, 4).map((piece) => {
    const at = piece.indexOf('\r\n\r\n');
    return [piece.slice(2, at + 2), piece.slice(at + 4)] as const;
  });
}

describe('delivery status notifications', () => {
  it('RFC 3461 §6.1: go from the null reverse-path to the sender, and ask for nothing', async () => {
    const { sender, recipients, params, origin: from } = await one(message(hello), failed());
    assert.equal(sender, '');
    assert.deepEqual(recipients, [
      {
        address: 'ann@example.org',
        params: ['NOTIFY=NEVER'],
        delivery: 'relay',
        destination: 'mx:x',
      },
    ]);
    assert.deepEqual(params, []);
    assert.equal(from.protocol, 'local');
  });

  it('RFC 6522 §3: are multipart/report with text, status and the message', async () => {
    const { text, id } = await one(message(hello), failed());
    const fields = parseHeader(Buffer.from(text));
    assert.deepEqual(
      ['from', 'to', 'subject', 'message-id', 'in-reply-to', 'auto-submitted', 'mime-version'].map(
        (name) => headerValue(fields, name),
      ),
      [
        'Mail Delivery System <mailer-daemon@mx.example.org>',
        '<ann@example.org>',
        'Your mail could not be delivered',
        `<${id}@mx.example.org>`,
        '<1@example.org>',
        'auto-replied', // RFC 3834 §5
        '1.0',
      ],
    );
    const [human, status, returned] = partsOf(text);
    assert.match(human![0], /text\/plain/);
    assert.match(human![1], /<bob@example\.net>/);
    assert.match(
      human![1],
      /mx\.example\.net \[192\.0\.2\.1\] says:\r\n {4}550 5\.1\.1 No such user/,
    );
    assert.match(human![1], /Its subject was: Hello/);
    assert.match(status![0], /message\/delivery-status/);
    assert.match(
      status![1],
      /^Diagnostic-Code: smtp; 550 5\.1\.1 No such user Ask our postmaster\r$/m,
    );
    assert.match(status![1], /^Remote-MTA: dns; mx\.example\.net\r$/m);
    assert.match(returned![0], /message\/rfc822/);
    assert.equal(returned![1], `Received: by mx.example.org\r\n${hello}\r\n`);
  });

  it('RFC 5321 §4.5.5, RFC 3834 §2: are never sent about mail from the null reverse-path', async () =>
    assert.deepEqual(await deliveryReports(message(hello, { sender: '' }), failed(), parts), []));

  it('tell of a message whose content is gone what is left of it: its trace fields', async () => {
    const read = () => {
      throw new ContentError('missing', '/var/spool/x is missing');
    };
    const content = { size: 200_000, bytes: undefined, read };
    const { text } = await one(message('', { content }), failed());
    assert.match(text, /text\/rfc822-headers.*Received: by mx\.example\.org/s);
    assert.doesNotMatch(text, /spool/);
  });

  it('RFC 3461 §5.2.8: leave out recipients for whom none was asked', async () => {
    const never = bob({ address: 'eve@example.net', params: ['NOTIFY=NEVER'] });
    const { text } = await one(message(hello), failed(bob(), never));
    assert.doesNotMatch(text, /eve@/);
    assert.deepEqual(await deliveryReports(message(hello), failed(never), parts), []);
  });

  it('are not made for a sender whose mailbox is ours and gone', async () => {
    const gone = { ...parts, resolve: () => [] };
    assert.deepEqual(await deliveryReports(message(hello), failed(), gone), []);
  });

  const returns: readonly [string, QueuedMessage, Report, RegExp][] = [
    ['RET=HDRS', message(hello, { params: ['RET=HDRS'] }), failed(), /text\/rfc822-headers/],
    ['RET=FULL', message(hello, { params: ['RET=FULL'] }), failed(), /message\/rfc822/],
    [
      'a delay',
      message(hello, { params: ['RET=FULL'] }),
      { ...failed(), action: 'delayed' },
      /rfc822-headers/,
    ],
    [
      'REQUIRETLS, whatever RET says',
      message(hello, { params: ['RET=FULL', 'REQUIRETLS'] }),
      failed(),
      /rfc822-headers/,
    ],
    ['60 KiB', message(`${hello}${'x\r\n'.repeat(20_000)}`), failed(), /rfc822-headers/],
    [
      '60 KiB and RET=FULL',
      message(`${hello}${'x\r\n'.repeat(20_000)}`, { params: ['RET=FULL'] }),
      failed(),
      /message\/rfc822/,
    ],
    [
      'a megabyte and RET=FULL',
      message(`${hello}${'x\r\n'.repeat(300_000)}`, { params: ['RET=FULL'] }),
      failed(),
      /rfc822-headers/,
    ],
    ['binary content', message(`${hello}\0`), failed(), /rfc822-headers/],
    ['bare newlines', message(`${hello}\n.\n`), failed(), /rfc822-headers/],
    ['a line of 2000', message(hello + 'x'.repeat(2000)), failed(), /rfc822-headers/],
    ['SMTPUTF8', message(hello, { params: ['SMTPUTF8'] }), failed(), /message\/global\r/],
    [
      'SMTPUTF8 and RET=HDRS',
      message(hello, { params: ['SMTPUTF8', 'RET=HDRS'] }),
      failed(),
      /message\/global-headers\r/,
    ],
  ];
  for (const [what, of, report, type] of returns)
    it(`RFC 3461 §6.2: return the message or its header for ${what}`, async () => {
      const { text, content } = await one(of, report);
      assert.match(partsOf(text)[2]![0], type);
      assert.ok(content.kind === 'inline' && content.bytes.length < 128 * 1024);
      assert.ok(text.split('\r\n').every((line) => line.length <= 998));
      assert.doesNotMatch(text.replaceAll('\r\n', ''), /[\r\n\0]/);
    });

  it('RFC 8689 §5: require TLS as the message did', async () => {
    const paramsOf = async (params: readonly string[]) =>
      (await one(message(hello, { params }), failed())).params;
    assert.deepEqual(await paramsOf(['REQUIRETLS']), ['REQUIRETLS']);
    assert.deepEqual(await paramsOf([]), []);
  });

  it('RFC 6152 §3: declare eight bits where they hold some, and seven where not', async () => {
    const { params, text } = await one(message('Subject: x\r\n\r\nGrüße\r\n'), failed());
    assert.deepEqual(params, ['BODY=8BITMIME']);
    assert.match(partsOf(text)[2]![0], /Content-Transfer-Encoding: 8bit/);
    assert.doesNotMatch(partsOf(text)[1]![0], /8bit/);
  });

  it('RFC 6533 §4: are internationalised for internationalised mail', async () => {
    const of = message('Subject: Grüße\r\n\r\nx\r\n', {
      sender: 'jörg@bücher.example',
      params: ['SMTPUTF8'],
    });
    const { text, params } = await one(of, failed(bob({ address: 'δοκιμή@παράδειγμα.δοκιμή' })));
    assert.deepEqual(params, ['BODY=8BITMIME', 'SMTPUTF8']);
    const [human, status, returned] = partsOf(text);
    assert.match(human![1], /Its subject was: Grüße/);
    assert.match(status![0], /message\/global-delivery-status/);
    assert.match(status![1], /^Final-Recipient: utf-8; δοκιμή@παράδειγμα\.δοκιμή\r$/m);
    assert.match(returned![0], /message\/global\r/);
    assert.match(text, /^To: <jörg@bücher\.example>\r$/m);
  });

  it('RFC 3464 §2.3.2: name a recipient as it was before our alias', async () => {
    const { text } = await one(message(hello), failed(bob({ original: 'sales@example.org' })));
    assert.match(text, /^Final-Recipient: rfc822; sales@example\.org\r$/m);
  });

  it('say what gave up and that it had waited', async () => {
    const late = { ...bob(), reply: reply(451, '4.1', 'No answer'), remote: false };
    const { text } = await one(message(hello), failed({ ...late, expired: true, status: '4.4.7' }));
    const [human, status] = partsOf(text);
    assert.match(status![1], /^Status: 4\.4\.7\r$/m);
    assert.match(status![1], /^Diagnostic-Code: x-postrider; 451 4\.4\.1 No answer\r$/m);
    assert.doesNotMatch(status![1], /Remote-MTA/);
    assert.match(human![1], /tried for as long as this system tries/);
  });

  it('RFC 3464 §2.3.9: say how long a delayed message will be tried', async () => {
    const { text } = await one(message(hello), { ...failed(), action: 'delayed', retryUntil: 0 });
    assert.match(text, /^Will-Retry-Until: Thu, 1 Jan 1970 00:00:00 \+0000\r$/m);
    assert.match(text, /^Action: delayed\r$/m);
  });

  it('RFC 2046 §5.1.1: use a boundary that nothing in them holds', async () => {
    ids = 1000;
    const { text } = await one(message(`${hello}\r\n--=_id1001_0\r\n--=_id1001_1--\r\n`), failed());
    assert.match(text, /boundary="=_id1001_2"/);
  });

  it('stay small for thousands of recipients', async () => {
    const many = Array.from({ length: 1050 }, (_, i) => bob({ address: `r${i}@example.net` }));
    const reports = await deliveryReports(message(hello), failed(...many), parts);
    assert.equal(reports.length, 11);
    const texts = reports.map(({ content }) => {
      assert.ok(content.kind === 'inline' && content.bytes.length < 128 * 1024);
      return Buffer.from(content.bytes).toString();
    });
    const named = texts.join('').match(/^Final-Recipient: /gm);
    assert.equal(named?.length, 1050);
  });

  it('let no words of a remote server leave their place', async () => {
    const evil = reply(550, '1.1', 'x --=_id Subject: y');
    const { text } = await one(
      message(hello),
      failed({ ...bob(), reply: { ...evil, lines: ['a\r\nb\0 ü'] } }),
    );
    assert.match(text, /^Diagnostic-Code: smtp; 550 5\.1\.1 a\?\?b\? \?\r$/m);
    assert.doesNotMatch(text.replaceAll('\r\n', ''), /[\r\n\0]/);
  });
});

describe('where it went, in a notification', () => {
  const at = (facts: ReportedRecipient['facts']) => failed({ ...bob(), facts });
  for (const [what, facts, words, remoteMta] of [
    [
      'a name and an address',
      { host: 'mx.example.net', address: '192.0.2.1', port: 25 },
      'The mail server mx.example.net [192.0.2.1] says:',
      'dns; mx.example.net',
    ],
    [
      'an address alone, as a literal (RFC 5321 §4.1.3)',
      { host: '192.0.2.1', address: '192.0.2.1', port: 25 },
      'The mail server [192.0.2.1] says:',
      'dns; [192.0.2.1]',
    ],
    [
      'an IPv6 address alone',
      { host: '2001:db8::1', address: '2001:db8::1', port: 25 },
      'The mail server [IPv6:2001:db8::1] says:',
      'dns; [IPv6:2001:db8::1]',
    ],
    [
      'a socket of ours, which is nobody else’s business',
      { host: '/run/dovecot/lmtp' },
      'The mail server of the recipient says:',
      undefined,
    ],
  ] as const)
    it(`RFC 3464 §2.3.5: ${what}`, async () => {
      const { text } = await one(message(hello), at(facts));
      assert.ok(text.includes(words), text);
      assert.equal(/^Remote-MTA: (.*)\r$/m.exec(text)?.[1], remoteMta);
      assert.doesNotMatch(text, /\/run|:25\b/);
    });
});
