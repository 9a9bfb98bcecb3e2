// Postrider and Postfix hand mail to each other, over sockets, as two hosts do.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { freePorts } from '../ports.ts';
import { eventually, mailbox, show, startProcess } from '../process.ts';
import { run, startPostfix, withoutPostfix } from './peers.ts';

const skip = withoutPostfix();

/** Everything after the header fields that the hosts on the way put in front. */
const fromSubject = (raw: string) => raw.slice(raw.search(/^Subject:/m));

const message = [
  'Subject: interop',
  'From: Ann <ann@sender.test>',
  'To: bob@postrider.test',
  'Message-ID: <interop-1@sender.test>',
  'Date: Mon, 23 Nov 2026 12:00:00 +0000',
  '',
  '.a line that begins with a dot',
  '..and one with two',
  '.',
  'x'.repeat(998),
  'last line',
  '',
].join('\r\n');

describe('interop: Postfix', { skip }, () => {
  it('Postfix relays to us over TLS, byte for byte, and to several recipients at once', async () => {
    const [port, postfixPort] = (await freePorts(2)) as [number, number];
    await using server = await startProcess({
      hostname: 'mx.postrider.test',
      domains: ['postrider.test'],
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      tls: 'self-signed',
    });
    for (const name of ['bob', 'eve'])
      await server.commandWithInput(
        'pw-of-the-test\n',
        'account',
        'add',
        `${name}@postrider.test`,
        '--password-stdin',
      );
    await using postfix = await startPostfix({
      port: postfixPort,
      domain: 'postfix.test',
      relayTo: port,
      settings: { smtp_tls_security_level: 'encrypt' },
    });
    const sendmail = run('sendmail', [
      '-C',
      postfix.configDirectory,
      '-f',
      'ann@sender.test',
      'bob@postrider.test',
      'eve@postrider.test',
    ]);
    sendmail.child.stdin?.end(message.replaceAll('\r\n', '\n').replace('\n.\n', '\n. \n'));
    await sendmail;
    for (const address of ['bob@postrider.test', 'eve@postrider.test']) {
      const [found] = await eventually(async () => {
        const list = await mailbox(server, address);
        return list.length > 0 ? list : undefined;
      }, `mail for ${address}\n${postfix.log()}`);
      const raw = await show(server, address, found!.id);
      assert.equal(fromSubject(raw), message.replace('\r\n.\r\n', '\r\n. \r\n'));
      assert.match(raw, /with ESMTPS/);
    }
  });

  it('we relay to Postfix: pipelined, with 8-bit and internationalised mail', async () => {
    const [port, postfixPort] = (await freePorts(2)) as [number, number];
    await using server = await startProcess({
      hostname: 'mx.postrider.test',
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      trustedNetworks: ['127.0.0.1/32'],
      routes: [{ domain: '*', host: '127.0.0.1', port: postfixPort, tls: 'none' }],
    });
    await using postfix = await startPostfix({ port: postfixPort, domain: 'postfix.test' });
    const bodies = [message, message.replace('last line', 'größte Zeile')];
    for (const text of bodies) {
      await server.commandWithInput(
        text,
        'send',
        '--server',
        `127.0.0.1:${port}`,
        '--tls',
        'none',
        '--from',
        'ann@sender.test',
        '--to',
        'bob@postfix.test',
        '--to',
        'eve@postfix.test',
      );
    }
    await server.commandWithInput(
      message.replace('Subject: interop', 'Subject: interop ÿ'),
      'send',
      '--server',
      `127.0.0.1:${port}`,
      '--tls',
      'none',
      '--from',
      'änn@sender.test',
      '--to',
      'böb@postfix.test',
    );
    const newMail = join(postfix.maildirs, 'box/new');
    const files = await eventually(() => {
      try {
        const names = readdirSync(newMail);
        return names.length >= 5 ? names : undefined;
      } catch {
        return undefined;
      }
    }, `five messages at Postfix`);
    const texts = files.map((name) => readFileSync(join(newMail, name), 'utf8'));
    const has = (part: string) => texts.filter((text) => text.includes(part)).length;
    assert.equal(has('größte Zeile'), 2);
    assert.equal(has('last line'), 3);
    assert.equal(has('X-Original-To: böb@postfix.test') + has('Delivered-To: böb@postfix.test'), 2);
    for (const text of texts) {
      assert.ok(text.includes('\n.a line that begins with a dot\n..and one with two\n.\n'));
      assert.ok(text.includes(`\n${'x'.repeat(998)}\n`));
    }
    const left = await server.command('queue', 'list', '--json');
    assert.equal(left.trim(), '');
  });

  it('a refusal by Postfix comes back to the sender as a bounce in its words', async () => {
    const [port, postfixPort] = (await freePorts(2)) as [number, number];
    await using server = await startProcess({
      hostname: 'mx.postrider.test',
      domains: ['postrider.test'],
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      trustedNetworks: ['127.0.0.1/32'],
      routes: [{ domain: '*', host: '127.0.0.1', port: postfixPort, tls: 'none' }],
    });
    await server.commandWithInput(
      'pw-of-the-test\n',
      'account',
      'add',
      'ann@postrider.test',
      '--password-stdin',
    );
    await using _postfix = await startPostfix({
      port: postfixPort,
      domain: 'postfix.test',
      settings: {
        smtpd_recipient_restrictions: 'check_recipient_access static:{550 5.1.1 gone fishing}',
      },
    });
    await server.commandWithInput(
      message,
      'send',
      '--server',
      `127.0.0.1:${port}`,
      '--tls',
      'none',
      '--from',
      'ann@postrider.test',
      '--to',
      'nobody@postfix.test',
    );
    const [bounce] = await eventually(async () => {
      const list = await mailbox(server, 'ann@postrider.test');
      return list.length > 0 ? list : undefined;
    }, 'the bounce');
    const raw = await show(server, 'ann@postrider.test', bounce!.id);
    assert.match(raw, /^Content-Type: multipart\/report; report-type=delivery-status/m);
    assert.match(raw, /gone fishing/);
    assert.match(raw, /^Final-Recipient: rfc822; ?nobody@postfix\.test/m);
    assert.match(raw, /^Action: failed/m);
    assert.match(raw, /^Status: 5\.1\.1/m);
    assert.match(raw, /^Return-Path: <>/m);
  });
});
