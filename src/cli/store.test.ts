import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  type ConfigObject,
  eventually,
  type RunningProcess,
  startProcess,
} from '../../test/process.ts';
import { testCluster, withoutPostgres } from '../store/postgres/test-cluster.ts';
import { runCommand } from './test-command.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-cli-store-'));
after(() => rmSync(root, { recursive: true, force: true }));

const run = (...args: readonly string[]) => runCommand(root, args, { input: 'long enough\n' });

const migrate = (...args: readonly string[]) =>
  run('store', 'migrate', '--to', 'new.json', ...args);

/** Says what the last reply was. */
async function deliver(subject: string): Promise<string> {
  const socket = connect(join(root, 'lmtp.sock'));
  socket.setEncoding('latin1');
  let heard = '';
  let isSent = false;
  socket.write('LHLO a\r\nMAIL FROM:<b@example.net>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n');
  for await (const piece of socket) {
    heard += piece;
    if (isSent || !/^354/m.test(heard)) continue;
    isSent = true;
    socket.write(`Subject: ${subject}\r\n\r\nHello\r\n.\r\nQUIT\r\n`);
  }
  return heard;
}

const listed = async () => {
  const { out } = await run('mail', 'list', 'ann@example.org', '--json');
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly id: string; readonly subject: string });
};

/** By itself. */
async function ended({ child }: RunningProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

const allListed = (count: number) =>
  eventually(
    async () => ((await listed()).length === count ? true : undefined),
    'mail to be delivered',
  );

describe('store migrate', { skip: withoutPostgres() }, () => {
  const listeners = [{ service: 'lmtp', path: join(root, 'lmtp.sock') }];
  const embedded = { hostname: 'mx.example.org', domains: ['example.org'], listeners };
  const dataDirectory = join(root, 'data');
  const writeNew = (config: ConfigObject) =>
    writeFileSync(join(root, 'new.json'), JSON.stringify({ dataDirectory, ...config }));

  it('to PostgreSQL and back, each time from under a running server', async () => {
    const url = await (await testCluster()).database();
    const shared = {
      ...embedded,
      store: { kind: 'postgres', url, node: 'mx1', nodeTimeout: '2s' },
    };
    writeNew(shared);
    {
      await using server = await startProcess(embedded, root);
      await run('account', 'add', 'ann@example.org', '--password-stdin');
      for (const subject of ['one', 'two', 'three'])
        assert.match(await deliver(subject), /^250 2/m);
      await allListed(3);
      const dry = await migrate('--dry-run');
      assert.match(dry.out, /^accounts: 1$/m);
      assert.match(dry.out, /at work: the server on/);
      const result = await migrate('--write');
      assert.equal(result.status, 0, result.err);
      assert.match(result.out, /moved and compared: accounts 1, .* messages in folders 3;/);
      assert.match(result.out, /no server was at work for/);
      assert.equal(await ended(server), 1, 'its service manager starts it again');
      assert.match(server.log(), /stopped/);
      const moved = JSON.parse(readFileSync(join(root, 'postrider.config.json'), 'utf8'));
      assert.equal(moved.store.kind, 'postgres');
      writeNew(embedded);
      await again(shared);
    }
  });

  async function again(shared: ConfigObject): Promise<void> {
    const before = await listed();
    assert.deepEqual(before.map(({ subject }) => subject).sort(), ['one', 'three', 'two']);
    const server = await startProcess(shared, root);
    assert.match(await deliver('four'), /^250 2/m);
    await allListed(4);
    const refused = await migrate();
    assert.match(refused.err, /call this with --replace/);
    const result = await migrate('--replace', '--json');
    assert.equal(result.status, 0, result.err);
    assert.equal(await ended(server), 0, 'drained');
    const old = await run('mail', 'list', 'ann@example.org');
    assert.match(old.err, /was moved to .*data: put that store into the configuration/);
    assert.equal(old.status, 2);
    assert.match(
      (await run('check')).out,
      /everything here was moved to .*data, and no server starts on it/,
    );
    const same = await migrate('--verify');
    assert.match(same.out, /the same: 4 messages in folders/);
    await using back = await startProcess(embedded, root);
    const kept = (await listed()).filter(({ subject }) => subject !== 'four');
    assert.deepEqual(kept, before);
    assert.match(await deliver('five'), /^250 2/m);
    await allListed(5);
    assert.equal(await back.end(), 0);
  }

  it('says what it cannot do', async () => {
    mkdirSync(root, { recursive: true });
    const config = join(root, 'postrider.config.json');
    writeFileSync(config, JSON.stringify({ dataDirectory: join(root, 'none'), ...embedded }));
    writeNew(embedded);
    const same = await migrate();
    assert.deepEqual(
      [same.status, /both configurations have a store of SQLite/.test(same.err)],
      [2, true],
    );
    writeFileSync(join(root, 'postrider.config.json.before'), '');
    assert.match((await migrate()).err, /a move that broke off goes on with --config/);
    rmSync(join(root, 'new.json'));
    const url = 'postgres://p:secret@127.0.0.1:9/x';
    const secret = JSON.stringify({ ...embedded, store: { kind: 'postgres', url } });
    writeFileSync(join(root, 'new.json'), secret, { mode: 0o600 });
    chmodSync(config, 0o644);
    assert.match((await migrate('--write')).err, /everybody may read .*config\.json, but not/);
    assert.ok(!readFileSync(config, 'utf8').includes('secret'));
    writeNew({ ...embedded, store: { kind: 'postgres', url: 'postgres://p@127.0.0.1:9/x' } });
    const none = await migrate('--dry-run');
    assert.match(none.err, /there is no mail store in/);
  });
});
