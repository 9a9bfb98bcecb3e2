// The examples run as they stand, each as its own program, and do what their first lines say.
// examples/*.test.ts are tests themselves.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sendMail } from '../src/index.ts';
import { eventually } from './process.ts';

const root = join(import.meta.dirname, '..');

interface Example extends AsyncDisposable {
  readonly child: ChildProcess;
  output(): string;
  /** What the pattern finds in its output, as soon as it is there. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

function startExample(name: string, ...args: string[]): Example {
  const child = spawn(process.execPath, [join(root, 'examples', name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const says = (pattern: RegExp) =>
    eventually(() => {
      const found = pattern.exec(output);
      if (found === null && child.exitCode) throw new Error(output);
      return found ?? undefined;
    }, `${name} to say ${pattern}; it said: ${output}`);
  return {
    child,
    output: () => output,
    says,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const listening = /listening on 127\.0\.0\.1:(\d+)/;
const portOf = async (example: Example) => Number((await example.says(listening))[1]);

describe('examples', () => {
  it('receive.ts takes what send.ts sends', async () => {
    await using receiver = startExample('receive.ts', '0');
    const port = await portOf(receiver);
    await using sender = startExample('send.ts', '127.0.0.1', `${port}`, 'me@example.net');
    await sender.says(/^sent$/m);
    await receiver.says(/^me@example\.net → ann@example\.org Hello$/m);
    await using refused = startExample('send.ts', '127.0.0.1', `${port}`, 'me@x.test', 'b@y.test');
    await refused.says(/550.*Not here/);
  });

  it('receive.ts is what the README shows', () => {
    const code = readFileSync(join(root, 'examples/receive.ts'), 'utf8');
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const shown = /```ts\n(import \{ reply[\s\S]*?)\}\)\.listen/.exec(readme)?.[1];
    assert.ok(shown !== undefined && code.includes(shown), 'the same lines in both');
  });

  it('submission.ts wants TLS, a login, and one’s own address', async () => {
    await using server = startExample('submission.ts', '0');
    const mail = {
      host: '127.0.0.1',
      port: await portOf(server),
      to: 'bob@example.net',
      message: 'Subject: Hello\r\n\r\nIt works.\r\n',
    };
    const auth = { user: 'ann@example.org', password: 'correct horse' };
    await sendMail({ ...mail, from: 'ann@example.org', tls: 'require', auth });
    await server.says(/from ann@example\.org, TLS_/);
    const asBob = { ...mail, from: 'bob@example.org', tls: 'require' as const, auth };
    await assert.rejects(sendMail(asBob), /553/);
    const guessed = { ...auth, password: 'wrong' };
    const guess = { ...mail, from: 'ann@example.org', tls: 'require' as const, auth: guessed };
    await assert.rejects(sendMail(guess), /535/);
    await assert.rejects(sendMail({ ...mail, from: 'ann@example.org', tls: 'none' }), /530/);
  });

  it('attachments.ts takes a message apart', async () => {
    await using server = startExample('attachments.ts', '0');
    await sendMail({
      ...{ host: '127.0.0.1', port: await portOf(server) },
      ...{ from: 'ann@example.org', to: 'bob@example.net' },
      message: [
        'From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.org>',
        'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
        'Content-Type: multipart/mixed; boundary=m',
        '',
        '--m',
        '',
        'Hello.',
        '--m',
        'Content-Type: image/png; name="=?utf-8?Q?k=C3=B6ln.png?="',
        'Content-Transfer-Encoding: base64',
        '',
        'iVBORw==',
        '--m--',
        '',
      ].join('\r\n'),
    });
    await server.says(
      /^Jörg <joerg@example\.org>: Grüße\nHello\.\n\+ köln\.png \(image\/png, 4 octets\)$/m,
    );
  });

  it('lmtp.ts stores a message and answers for each recipient', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'postrider-lmtp-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'mail.sock');
    await using server = startExample('lmtp.ts', path);
    await server.says(/listening on/);
    const replies = await converse(path, [
      'LHLO client.test\r\n',
      'MAIL FROM:<me@example.net>\r\n',
      'RCPT TO:<ann@example.org>\r\n',
      'RCPT TO:<eve@example.org>\r\n',
      'DATA\r\n',
      'Subject: Hello\r\n\r\nIt works.\r\n.\r\n',
      'QUIT\r\n',
    ]);
    assert.deepEqual(
      replies.map((line) => line.slice(0, 9)),
      ['220 local', '250 2.1.0', '250 2.1.5', '550 5.1.1', '354 End d', '250 2.6.0', '221 2.0.0'],
    );
    await server.says(/stored .* for ann@example\.org/);
    const [stored] = readdirSync(folder).filter((name) => name.endsWith('.eml'));
    assert.match(
      readFileSync(join(folder, stored!), 'latin1'),
      /\r\nSubject: Hello\r\n\r\nIt works/,
    );
  });
});

/** Last line of each reply but EHLO's; one command after the other. */
function converse(path: string, commands: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path).setEncoding('utf8');
    const replies: string[] = [];
    let text = '';
    let next = 0;
    socket.on('error', reject);
    socket.on('close', () => resolve(replies));
    socket.on('data', (chunk) => {
      text += chunk;
      const end = /^\d{3} .*\r\n/m.exec(text);
      if (end === null) return;
      if (next !== 1) replies.push(end[0].trimEnd());
      text = '';
      const command = commands[next++];
      if (command !== undefined) socket.write(command);
    });
  });
}
