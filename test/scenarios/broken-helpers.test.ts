// What the server asks others while mail comes and goes, and they hang, are gone or lie: the DNS, a milter, rspamd,
// clamd. Answers are temporary, nothing is lost, nobody gets a notification for it, and once they are well the
// mail is where it belongs, once. Nobody says anything of this in the configuration: it is what is so by default.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { formatFrame } from '../../src/milter/frame.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { freePorts } from '../ports.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, mailbox, startProcess } from '../process.ts';
import type { NextHop } from './wire.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

type State = 'hangs' | 'ends' | 'is well';

interface Helper extends AsyncDisposable {
  readonly port: number;
  state: State;
}

/** Something that listens, and does its work while it is well. */
async function startHelper(works: (socket: Socket) => void): Promise<Helper> {
  const sockets = new Set<Socket>();
  const helper = { port: 0, state: 'hangs' as State };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    if (helper.state === 'is well') works(socket);
    else if (helper.state === 'ends') socket.once('data', () => socket.destroy());
    else socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(helper, {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
}

/** Sees everything, and has nothing against it. */
function milter(socket: Socket): void {
  const silent = 'ADQK';
  let bytes = Buffer.alloc(0);
  socket.on('data', (piece) => {
    bytes = Buffer.concat([bytes, piece as Buffer]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      const end = 4 + bytes.readUInt32BE();
      const command = String.fromCharCode(bytes[4]!);
      const version = Buffer.from('000000060000000000000000', 'hex');
      if (command === 'O') socket.write(formatFrame('O', version));
      else if (!silent.includes(command)) socket.write(formatFrame('c'));
      bytes = bytes.subarray(end);
    }
  });
}

const verdict = { action: 'no action', score: 0, required_score: 15, symbols: {} };
const http = createHttpServer((request, response) => {
  request.resume().on('end', () => response.end(JSON.stringify(verdict)));
});
const rspamd = (socket: Socket) => void http.emit('connection', socket);

function clamd(socket: Socket): void {
  let last = '';
  socket.on('data', (piece) => {
    last = (last + (piece as Buffer).toString('latin1')).slice(-4);
    if (last === '\0\0\0\0') socket.end('stream: OK\0');
  });
}

/** Until it is there, in the time of the server. */
async function inTimeOf<T>({ clock }: TestServer, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  while (!isOver) {
    await clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return work;
}

const mail = { from: 'eve@far.test', to: ['ann@example.org'], content: 'Subject: x\r\n\r\nHi' };

describe('a filter that does not answer', () => {
  for (const [name, works, place] of [
    ['a milter', milter, (port: number) => ({ milter: `inet:127.0.0.1:${port}` })],
    // HTTP has the time of the machine.
    [
      'rspamd',
      rspamd,
      (port: number) => ({ rspamd: `http://127.0.0.1:${port}`, messageTimeout: '300ms' as const }),
    ],
    ['clamd', clamd, (port: number) => ({ clamd: `inet:127.0.0.1:${port}` })],
  ] as const)
    for (const state of ['hangs', 'ends'] as const)
      it(`${name} that ${state}: come again later; then it is taken, once`, async () => {
        await using helper = await startHelper(works);
        helper.state = state;
        await using server = await startTestServer({
          config: { filters: [place(helper.port)] },
        });
        const send = async () => {
          const client = await connectClient(server.port);
          try {
            await client.say('EHLO client.test\r\n');
            return await submit(client, mail);
          } finally {
            client.close();
          }
        };
        await assert.rejects(inTimeOf(server, send()), / → 451 4\.3\.0 /);
        helper.state = 'is well';
        await eventually(async () => {
          // Who was not there is not asked again at once.
          await server.clock.advance(5_000);
          // On a machine that stands still, it may be too late once more.
          const heard = await inTimeOf(server, send()).catch((error: Error) => error.message);
          if (/ → 451 4\.3\.0 /.test(heard)) return undefined;
          assert.match(heard, /^250 /);
          return true;
        }, 'mail to be taken');
        await server.waitFor(() => true);
        assert.equal(server.messages.length, 1);
        assert.equal(server.messages[0]?.mailbox, 'ann@example.org');
      });
});

describe('a DNS that does not do its work', () => {
  const modes = ['silent', 'truncated', 'lying', 'late', 'failing'];
  const resources = new AsyncDisposableStack();
  let isWell = false;
  let hop: NextHop;
  let liar: NextHop;
  let server: RunningProcess;
  let port = 0;

  /** A for one host, or what a name server makes of it in that mode; undefined is silence. */
  function answerTo(
    question: Buffer,
  ): { readonly answer: Buffer; readonly lateMs: number } | undefined {
    const name = question.toString('latin1', 12);
    const mode = isWell ? 'well' : modes.find((one) => name.includes(one));
    const labelsEnd = question.indexOf(0, 12);
    const type = question.readUInt16BE(labelsEnd + 1);
    const asked = question.subarray(12, labelsEnd + 5);
    const isHost = type === 1 && name.includes('\x04host');
    const octets = mode === 'lying' ? [127, 0, 0, 9] : [127, 0, 0, 1];
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...octets]);
    const head = Buffer.from(question.subarray(0, 12));
    // QR, RD, RA; no authorities, no more.
    head.writeUInt16BE(
      0x8180 | (mode === 'failing' ? 2 : 0) | (mode === 'truncated' ? 0x200 : 0),
      2,
    );
    const count = isHost && mode !== 'failing' && mode !== 'truncated' ? 1 : 0;
    head.writeUInt32BE((1 << 16) | count, 4);
    head.writeUInt32BE(0, 8);
    if (mode === 'lying') head.writeUInt16BE(head.readUInt16BE() ^ 1);
    if (mode === 'silent') return undefined;
    const answer = Buffer.concat([head, asked, ...(count === 1 ? [record] : [])]);
    return { answer, lateMs: mode === 'late' ? 1_500 : 0 };
  }

  before(async () => {
    const udp = createSocket('udp4');
    udp.on('message', (question, from) => {
      const said = answerTo(question);
      if (said === undefined) return;
      // What is late may be too late for the socket.
      const send = () => {
        if (!resources.disposed) udp.send(said.answer, from.port, from.address, () => {});
      };
      if (said.lateMs > 0) setTimeout(send, said.lateMs).unref();
      else send();
    });
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
    resources.defer(() => void udp.close());
    hop = resources.use(await startNextHop());
    liar = resources.use(await startNextHop(undefined, { host: '127.0.0.9', port: hop.port }));
    [port = 0] = await freePorts(1);
    server = resources.use(
      await startProcess({
        hostname: 'mx.here.test',
        domains: ['here.test'],
        listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
        trustedNetworks: ['127.0.0.1/32'],
        routes: modes.map((mode) => ({
          domain: `${mode}.test`,
          ...{ host: `host.${mode}.test`, port: hop.port, tls: 'none' },
        })),
        dns: { servers: [`127.0.0.1:${udp.address().port}`], timeout: '250ms' },
      }),
    );
    await server.commandWithInput(
      'secret-enough\n',
      'account',
      'add',
      'ann@here.test',
      '--password-stdin',
    );
  });
  after(() => resources.disposeAsync());

  const queue = async () => {
    const lines = (await server.command('queue', 'list', '--json')).split('\n');
    return lines
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { recipients: { lastReply: string | null }[] });
  };

  it('mail out waits: 4yz in the queue, and no notification', async () => {
    const client = await connectClient(port);
    await client.say('EHLO client.test\r\n');
    for (const mode of modes) {
      const to = [`bob@${mode}.test`];
      await submit(client, { from: 'ann@here.test', to, content: `Subject: ${mode}\r\n\r\nHi` });
    }
    client.close();
    const waiting = await eventually(async () => {
      const all = await queue();
      const isTried = all.every(({ recipients: [one] }) => typeof one?.lastReply === 'string');
      return isTried && all.length === modes.length ? all : undefined;
    }, 'an attempt for each');
    for (const { recipients } of waiting) assert.match(recipients[0]!.lastReply!, /^4\d\d 4\./);
    assert.deepEqual([hop.taken, liar.connections], [[], 0]);
    assert.deepEqual(await mailbox(server, 'ann@here.test'), []);
  });

  it('mail of strangers is taken, and what could not be asked is a temperror', async () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    const client = await connectClient(port, socket);
    await client.say('EHLO host.silent.test\r\n');
    for (const mode of modes) {
      const from = `eve@${mode}.test`;
      const content = `From: ${from}\r\nSubject: ${mode}\r\n\r\nHi`;
      assert.match(await submit(client, { from, to: ['ann@here.test'], content }), /^250 /);
    }
    client.close();
    const got = await eventually(async () => {
      const all = await mailbox(server, 'ann@here.test');
      return all.length === modes.length ? all : undefined;
    }, 'mail for Ann');
    for (const { id } of got)
      assert.match(await server.command('mail', 'show', 'ann@here.test', id), /spf=temperror/);
  });

  it('once it is well, all goes, once', async () => {
    isWell = true;
    await eventually(async () => {
      await server.command('queue', 'retry');
      return (await queue()).length === 0 || undefined;
    }, 'an empty queue');
    const subjects = hop.taken.map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1]);
    assert.deepEqual(subjects.toSorted(), modes.toSorted());
    assert.equal(liar.connections, 0);
    assert.equal((await mailbox(server, 'ann@here.test')).length, modes.length);
  });
});
