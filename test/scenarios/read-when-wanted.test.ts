// What nobody asked for is not in memory: a server that takes mail and sends it on has read no program of IMAP or HTTP.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { freePorts } from '../ports.ts';
import { startProcess } from '../process.ts';

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
const telling = ['env', `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(teller)}`];

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
    await using server = await startProcess({ hostname: 'mx.test', listeners }, undefined, telling);
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
});
