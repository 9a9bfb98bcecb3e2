// What goes wrong around a mail server, done to the real process: clients that vanish, a disk that is
// full, a store that is damaged, signals at bad moments, mistakes in the configuration.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runCommand } from '../../src/cli/test-command.ts';
import { freePorts } from '../ports.ts';
import type { ConfigObject, RunningProcess } from '../process.ts';
import { eventually, startProcess } from '../process.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

const mail = {
  from: 'ann@here.test',
  to: ['bob@far.test'],
  content: 'Subject: hello\r\nMessage-ID: <first@here.test>\r\n\r\nHi.',
};

/** Relays everything from this machine to `hop`. */
const relayConfig = (port: number, hop: { readonly port: number }): ConfigObject => ({
  hostname: 'mx.here.test',
  listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
  trustedNetworks: ['127.0.0.1/32'],
  routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
  queue: { retryAfter: ['1s'] },
});

async function ready(port: number) {
  const client = await connectClient(port);
  await client.say('EHLO client.test\r\n');
  return client;
}

async function queued(server: RunningProcess) {
  const lines = (await server.command('queue', 'list', '--json')).trim();
  return lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line));
}

const spoolOf = (server: RunningProcess) => readdirSync(join(server.directory, 'data/spool'));

describe('a client that vanishes', () => {
  // 1.4 MB of body: more than is kept in memory.
  const piece = `\r\n${`${'x'.repeat(70)}\r\n`.repeat(20_000)}`;
  it('leaves nothing queued and nothing on disk, in the middle of DATA or of BDAT', async () => {
    const [port] = (await freePorts(1)) as [number];
    await using hop = await startNextHop();
    await using server = await startProcess(relayConfig(port, hop));
    for (const [line, code, content] of [
      ['DATA\r\n', '354', piece],
      [`BDAT 40\r\n${'y'.repeat(38)}\r\n`, '250', `BDAT 2000000\r\n${piece}`],
    ] as const) {
      const client = await ready(port);
      await client.say('MAIL FROM:<ann@here.test>\r\n');
      await client.say('RCPT TO:<bob@far.test>\r\n');
      assert.equal((await client.say(line)).slice(0, 3), code);
      client.socket.write(content);
      await eventually(() => spoolOf(server)[0], 'content to be spooled');
      client.close();
      await eventually(() => (spoolOf(server).length === 0 ? true : undefined), 'it to be removed');
      assert.deepEqual(await queued(server), [], line);
      assert.deepEqual(hop.taken, [], line);
    }
  });
});

describe('a full disk', () => {
  const mounted = mayMount();
  if (!mounted)
    console.error('SKIPPED: a full disk needs root, and may mount a small file system for it');
  const skip = mounted ? false : 'cannot mount a small file system';

  /** Relays from a disk of so many octets to a hop that takes nothing until `takes` is called. */
  async function start(t: TestContext, bytes: number) {
    const folder = mount(bytes);
    t.after(() => unmount(folder));
    const [port] = (await freePorts(1)) as [number];
    let takes = false;
    const hop = await startNextHop((line) =>
      takes || !line.startsWith('RCPT') ? '250 2.0.0 OK' : '451 4.3.0 Not now',
    );
    t.after(() => hop[Symbol.asyncDispose]());
    const dataDirectory = join(folder, 'data');
    const server = await startProcess({ ...relayConfig(port, hop), dataDirectory });
    t.after(() => server[Symbol.asyncDispose]());
    const client = await ready(port);
    const [, id] = /Queued as (\S+)/.exec(await submit(client, mail))!;
    await eventually(async () => (await queued(server))[0]?.recipients[0].lastReply, 'an attempt');
    return {
      ...{ folder, hop, server },
      /** Until there is no room; what the database has in reserve is used up first. */
      async sendUntilRefused() {
        for (let sent = 0; sent < 1000; sent += 1) {
          const refused = await submit(client, { ...mail, content: 'z'.repeat(900) }).then(
            () => undefined,
            (error: Error) => error.message,
          );
          if (refused !== undefined) return refused;
        }
        throw new Error('all of it was taken');
      },
      /** Every way to look at the queue, which shows the first message. */
      async look() {
        assert.equal((await queued(server))[0]?.id, id);
        for (const ask of ['queue show', 'why'])
          assert.match(await server.command(...ask.split(' '), id!), /bob@far\.test/);
        assert.match(await server.command('why', '<first@here.test>'), /bob@far\.test/);
      },
      /** There is room, and the hop takes mail: everything comes to its end. */
      async recover() {
        takes = true;
        rmSync(join(folder, 'filler'));
        await eventually(
          () => submit(client, mail).catch(() => undefined),
          'mail to be taken again',
        );
        await eventually(
          async () => ((await queued(server)).length === 0 ? true : undefined),
          'the queue to run empty',
        );
      },
    };
  }

  it('452 4.3.1 to clients, the queue waits, and goes on by itself when there is room', {
    skip,
  }, async (t) => {
    const { folder, hop, server, ...disk } = await start(t, 6 * 2 ** 20);
    assert.doesNotMatch(server.log(), /store-refuses/, 'the journal takes no room that it has not');
    fill(join(folder, 'filler'));
    assert.match(await disk.sendUntilRefused(), /452 4\.3\.1 /);
    await eventually(
      () => /queue store fails|disk|full/.exec(server.log()) ?? undefined,
      'a log line',
    );
    await disk.look();
    await disk.recover();
    assert.ok(hop.taken.length >= 2);
  });

  it('goes on with little room, where what the database has written beside itself took all of it', {
    skip,
  }, async (t) => {
    const { folder, hop, server, ...disk } = await start(t, 3 * 2 ** 20);
    writeFileSync(join(folder, 'filler'), Buffer.alloc(600_000));
    assert.match(await disk.sendUntilRefused(), /452 4\.3\.1 /);
    for (let i = 0; i < 5; i += 1) await disk.look();
    const waiting = (await queued(server)).length;
    await disk.recover();
    assert.equal(hop.taken.length, waiting + 1);
  });

  it('without a server the queue is there to be looked at; nothing is written, and what would is told why', {
    skip,
  }, async (t) => {
    const { folder, server, ...disk } = await start(t, 6 * 2 ** 20);
    assert.equal(await server.end(), 0);
    const data = join(folder, 'data');
    fill(join(folder, 'filler'));
    // SQLite makes its index anew whenever it looks.
    const names = () => readdirSync(data).filter((name) => !/-(shm|wal)$/.test(name));
    const lying = () => [names(), readFileSync(join(data, 'postrider.db'))];
    const before = lying();
    await disk.look();
    const [{ id }] = await queued(server);
    await assert.rejects(server.command('queue', 'hold', id), /the disk is full: make room on it/);
    assert.match(await server.command('verify'), /1 in the queue/);
    assert.deepEqual(lying(), before);
    const { status, stderr } = await fails(server.restart());
    assert.notEqual(status, 0);
    assert.match(stderr, /the disk is full, or fails: make room on it/);
    rmSync(join(folder, 'filler'));
    assert.match(await server.command('queue', 'hold', id), /1 recipient/);
  });
});

function mayMount(): boolean {
  try {
    unmount(mount(2 ** 20));
    return true;
  } catch {
    return false;
  }
}

function mount(bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-full-'));
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder];
    execFileSync('mount', options, { stdio: 'ignore' });
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true });
}

function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [65_536, 1]) fillBy(file, size);
  } finally {
    closeSync(file);
  }
}

function fillBy(file: number, size: number): void {
  try {
    for (;;) if (writeSync(file, Buffer.alloc(size)) < size) return;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

describe('a damaged store', () => {
  const damages: readonly (readonly [string, (file: string) => void])[] = [
    ['its header overwritten', (file) => overwrite(file, 0, 512)],
    ['its tables overwritten', (file) => overwrite(file, 4096, statSync(file).size - 4096)],
  ];
  it('says which file and what to do, and refuses to start', async () => {
    const [port] = (await freePorts(1)) as [number];
    await using hop = await startNextHop(() => '451 4.3.0 Not now');
    await using server = await startProcess(relayConfig(port, hop));
    const client = await ready(port);
    await client.say('QUIT\r\n');
    assert.equal(await server.end(), 0);
    const file = join(server.directory, 'data/postrider.db');
    const good = readFileSync(file);
    for (const [name, damage] of damages) {
      writeFileSync(file, good);
      damage(file);
      const before = readFileSync(file);
      const { status, stderr } = await fails(server.restart());
      assert.notEqual(status, 0, name);
      assert.match(stderr, /postrider\.db.*(damaged|backup)/, name);
      assert.ok(readFileSync(file).equals(before), 'what can still be read is left alone');
    }
  });
});

function overwrite(file: string, from: number, bytes: number): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(bytes, 0xa5), 0, bytes, from);
  closeSync(handle);
}

/** Why a server did not become ready. */
async function fails(starting: Promise<RunningProcess>) {
  const error = await starting.then(
    async (server) => {
      await server[Symbol.asyncDispose]();
      throw new assert.AssertionError({ message: 'it started all the same' });
    },
    (error: Error) => error,
  );
  const [, status, stderr] = /^ended with (\w+) before it was ready:\n([\s\S]*)/.exec(
    error.message,
  ) ?? [undefined, '', error.message];
  return { status: Number(status), stderr: stderr!.trim() };
}

describe('mistakes of an operator: what to do is said, with status 2', () => {
  const serve = async (config: ConfigObject) => {
    const home = mkdtempSync(join(tmpdir(), 'postrider-mistake-'));
    writeFileSync(join(home, 'postrider.config.json'), JSON.stringify(config));
    const { status, out, err } = await runCommand(home, 'serve');
    rmSync(home, { recursive: true });
    assert.deepEqual([status, out], [2, ''], err);
    return err;
  };

  it('an unreadable certificate', async () => {
    const listeners = [{ service: 'smtp', host: '127.0.0.1', port: 0 }];
    const tls = { certificate: 'missing.pem', privateKey: 'missing.key' };
    assert.match(
      await serve({ listeners, tls }),
      /^ {2}tls\.certificate: .*missing\.pem: there is no such file$/m,
    );
  });

  it('a bad configuration: every problem with its path', async () => {
    const listeners = [{ service: 'smtp', host: '127.0.0.1', port: 99_999 }];
    const said = await serve({ listeners, colour: 'blue', queue: { warnAfter: 'soon' } });
    for (const path of ['listeners[0].port', 'colour', 'queue.warnAfter'])
      assert.ok(said.includes(path), said);
    assert.doesNotMatch(said, /^\s+at /m);
  });
});

describe('signals', () => {
  it('SIGTERM lets an open transaction finish, sends the idle home, and exits with 0', async () => {
    const [port] = (await freePorts(1)) as [number];
    await using hop = await startNextHop();
    await using server = await startProcess(relayConfig(port, hop));
    const busy = await ready(port);
    const idle = await ready(port);
    await busy.say('MAIL FROM:<ann@here.test>\r\n');
    await busy.say('RCPT TO:<bob@far.test>\r\n');
    await busy.say('DATA\r\n');
    const ending = server.end('SIGTERM');
    assert.match(await idle.hear(), /^421 4\.3\.2 /);
    await assert.rejects(connectClient(port), /ECONNREFUSED/);
    assert.match(await busy.say('Subject: last\r\n\r\nHi.\r\n.\r\n'), /^250 /);
    assert.match(await busy.hear(), /^421 4\.3\.2 /);
    assert.equal(await ending, 0);
    await using _again = await server.restart();
    await eventually(() => hop.taken[0], 'it to be delivered, then or after the next start');
    assert.equal(hop.taken.length, 1);
  });

  it('SIGHUP with a bad file says so and goes on; with a good one it holds at once', async () => {
    const [port] = (await freePorts(1)) as [number];
    await using hop = await startNextHop();
    const config = relayConfig(port, hop);
    await using server = await startProcess(config);
    const good = readFileSync(server.configFile, 'utf8');
    writeFileSync(server.configFile, '{ "listeners": [');
    server.child.kill('SIGHUP');
    await eventually(() => /configuration not changed/.exec(server.log()) ?? undefined, 'a line');
    assert.match((await connectClient(port)).greeting, /^220 mx\.here\.test /);
    writeFileSync(server.configFile, good.replace('mx.here.test', 'mx2.here.test'));
    server.child.kill('SIGHUP');
    await eventually(async () => {
      const { greeting, close } = await connectClient(port);
      close();
      return greeting.startsWith('220 mx2.here.test ') ? true : undefined;
    }, 'the new name');
  });

  it('a second server on the same data says that there is one, and does no harm', async () => {
    const [port, other] = (await freePorts(2)) as [number, number];
    await using hop = await startNextHop();
    await using server = await startProcess(relayConfig(port, hop));
    const second = mkdtempSync(join(tmpdir(), 'postrider-second-'));
    const dataDirectory = join(server.directory, 'data');
    mkdirSync(second, { recursive: true });
    const { status, stderr } = await fails(
      startProcess({ ...relayConfig(other, hop), dataDirectory }, second),
    );
    rmSync(second, { recursive: true });
    assert.notEqual(status, 0);
    assert.match(stderr, /^postrider: [^\n]*(another process is using it|in use)[^\n]*$/);
    assert.ok(existsSync(join(dataDirectory, 'postrider.db')));
    const client = await ready(port);
    await submit(client, mail);
    await eventually(() => hop.taken[0], 'the first to work on');
  });
});
