// The programs that people send mail with: nodemailer, swaks, curl, Mutt. Each by the door it uses.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import nodemailer from 'nodemailer';
import { freePorts } from '../ports.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, mailbox, show, startProcess } from '../process.ts';
import { certificate } from './imap-server.ts';
import { run, without } from './peers.ts';

const password = 'correct horse battery staple';

interface Ports {
  readonly smtp: number;
  readonly submission: number;
  readonly implicit: number;
}

async function start(): Promise<{ server: RunningProcess; ports: Ports }> {
  const [smtp, submission, implicit] = (await freePorts(3)) as [number, number, number];
  const host = '127.0.0.1';
  const server = await startProcess({
    hostname: 'mx.postrider.test',
    domains: ['postrider.test'],
    listeners: [
      { service: 'smtp', host, port: smtp },
      { service: 'submission', host, port: submission },
      { service: 'submission', host, port: implicit, tls: 'implicit' },
    ],
    tls: 'self-signed',
    // As `postrider init` writes it.
    login: { channelBinding: false },
  });
  for (const name of ['ann', 'bob'])
    await server.commandWithInput(
      `${password}\n`,
      'account',
      'add',
      `${name}@postrider.test`,
      '--password-stdin',
    );
  return { server, ports: { smtp, submission, implicit } };
}

async function arrived(server: RunningProcess, subject: string): Promise<string> {
  const found = await eventually(async () => {
    const list = await mailbox(server, 'bob@postrider.test');
    return list.find((message) => message.subject === subject);
  }, `a message with the subject ${subject}\n${server.log()}`);
  return show(server, 'bob@postrider.test', found.id);
}

describe('interop: clients', async () => {
  it('nodemailer submits by STARTTLS and by TLS from the first byte, with attachments', async () => {
    const { server, ports } = await start();
    await using _ = server;
    for (const [port, secure] of [
      [ports.submission, false],
      [ports.implicit, true],
    ] as const) {
      const transport = nodemailer.createTransport({
        host: '127.0.0.1',
        port,
        secure,
        requireTLS: true,
        auth: { user: 'ann@postrider.test', pass: password },
        tls: { rejectUnauthorized: false },
      });
      await transport.verify();
      const subject = `nodemailer ${secure ? 'implicit' : 'starttls'} ü`;
      const info = await transport.sendMail({
        from: 'Ann <ann@postrider.test>',
        to: 'bob@postrider.test',
        subject,
        text: '.\r\n..\r\nümläut',
        attachments: [{ filename: 'blob.bin', content: Buffer.alloc(300_000, 7) }],
        dsn: {
          id: 'x1',
          return: 'headers',
          notify: ['success', 'failure'],
          recipient: 'ann@postrider.test',
        },
      });
      assert.match(info.response, /^250 2\.6\.0 /);
      const raw = await arrived(server, subject);
      assert.match(raw, /with ESMTPSA/);
      assert.match(raw, /blob\.bin/);
      transport.close();
    }
    // NOTIFY=SUCCESS: a report for each came back.
    await eventually(
      async () => ((await mailbox(server, 'ann@postrider.test')).length >= 2 ? true : undefined),
      'two reports',
    );
  });

  it('nodemailer is refused a wrong password, and a sender that is not its own', async () => {
    const { server, ports } = await start();
    await using _ = server;
    const transport = (pass: string) =>
      nodemailer.createTransport({
        host: '127.0.0.1',
        port: ports.submission,
        requireTLS: true,
        auth: { user: 'ann@postrider.test', pass },
        tls: { rejectUnauthorized: false },
      });
    const mail = { to: 'bob@postrider.test', subject: 'x', text: 'x' };
    await assert.rejects(
      transport('wrong').sendMail({ from: 'ann@postrider.test', ...mail }),
      /535/,
    );
    await assert.rejects(
      transport(password).sendMail({ from: 'bob@postrider.test', ...mail }),
      /553/,
    );
  });

  it('swaks: AUTH PLAIN and LOGIN under TLS, and plain delivery to port 25', {
    skip: without('swaks'),
  }, async () => {
    const { server, ports } = await start();
    await using _ = server;
    const common = [
      '--server',
      '127.0.0.1',
      '--from',
      'ann@postrider.test',
      '--to',
      'bob@postrider.test',
    ];
    for (const mechanism of ['PLAIN', 'LOGIN']) {
      await run('swaks', [
        ...common,
        '--port',
        String(ports.submission),
        '-tls',
        '--auth',
        mechanism,
        '--auth-user',
        'ann@postrider.test',
        '--auth-password',
        password,
        '--header',
        `Subject: swaks ${mechanism}`,
      ]);
      await arrived(server, `swaks ${mechanism}`);
    }
    await run('swaks', [
      ...common,
      '--port',
      String(ports.implicit),
      '-tlsc',
      '--auth',
      'PLAIN',
      '--auth-user',
      'ann@postrider.test',
      '--auth-password',
      password,
      '--header',
      'Subject: swaks tls',
    ]);
    await arrived(server, 'swaks tls');
    await run('swaks', [
      ...common,
      '--port',
      String(ports.smtp),
      '--pipeline',
      '--header',
      'Subject: swaks 25',
    ]);
    assert.match(await arrived(server, 'swaks 25'), /^Return-Path: <ann@postrider\.test>/);
    // Code 24 of swaks: no recipient was accepted.
    await assert.rejects(
      run('swaks', [
        '--server',
        '127.0.0.1',
        '--port',
        String(ports.smtp),
        '--from',
        'a@b.test',
        '--to',
        'nobody@postrider.test',
      ]),
      (error: { code: number; stdout: string }) =>
        error.code === 24 && /550 5\.1\.1/.test(error.stdout),
    );
    await assert.rejects(
      run('swaks', [
        '--server',
        '127.0.0.1',
        '--port',
        String(ports.smtp),
        '--from',
        'a@b.test',
        '--to',
        'x@elsewhere.test',
      ]),
      (error: { stdout: string }) => /550 5\.7\.1/.test(error.stdout),
    );
  });

  it('curl: smtp with STARTTLS and login, smtps', { skip: without('curl') }, async () => {
    const { server, ports } = await start();
    await using _ = server;
    for (const [url, subject] of [
      [`smtp://127.0.0.1:${ports.submission}`, 'curl starttls'],
      [`smtps://127.0.0.1:${ports.implicit}`, 'curl smtps'],
    ] as const) {
      const sending = run('curl', [
        '-sS',
        '--ssl-reqd',
        '-k',
        url,
        '--mail-from',
        'ann@postrider.test',
        '--mail-rcpt',
        'bob@postrider.test',
        '--user',
        `ann@postrider.test:${password}`,
        '--upload-file',
        '-',
      ]);
      sending.child.stdin?.end(
        `Subject: ${subject}\r\nFrom: ann@postrider.test\r\nTo: bob@postrider.test\r\n\r\nhello\r\n`,
      );
      await sending;
      const raw = await arrived(server, subject);
      // RFC 6409 §8: what was missing has been added.
      assert.match(raw, /^Message-ID: </im);
      assert.match(raw, /^Date: /im);
    }
  });

  // Built with GNU SASL it chooses the mechanism, and has no second try; NeoMutt likewise.
  it('mutt logs in with what it chooses itself', { skip: without('mutt') }, async () => {
    const { server, ports } = await start();
    await using _ = server;
    const rc = join(server.directory, 'muttrc');
    const trusted = join(server.directory, 'certificate.pem');
    writeFileSync(trusted, await certificate(ports.implicit));
    writeFileSync(
      rc,
      [
        `set smtp_url="smtps://ann@postrider.test@127.0.0.1:${ports.implicit}/"`,
        `set smtp_pass="${password}" from=ann@postrider.test copy=no`,
        `set certificate_file=${trusted} ssl_verify_host=no`,
      ].join('\n'),
    );
    const sending = run('mutt', ['-n', '-F', rc, '-s', 'mutt', 'bob@postrider.test']);
    sending.child.stdin?.end('hello\n');
    await sending;
    assert.match(await arrived(server, 'mutt'), /^From: .*ann@postrider\.test/im);
  });
});
