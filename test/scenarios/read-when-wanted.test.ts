// What nobody asked for is not in memory: a server that takes mail and sends it on has read no program of IMAP or HTTP.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { freePorts } from '../ports.ts';
import { eventually, startProcess } from '../process.ts';

/** While there is a file `broken`, Node says of some programs what it says of one that cannot be read, or is half there. */
const breaker = `
  import { registerHooks } from 'node:module';
  import { existsSync } from 'node:fs';
  registerHooks({ load(url, context, next) {
    const isBroken = existsSync('broken');
    if (isBroken && url.endsWith('/src/access/imap/imap-service.ts'))
      throw Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' });
    if (isBroken && url.endsWith('/src/compose/pop3.ts'))
      return { format: 'module', source: 'export const a b', shortCircuit: true };
    return next(url, context);
  } });`;
const within = (program: string): readonly string[] => [
  'env',
  `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(program)}`,
];

/** Told at the end of the process; of the server's thread alone. */
const teller = `
  import { registerHooks } from 'node:module';
  import { writeFileSync } from 'node:fs';
  import { isMainThread } from 'node:worker_threads';
  const read = [];
  registerHooks({ load(url, context, next) { read.push(url); return next(url, context); } });
  process.on('exit', () => {
    if (isMainThread) writeFileSync('read.json', JSON.stringify([...read, ...process.moduleLoadList]));
  });`;

const smtp = (port: number) => ({ service: 'smtp', host: '127.0.0.1', port });

async function greetingOf(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const [greeting] = await once(socket, 'data');
  socket.destroy();
  return String(greeting);
}

describe('what is read when it is wanted', () => {
  it('a server of SMTP alone has no program of another protocol', async () => {
    const [port] = await freePorts(1);
    const listeners = [smtp(port!)];
    await using server = await startProcess(
      { hostname: 'mx.test', listeners },
      undefined,
      within(teller),
    );
    assert.match(await greetingOf(port!), /^220 /);
    await server.end('SIGTERM');
    const read: readonly string[] = JSON.parse(
      readFileSync(join(server.directory, 'read.json'), 'utf8'),
    );
    assert.ok(read.some((url) => url.endsWith('/src/smtp/server/session.ts')));
    const unwanted =
      /imap-service|pop3-service|http-service|activesync-access|mtqp-service|sqlite\/engine|htmlparser2|opentelemetry|hono|undici|compose\/catcher/;
    assert.deepEqual(
      read.filter((url) => unwanted.test(url)),
      [],
    );
  });

  it('a reload that wants more has it', async () => {
    const [a, b, c, d] = (await freePorts(4)) as [number, number, number, number];
    const config = { hostname: 'mx.test', domains: ['mx.test'], listeners: [smtp(a)] };
    await using server = await startProcess(config);
    const on = (service: string, port: number) => ({
      ...{ service, host: '127.0.0.1', port, insecureAuth: true },
    });
    await server.reload({
      ...config,
      listeners: [
        ...config.listeners,
        on('imap', b),
        on('pop3', c),
        { service: 'http', host: '127.0.0.1', port: d, tls: 'none' },
      ],
    });
    assert.match(await greetingOf(a), /^220 /);
    assert.match(await greetingOf(b), /^\* OK /);
    assert.match(await greetingOf(c), /^\+OK /);
    assert.equal((await fetch(`http://127.0.0.1:${d}/healthz`)).status, 200);
  });

  it('a reload that wants what cannot be read says what it is and changes nothing; once it can be read it is there', async () => {
    const [a, b, c] = (await freePorts(3)) as [number, number, number];
    const before = { hostname: 'before.test', domains: ['mx.test'], listeners: [smtp(a)] };
    await using server = await startProcess(before, undefined, within(breaker));
    const after = (service: string) => ({
      ...{ ...before, hostname: 'after.test' },
      listeners: [smtp(a), smtp(b), { service, host: '127.0.0.1', port: c, insecureAuth: true }],
    });
    const broken = join(server.directory, 'broken');
    writeFileSync(broken, '');
    for (const [service, why] of [
      ['imap', 'EACCES: permission denied, open'],
      ['pop3', 'Missing initializer in const declaration'],
    ] as const) {
      const said = `the program of the service ${service} cannot be read (${why}); restart the server if it has just been upgraded, else install it again`;
      await assert.rejects(server.reload(after(service)), (error: Error) => {
        assert.ok(
          error.message.includes(`not reloaded, the old configuration stays in force: ${said}\n`),
          error.message,
        );
        return true;
      });
      server.child.kill('SIGHUP');
      await eventually(
        () => server.log().split(`"problems":[${JSON.stringify(said)}]`).length > 2 || undefined,
        'the log says it, of both reloads',
      );
      assert.match(await greetingOf(a), /^220 before\.test /);
      for (const port of [b, c]) await assert.rejects(greetingOf(port), /ECONNREFUSED/);
    }
    rmSync(broken);
    for (const [service, greeting] of [
      ['imap', /^\* OK /],
      ['pop3', /^\+OK /],
    ] as const) {
      await server.reload(after(service));
      assert.match(await greetingOf(c), greeting);
      assert.match(await greetingOf(a), /^220 after\.test /);
      assert.match(await greetingOf(b), /^220 after\.test /);
    }
  });
});
