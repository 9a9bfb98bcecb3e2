import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const root = mkdtempSync(join(tmpdir(), 'postrider-cli-backup-'));
after(() => rmSync(root, { recursive: true }));
writeFileSync(
  join(root, 'postrider.config.json'),
  JSON.stringify({
    ...{ hostname: 'mx.example.org', dataDirectory: 'data', domains: ['example.org'] },
    listeners: [{ service: 'lmtp', path: join(root, 'lmtp.sock') }],
  }),
);
const program = join(import.meta.dirname, '../main.ts');

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args], { cwd: root });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += text));
  child.stderr.on('data', (text) => (said.err += text));
  return { child, said, ended: once(child, 'close').then(([status]) => status as number) };
}

async function run(...args: readonly string[]) {
  const { said, child, ended } = start(...args);
  child.stdin.end('long enough\n');
  return { status: await ended, ...said };
}

async function serve() {
  const server = start('serve');
  while (!server.said.out.includes('ready')) await once(server.child.stdout, 'data');
  return server;
}

async function deliver(text: string): Promise<void> {
  const socket = connect(join(root, 'lmtp.sock'));
  socket.setEncoding('latin1');
  let heard = '';
  const lines = ['LHLO a', 'MAIL FROM:<b@example.net>', 'RCPT TO:<ann@example.org>', 'DATA'];
  socket.write(`${lines.join('\r\n')}\r\n`);
  for await (const piece of socket) {
    heard += piece;
    if (/^354/m.test(heard) && !heard.includes('sent')) {
      heard = 'sent';
      socket.write(`Subject: x\r\n\r\n${text}\r\n.\r\nQUIT\r\n`);
    }
  }
  assert.match(heard, /^sent.*\r?\n?.*250 2/s);
}

describe('backup, restore and verify', () => {
  it('of a running server; back again; what is lost is named and given up', async () => {
    await run('account', 'add', 'ann@example.org', '--password-stdin');
    const server = await serve();
    await deliver('x'.repeat(900).concat('\r\n').repeat(300));
    const spool = () => readdirSync(join(root, 'data/spool'));
    while ((await run('queue', 'list')).out !== '');
    const backup = await run('backup', 'copy', '--json');
    assert.deepEqual([backup.status, backup.err], [0, '']);
    const { messages, files, faults } = JSON.parse(backup.out);
    assert.deepEqual([messages, files, faults], [1, 1, []]);
    assert.match((await run('backup', 'copy')).err, /copy is not empty/);
    assert.match((await run('restore', 'copy')).err, /the server runs on .*: stop it first/);
    assert.deepEqual((await run('verify')).status, 0);

    rmSync(join(root, 'data/spool', spool()[0]!));
    for (const command of [['verify'], ['check']]) {
      const found = await run(...command);
      assert.equal(found.status, 1, found.out + found.err);
      assert.match(found.out, /ann@example\.org INBOX UID 1 \(m\w+\): .*spool\/\w+ is missing/);
    }
    const repaired = await run('verify', '--repair');
    assert.equal(repaired.status, 0, repaired.err);
    assert.match((await run('mail', 'show', 'ann@example.org')).out, /was lost on the server/);
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);

    assert.match((await run('restore', 'copy')).err, /data is not empty: move it away/);
    renameSync(join(root, 'data'), join(root, 'data.old'));
    const restored = await run('restore', 'copy');
    assert.equal(restored.status, 0, restored.err);
    assert.match((await run('mail', 'show', 'ann@example.org')).out, /x{900}/);
    assert.equal((await run('verify', 'copy')).status, 0);
    rmSync(join(root, 'copy/spool', spool()[0]!));
    assert.equal((await run('verify', 'copy')).status, 1);
    assert.ok(!existsSync(join(root, 'data/configuration')));
  });
});
