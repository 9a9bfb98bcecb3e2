// The real process: what only a process can show. Everything else is tested without one.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { freePorts } from '../../test/ports.ts';
import { runCommand } from './test-command.ts';

const main = join(import.meta.dirname, '../main.ts');
const root = mkdtempSync(join(tmpdir(), 'postrider-serve-'));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(root, { recursive: true });
});

class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals>;
  out = '';
  err = '';
  #changed = Promise.withResolvers<void>();

  constructor(cwd: string, args: readonly string[], input = '') {
    this.child = spawn(process.execPath, [main, ...args], { cwd, stdio: 'pipe' });
    running.add(this.child);
    this.child.stdout?.on('data', (chunk) => this.#add({ out: String(chunk) }));
    this.child.stderr?.on('data', (chunk) => this.#add({ err: String(chunk) }));
    this.child.stdin?.on('error', () => {});
    this.child.stdin?.end(input);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (status, signal) => {
        running.delete(this.child);
        this.#add({});
        resolve(status ?? signal!);
      });
    });
  }

  #add({ out = '', err = '' }): void {
    this.out += out;
    this.err += err;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until stdout and stderr together match, or the program has ended. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(`${this.out}\n${this.err}`);
      if (found !== null) return found;
      assert.ok(running.has(this.child), `ended without ${pattern}: ${this.out}${this.err}`);
      await this.#changed.promise;
    }
  }
}

describe('serve, when nobody hears that it is ready', () => {
  for (const [where, redirection, why] of [
    ['on a full disk', '>/dev/full', 'no space is left where it goes'],
    ['to a reader who has gone', '| true', 'nobody reads it any more'],
  ] as const)
    it(`${where}, serves all the same until it is told to stop`, async () => {
      const cwd = workingDirectory();
      const line = `"$0" "$@" ${redirection}; wait`;
      const child = spawn('sh', ['-c', line, process.execPath, main, 'serve'], {
        ...{ cwd, detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
      });
      let err = '';
      const said = Promise.withResolvers<void>();
      child.stderr!.on('data', (chunk) => {
        err += chunk;
        if (err.includes('could not be said')) said.resolve();
      });
      const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
      try {
        await Promise.race([said.promise, ended]);
        assert.match(err, new RegExp(`ready, which could not be said on stdout: .*${why}`));
        assert.doesNotMatch(err, /"event":"stopp/);
      } finally {
        if (child.exitCode === null) process.kill(-child.pid!, 'SIGTERM');
        await ended;
      }
    });
});

const config = (more: object = {}) =>
  JSON.stringify({
    hostname: 'mx.example.org',
    listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
    ...more,
  });

function workingDirectory(text = config()): string {
  const cwd = mkdtempSync(join(root, 'w-'));
  writeFileSync(join(cwd, 'postrider.config.json'), text);
  return cwd;
}

/** In a process of its own; what needs none is called by `runCommand`. */
async function run(cwd: string, args: readonly string[], input = '') {
  const program = new Program(cwd, args, input);
  const status = await program.ended;
  return { status, out: program.out, err: program.err };
}

describe('serve', () => {
  it('prints ready, reloads, keeps the old configuration when the new one is bad, stops at SIGTERM', async () => {
    const cwd = workingDirectory();
    const file = join(cwd, 'postrider.config.json');
    const server = new Program(cwd, ['serve']);
    await server.says(/^ready$/m);
    assert.deepEqual(await runCommand(cwd, 'reload'), { status: 0, out: 'reloaded\n', err: '' });

    writeFileSync(file, config({ user: 'nobody', logLevel: 'loud' }));
    server.child.kill('SIGHUP');
    const refused = await runCommand(cwd, 'reload');
    assert.equal(refused.status, 2);
    assert.match(refused.err, /not reloaded, the old configuration stays in force: logLevel: must/);

    writeFileSync(file, config({ logLevel: 'debug' }));
    assert.equal((await runCommand(cwd, 'reload')).status, 0);
    const added = 'account add ann@example.org --password-stdin';
    const account = await runCommand(cwd, added, { input: 'long enough\n' });
    assert.equal(account.out, 'account ann@example.org created\n', 'through the running server');

    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
    assert.match(server.err, /"event":"configuration not changed"/);
    assert.match(server.err, /"event":"configuration read again"/);
    assert.match(server.err, /"event":"stopped"/);
    assert.equal(existsSync(join(cwd, 'postrider-data/control.sock')), false);
    assert.match(
      (await runCommand(cwd, 'account list')).out,
      /^ann@example\.org/,
      'and without it',
    );
  });

  it('reload says what needs a restart; the commands work while the file is broken', async () => {
    const cwd = workingDirectory();
    const file = join(cwd, 'postrider.config.json');
    const server = new Program(cwd, ['serve']);
    await server.says(/^ready$/m);
    const store = { kind: 'postgres', url: 'postgres://127.0.0.1:9/postrider' };
    writeFileSync(file, config({ user: 'nobody', dataDirectory: 'elsewhere', store }));
    const lost = await runCommand(cwd, 'reload');
    assert.equal(lost.status, 1);
    assert.match(lost.err, /no server runs on .*elsewhere; .* name its data directory with --data/);
    const found = await runCommand(cwd, 'reload --data postrider-data --json');
    assert.equal(found.out, '{"reloaded":true,"needsRestart":["dataDirectory","user","store"]}\n');
    const text = await runCommand(cwd, 'reload --data postrider-data');
    assert.deepEqual(
      [text.out, text.err],
      ['reloaded\n', 'not before a restart: dataDirectory, user, store\n'],
    );
    for (const broken of [
      config({ logLevel: 'loud' }),
      '{ "hostname": ',
      '{"dataDirectory": "postrider-data", ',
    ]) {
      writeFileSync(file, broken);
      const { status, err } = await runCommand(cwd, 'queue list');
      assert.equal(status, 0, err);
      assert.match(
        err,
        /^postrider: postrider\.config\.json has problems; the running server is asked\n/,
      );
    }
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
    const alone = await runCommand(cwd, 'queue list');
    assert.equal(alone.status, 2, 'without a server the file has to be right');
  });

  it('a port in use is one line that says what to do, and status 1: it may be free later', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const cwd = workingDirectory(
      config({ listeners: [{ service: 'smtp', host: '127.0.0.1', port }] }),
    );
    const { status, out, err } = await run(cwd, ['serve']);
    other.close();
    assert.equal(status, 1);
    assert.equal(out, '');
    assert.match(
      err,
      new RegExp(`^postrider: cannot listen on 127\\.0\\.0\\.1 port ${port}: it is in use.*\\n$`),
    );
  });

  it('waits for an open transaction after one signal, and not after two', async () => {
    const [port = 0] = await freePorts(1);
    const listeners = [{ service: 'smtp', host: '127.0.0.1', port }];
    const cwd = workingDirectory(
      config({ listeners, shutdownGrace: '1h', trustedNetworks: ['127.0.0.1'] }),
    );
    const server = new Program(cwd, ['serve']);
    await server.says(/^ready$/m);
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    const replies = client.setEncoding('latin1').iterator({ destroyOnReturn: false });
    for (const command of ['', 'HELO x', 'MAIL FROM:<a@b.org>']) {
      if (command !== '') client.write(`${command}\r\n`);
      assert.match((await replies.next()).value, /^2/);
    }
    server.child.kill('SIGTERM');
    await server.says(/"event":"stopping"/);
    client.write('NOOP\r\n');
    assert.match((await replies.next()).value, /^250/, 'still there');
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
    client.destroy();
  });

  it('after kill -9 it starts again, and commands are not fooled by the socket left behind', async () => {
    const cwd = workingDirectory();
    const first = new Program(cwd, ['serve']);
    await first.says(/^ready$/m);
    first.child.kill('SIGKILL');
    assert.equal(await first.ended, 'SIGKILL');
    assert.equal(existsSync(join(cwd, 'postrider-data/control.sock')), true);
    assert.equal((await runCommand(cwd, 'queue list')).status, 0);
    const second = new Program(cwd, ['serve']);
    await second.says(/^ready$/m);
    second.child.kill('SIGTERM');
    assert.equal(await second.ended, 0);
  });
});

describe('dev', () => {
  it('the lines it prints work as they are: a message is sent, listed and shown', async () => {
    const cwd = mkdtempSync(join(root, 'dev-'));
    const server = new Program(cwd, ['dev', '--free-ports']);
    await server.says(/^ready$/m);
    const [, text, send] = await server.says(/echo "([^"]+)" \| npx postrider (.*)\n/);
    const words = (line: string) =>
      [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
    const sent = await run(cwd, words(send!), `${text}\n`);
    assert.equal(sent.status, 0, sent.err);
    assert.match(sent.out, /^S: 250 2\.6\.0 Queued as /m);
    const list = words((await server.says(/npx postrider (mail list.*)\n/))[1]!);
    let listed = '';
    while (listed === '') listed = (await runCommand(cwd, [...list, '--json'])).out;
    assert.equal(JSON.parse(listed).subject, 'Hello');
    const show = words((await server.says(/npx postrider (mail show .*)\n/))[1]!);
    assert.match((await runCommand(cwd, show)).out, /^Subject: Hello\r\n\r\nIt works\r\n$/m);
    const id = /Queued as (\S+)/.exec(sent.out)![1]!;
    assert.match((await runCommand(cwd, ['why', id])).out, /Delivered to mailbox|delivered/i);
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
  });
});

describe('output', () => {
  const dump = ['send', '--to', 'a@b.org', '--from', 'c@d.org', '--dump'].join(' ');
  const shell = (cwd: string, line: string) =>
    new Promise<{ status: number; out: string; err: string }>((resolve) => {
      const child = execFile('sh', ['-c', line], { cwd }, (error, out, err) =>
        resolve({ status: Number(error?.code ?? 0), out, err }),
      );
      child.stdin?.end('text\n');
    });
  const program = `'${process.execPath}' '${main}'`;

  it('that finds no room is a failure', { skip: !existsSync('/dev/full') }, async () => {
    const { status, err } = await shell(root, `${program} ${dump} > /dev/full`);
    assert.deepEqual(
      [status, err],
      [1, 'postrider: the output could not be written: no space is left where it goes\n'],
    );
  });

  it('whose reader has gone does not keep `send` from sending', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('220 x\r\n');
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
        const last = String(chunk);
        if (/^\.\r\n/m.test(last) || !/\r\nDATA\r\n/.test(`\r\n${text}`) || /^QUIT/m.test(last))
          socket.write('250 ok\r\n');
        else if (/^DATA\r\n/m.test(last)) socket.write('354 go on\r\n');
      });
      socket.once('end', () => socket.end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const line = `{ ${program} send --server 127.0.0.1:${port} --to a@b.org --from c@d.org; echo $? >&2; } | true`;
    const { err } = await shell(root, line);
    server.close();
    assert.equal(err, '0\n');
  });
});

describe('send', () => {
  it('--dump prints what would be sent', async () => {
    const { out, status } = await run(
      root,
      ['send', '--to', 'a@b.org', '--from', '', '--dump'],
      'Grüße',
    );
    assert.equal(status, 0);
    assert.match(out, /\r\nTo: a@b\.org\r\n[\s\S]*\r\n\r\nGrüße\r\n$/);
  });
});
