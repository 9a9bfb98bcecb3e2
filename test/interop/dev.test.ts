// `postrider dev` with what developers' programs send mail by, each with its defaults: no option
// about TLS, addresses without a domain where scripts have them, a user and a password or none.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ImapFlow } from 'imapflow';
import nodemailer from 'nodemailer';
import { eventually } from '../process.ts';
import { run, without } from './peers.ts';

/** Where Debian puts it. */
const phpMailer = '/usr/share/php/libphp-phpmailer/src';
const command = join(import.meta.dirname, '../../bin/postrider');
const home = mkdtempSync(join(tmpdir(), 'postrider-dev-'));
const ports = new Map<string, string>();
let server: ChildProcess;

before(async () => {
  writeFileSync(join(home, 'inboxes.json'), '{ "shop": "its secret" }');
  const options = ['--free-ports', '--data', join(home, 'data'), '--inboxes', 'inboxes.json'];
  server = spawn(command, ['dev', ...options], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  server.stdout!.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  await eventually(() => (/^ready$/m.test(out) ? true : undefined), '`dev` to be ready');
  for (const [, port, service] of out.matchAll(/127\.0\.0\.1:(\d+) +(\w+), in the clear/g))
    ports.set(service!, port!);
});

after(() => {
  server.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

const smtp = (): string => ports.get('SMTP')!;

/** Runs a program with this on its standard input. */
async function feed(input: string, program: string, ...args: readonly string[]): Promise<void> {
  const running = run(program, [...args], { cwd: home });
  running.child.stdin!.end(input);
  await running;
}

/** The subject is the address of the recipient. */
async function arrived(recipient: string): Promise<void> {
  await eventually(async () => {
    const list = ['mail', 'list', recipient, '--json', '--data', join(home, 'data')];
    const { stdout } = await run(command, list, { cwd: home });
    return stdout.includes(`"subject":"${recipient}"`) ? true : undefined;
  }, `mail for ${recipient}`);
}

const text = (recipient: string): string => `Subject: ${recipient}\r\n\r\nIt works.\r\n`;

describe('interop: dev, with every program’s defaults', () => {
  it('nodemailer, with and without a login', async () => {
    for (const auth of [undefined, { user: 'anybody', pass: 'anything' }]) {
      const to = `nodemailer${auth === undefined ? '' : '-login'}@example.org`;
      const transport = nodemailer.createTransport({
        host: 'localhost',
        port: Number(smtp()),
        auth,
      });
      await transport.sendMail({ from: 'a@example.net', to, subject: to, text: 'It works.' });
      await arrived(to);
    }
  });

  it('imapflow reads what came for a name without a domain', async () => {
    const client = new ImapFlow({
      ...{ host: 'localhost', port: Number(ports.get('IMAP')), secure: false, logger: false },
      auth: { user: 'ann', pass: 'anything' },
    });
    await client.connect();
    assert.equal((await client.mailboxOpen('INBOX')).path, 'INBOX');
    await client.logout();
  });

  it('an inbox’s own login: sent by curl, read by imaplib, poplib and curl, and by no other password', {
    skip: without('curl', 'python3'),
  }, async () => {
    const letter = [
      '--mail-from',
      'root',
      '--mail-rcpt',
      'anybody@example.org',
      '--upload-file',
      '-',
    ];
    const login = ['--user', 'shop:its secret'];
    await feed(
      'Subject: own\n\nOf the shop.\n',
      'curl',
      `smtp://localhost:${smtp()}`,
      ...letter,
      ...login,
    );
    const script = `
import imaplib, poplib, time
with imaplib.IMAP4('localhost', ${ports.get('IMAP')}) as m:
  m.login('shop', 'its secret')
  while int(m.select('INBOX')[1][0]) < 1: time.sleep(0.05)
  print(m.search(None, 'SUBJECT', 'own'), b'Of the shop.' in m.fetch('1', '(BODY.PEEK[TEXT])')[1][0][1])
for name, login in [('imap', lambda: imaplib.IMAP4('localhost', ${ports.get('IMAP')}).login('shop', 'wrong')),
  ('pop3', lambda: (lambda p: (p.user('shop'), p.pass_('wrong')))(poplib.POP3('localhost', ${ports.get('POP3')})))]:
  try: login(); print(name, 'let in')
  except (imaplib.IMAP4.error, poplib.error_proto) as e: print(name, 'refused')
p = poplib.POP3('localhost', ${ports.get('POP3')})
p.user('shop'); p.pass_('its secret'); print(p.stat()[0], b'Of the shop.' in p.retr(1)[1]); p.quit()`;
    const { stdout } = await run('python3', ['-c', script]);
    const lines = ["('OK', [b'1']) True", 'imap refused', 'pop3 refused', '1 True', ''];
    assert.deepEqual(stdout.split('\n'), lines);
    const read = await run('curl', [
      '-s',
      ...login,
      `imap://localhost:${ports.get('IMAP')}/INBOX;MAILINDEX=1`,
    ]);
    assert.match(read.stdout, /Of the shop\./);
    const popped = await run('curl', ['-s', ...login, `pop3://localhost:${ports.get('POP3')}/1`]);
    assert.match(popped.stdout, /Of the shop\./);
  });

  it('swaks', { skip: without('swaks') }, async () => {
    const where = ['--server', '127.0.0.1', '--port', smtp()];
    const letter = ['--from', 'a@example.net', '--to', 'swaks', '--h-Subject', 'swaks'];
    await run('swaks', [...where, ...letter, '--auth-user', 'x', '--auth-password', 'y', '--auth']);
    await arrived('swaks');
  });

  it('curl, with the lines of a file as they are', { skip: without('curl') }, async () => {
    const letter = ['--mail-from', 'root', '--mail-rcpt', 'curl', '--upload-file', '-'];
    const login = ['--user', 'anybody:anything'];
    await feed(
      'Subject: curl\n\nIt works.\n',
      'curl',
      `smtp://localhost:${smtp()}`,
      ...letter,
      ...login,
    );
    await arrived('curl');
  });

  it('Python’s smtplib, as Django’s mail to administrators', {
    skip: without('python3'),
  }, async () => {
    const script = `
import smtplib
from email.message import EmailMessage
m = EmailMessage()
m['From'], m['To'], m['Subject'] = 'root@localhost', 'smtplib', 'smtplib'
m.set_content('It works.')
with smtplib.SMTP('localhost', ${smtp()}) as s: s.send_message(m)`;
    await run('python3', ['-c', script]);
    await arrived('smtplib');
  });

  it('Ruby’s Net::SMTP, with and without a login', { skip: without('ruby') }, async () => {
    const script = `
require 'net/smtp'
[[], ['localhost', 'anybody', 'anything', :plain]].each_with_index do |login, i|
  Net::SMTP.start('localhost', ${smtp()}, *login) { |s| s.send_message("Subject: ruby#{i}\\r\\n\\r\\nx\\r\\n", 'root', "ruby#{i}") }
end`;
    await run('ruby', ['-e', script]);
    for (const i of [0, 1]) await arrived(`ruby${i}`);
  });

  it('PHPMailer', { skip: without('php', phpMailer.slice(1)) }, async () => {
    const script = `<?php
foreach (['Exception', 'PHPMailer', 'SMTP'] as $name) require "${phpMailer}/$name.php";
$m = new PHPMailer\\PHPMailer\\PHPMailer(true);
$m->isSMTP(); $m->Host = 'localhost'; $m->Port = ${smtp()};
$m->setFrom('a@example.net'); $m->addAddress('php@example.org'); $m->Subject = 'php@example.org'; $m->Body = 'It works.';
$m->send();`;
    writeFileSync(join(home, 'send.php'), script);
    await run('php', [join(home, 'send.php')]);
    await arrived('php@example.org');
  });

  it('Perl’s Net::SMTP', { skip: without('perl') }, async () => {
    const script = `use Net::SMTP; my $s = Net::SMTP->new('localhost', Port => ${smtp()}) or die 'no greeting';
$s->mail('root') && $s->to('perl') && $s->data("Subject: perl\\n\\nIt works.\\n") or die $s->message;`;
    await run('perl', ['-e', script]);
    await arrived('perl');
  });

  it('msmtp', { skip: without('msmtp') }, async () => {
    await feed(
      text('msmtp'),
      'msmtp',
      '--host=localhost',
      `--port=${smtp()}`,
      '--from=root',
      'msmtp',
    );
    await arrived('msmtp');
  });

  it('s-nail', { skip: without('s-nail') }, async () => {
    const to = 's-nail@example.org';
    const options = [
      'v15-compat',
      `mta=smtp://localhost:${smtp()}`,
      'smtp-auth=none',
      'from=a@b.org',
    ];
    await feed('It works.\n', 's-nail', '-s', to, ...options.flatMap((o) => ['-S', o]), to);
    await arrived(to);
  });

  // Mutt insists on TLS unless it is told not to, so that is said; as for any other mail catcher.
  it('mutt, told that TLS is not needed', { skip: without('mutt') }, async () => {
    const to = 'mutt@example.org';
    const set = [
      `smtp_url=smtp://localhost:${smtp()}`,
      'from=a@b.org',
      'copy=no',
      'ssl_force_tls=no',
    ];
    await feed(
      'It works.\n',
      'mutt',
      '-n',
      ...set.flatMap((s) => ['-e', `set ${s}`]),
      '-s',
      to,
      to,
    );
    await arrived(to);
  });
});
