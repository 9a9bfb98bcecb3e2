// Next hops that misbehave, each in its own way. Mail for them is deferred, never bounced or lost;
// `why` says what happened in words, and one bad hop delays no other.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { freePorts } from '../ports.ts';
import { eventually, type RunningProcess, startProcess } from '../process.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

interface Fault {
  readonly name: string;
  readonly tls?: 'none' | 'require' | 'opportunistic';
  readonly meet: (socket: Socket) => void;
  /** What `why` says of it. */
  readonly why: RegExp;
}

const greet = (socket: Socket) => socket.write('220 bad.test ESMTP\r\n');

/** Says the same to every line once greeted. */
const always =
  (text: string) =>
  (socket: Socket): void => {
    greet(socket);
    socket.on('data', () => socket.write(text));
  };

const faults: readonly Fault[] = [
  { name: 'silence', meet: () => {}, why: /no (answer|reply|greeting)|timeout|timed out|within/i },
  { name: 'silence-later', meet: greet, why: /no (answer|reply)|timeout|timed out|within/i },
  {
    name: 'garbage',
    meet: (socket) => socket.write(Buffer.from([0, 1, 0xff, 0xfe, 13, 10, 0x80, 13, 10])),
    why: /not (a|an) |understand|malformed|invalid|SMTP/i,
  },
  {
    name: 'reset',
    meet: (socket) => socket.resetAndDestroy(),
    why: /ECONNRESET|reset|closed|lost|broke/i,
  },
  { name: 'close', meet: (socket) => socket.end(), why: /clos|lost|ended|broke/i },
  {
    name: 'endless-reply',
    meet: always('250-more\r\n'.repeat(5_000)),
    why: /too (long|many|big|much)|endless/i,
  },
  {
    name: 'endless-line',
    meet: always('250-'.padEnd(300_000, 'x')),
    why: /too (long|many|big|much)|endless/i,
  },
  {
    name: 'full',
    meet: always('450 4.2.0 Come back later\r\n'),
    why: /450 4\.2\.0 Come back later/,
  },
  {
    name: 'busy',
    meet: (socket) => socket.end('421 4.3.2 Too busy\r\n'),
    why: /421 4\.3\.2 Too busy/,
  },
  {
    name: 'no-tls',
    tls: 'require',
    meet: always('250 OK\r\n'),
    why: /TLS is required/,
  },
  {
    name: 'bad-tls',
    tls: 'require',
    meet(socket) {
      greet(socket);
      socket.on('data', (line) => {
        const text = line.toString('latin1');
        if (/^EHLO/i.test(text)) socket.write('250-bad.test\r\n250 STARTTLS\r\n');
        else if (/^STARTTLS/i.test(text)) socket.write('220 Go\r\n');
        else socket.write('this is not TLS\r\n');
      });
    },
    why: /TLS|SSL/,
  },
];

async function startFault({ meet }: Fault, resources: AsyncDisposableStack): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    resources.defer(() => void socket.destroy());
    meet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  resources.defer(() => void server.close());
  return (server.address() as { port: number }).port;
}

interface QueueItem {
  readonly id: string;
  readonly recipients: readonly { readonly lastReply?: string }[];
}

describe('a next hop that misbehaves', () => {
  const ids = new Map<string, string>();
  const resources = new AsyncDisposableStack();
  let server: RunningProcess;
  let goodMs = 0;

  before(async () => {
    const [port, closedPort] = (await freePorts(2)) as [number, number];
    const hop = resources.use(await startNextHop());
    const routes = [
      { domain: 'good.test', host: '127.0.0.1', port: hop.port, tls: 'none' },
      { domain: 'refused.test', host: '127.0.0.1', port: closedPort, tls: 'none' },
    ];
    for (const fault of faults) {
      const { name, tls = 'none' } = fault;
      const port = await startFault(fault, resources);
      routes.push({ domain: `${name}.test`, host: '127.0.0.1', port, tls });
    }
    server = resources.use(
      await startProcess({
        hostname: 'mx.here.test',
        listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
        trustedNetworks: ['127.0.0.1/32'],
        routes,
        // The two that are silent are waited for so long; a machine that stands still is to make nobody else one of them.
        delivery: { greetingTimeout: '5s', commandTimeout: '5s', contentTimeout: '5s' },
      }),
    );
    const client = await connectClient(port);
    await client.say('EHLO client.test\r\n');
    for (const domain of [...faults.map(({ name }) => name), 'refused', 'good']) {
      const to = [`bob@${domain}.test`];
      const content = `Subject: ${domain}\r\n\r\nHi.`;
      const said = await submit(client, { from: 'ann@here.test', to, content });
      ids.set(domain, /Queued as (\S+)/.exec(said)![1]!);
    }
    client.close();
    const started = performance.now();
    await eventually(() => hop.taken[0], 'the good hop to be served');
    goodMs = performance.now() - started;
  });
  after(() => resources.disposeAsync());

  it('delays no other', (t) => {
    t.diagnostic(`the good one was served after ${Math.round(goodMs)} ms`);
    assert.equal(server.child.exitCode, null, 'the server stands');
  });

  it('is given up for now: everything is deferred, nothing bounced', async () => {
    const queue = await eventually(async () => {
      const lines = (await server.command('queue', 'list', '--json')).trim().split('\n');
      const items = lines.map((line) => JSON.parse(line) as QueueItem);
      return items.every((item) => item.recipients[0]!.lastReply) ? items : undefined;
    }, 'an attempt for each');
    assert.deepEqual(
      queue.map(({ id }) => id).sort(),
      [...ids].flatMap(([domain, id]) => (domain === 'good' ? [] : id)).sort(),
    );
    for (const { recipients } of queue) assert.match(recipients[0]!.lastReply!, /^4\d\d /);
  });

  for (const { name, why } of [...faults, { name: 'refused', why: /ECONNREFUSED|refused/i }])
    it(`${name}: \`why\` says so`, async () =>
      assert.match(await server.command('why', ids.get(name)!), why));
});
