import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually, startProcess } from '../../test/process.ts';
import { runCommand } from './test-command.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-cli-backup-'));

const run = (...args: readonly string[]) => runCommand(root, args, { input: 'long enough\n' });

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
    const listeners = [{ service: 'lmtp', path: join(root, 'lmtp.sock') }];
    const config = { hostname: 'mx.example.org', domains: ['example.org'], listeners };
    await using server = await startProcess(config, root);
    await run('account', 'add', 'ann@example.org', '--password-stdin');
    await deliver('x'.repeat(900).concat('\r\n').repeat(300));
    const spool = () => readdirSync(join(root, 'data/spool'));
    await eventually(
      async () => ((await run('queue', 'list')).out === '' ? true : undefined),
      'the message to be in the mailbox',
    );
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
    assert.equal(await server.end(), 0);

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
