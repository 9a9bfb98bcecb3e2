// The test is the program of the relay's thread, too: there it serves relays with a step of its own.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { isMainThread, parentPort } from 'node:worker_threads';
import { systemClock } from '../../../base/clock.ts';
import { closedAfter } from '../../../base/closed-after.ts';
import { silentLog } from '../../../base/log.ts';
import { systemRandom } from '../../../base/random.ts';
import { FakeResolver } from '../../../dns/fake-resolver.ts';
import { createDialer } from '../../../net/dialer.ts';
import { scriptedServer } from '../../../net/scripted-server.ts';
import type { Capabilities } from '../../../smtp/client/capabilities.ts';
import { reply } from '../../../smtp/reply.ts';
import type { Content } from '../../../store/content.ts';
import { memoryContent } from '../../../store/content.ts';
import { fileContent } from '../../../store/files/file-content.ts';
import { createRelay } from '../create-relay.ts';
import type { Relay, RelaySettings } from '../relay.ts';
import { serveRelays } from '../thread/serve-relays.ts';
import { RelayThread } from '../thread/thread.ts';
import type { OutboundMessage, OutboundStep, StepMaker } from './outbound-step.ts';
import type { OutboundSettings, StepTable } from './outbound-steps.ts';
import { makeSteps, outboundSteps } from './outbound-steps.ts';

/** Plain data: all of it crosses to another thread. */
interface SealSettings {
  readonly keys: ReadonlyMap<string, Uint8Array>;
  readonly refuses?: boolean;
}

/** Vouches for every octet that it sees, by a field in front of them. */
const stamp: StepMaker<SealSettings> = (settings) => {
  if (settings === undefined) return undefined;
  return async (message) => {
    if (settings.refuses) return { refuse: reply(550, '7.1', 'Not with this seal') };
    const hash = createHash('sha256').update(settings.keys.get('example.org')!);
    for await (const piece of message.read({ reuse: true })) hash.update(piece);
    return inFront(message, `Seal: ${hash.digest('hex')}\r\n`);
  };
};

function inFront(message: OutboundMessage, fields: string): OutboundMessage {
  const front = Buffer.from(fields);
  const { pieces, size } = message;
  return {
    ...message,
    size: front.length + size,
    pieces: pieces === undefined ? undefined : [front, ...pieces],
    async *read(options) {
      yield front;
      yield* message.read(options);
    },
  };
}

// As it would be added: one line below the conversion.
const table: StepTable = { ...outboundSteps, stamp };

const key = Buffer.from('secret');
const sealed = (settings: Partial<SealSettings> = {}) =>
  // Named before the conversion, and done after it.
  ({
    stamp: { keys: new Map([['example.org', key]]), ...settings },
    convert: 'convert',
  }) as OutboundSettings;

function settings(outbound: OutboundSettings): RelaySettings {
  return { hostname: 'relay.example.org', ourNames: new Set(['relay.example.org']), outbound };
}

const places = {
  'in the same thread': (_: TestContext, outbound: OutboundSettings): Relay =>
    createRelay(
      {
        ...settings(outbound),
        ...{ resolver: new FakeResolver(), dialer: createDialer(), clock: systemClock() },
        ...{ random: systemRandom, log: silentLog },
      },
      table,
    ),
  'in a thread of its own': (t: TestContext, outbound: OutboundSettings): Relay => {
    const program = new URL(import.meta.url);
    const thread = new RelayThread({ clock: systemClock(), log: silentLog, program });
    return closedAfter(t, thread).open(settings(outbound));
  },
} as const;

const text = 'Subject: gr\u00fcn\r\nMIME-Version: 1.0\r\n\r\n.sch\u00f6n\r\n'.replace(
  '\u00fc',
  'u',
);
const contents = {
  'in memory': async (): Promise<Content> => memoryContent(Buffer.from(text)),
  'in a file': async (t: TestContext): Promise<Content> => {
    const directory = await mkdtemp(join(tmpdir(), 'postrider-steps-'));
    t.after(() => rm(directory, { recursive: true }));
    const path = join(directory, 'content');
    await writeFile(path, text);
    return fileContent(path, Buffer.byteLength(text));
  },
} as const;

async function send(relay: Relay, port: number, content: Content) {
  const message = {
    id: 'm',
    received: 0,
    sender: 's@example.org',
    params: [],
    prefix: 'X: y\r\n',
    content,
  };
  const lease = { message, destination: 'h', recipients: [{ address: 'r@far.test', params: [] }] };
  const route = { kind: 'host', host: '127.0.0.1', port, tls: 'none' } as const;
  const { recipients } = await relay.attempt(lease, route, new AbortController().signal);
  await relay.close();
  const [result] = recipients;
  return `${result?.kind} ${result?.reply.code} ${result?.reply.lines[0]}`;
}

/** The content as its reader has it, and what the seal vouches for. */
function opened(heard: readonly string[]) {
  const received = heard.find((line) => line.startsWith('Seal: '))?.replaceAll(/^\.\./gm, '.');
  assert.ok(received !== undefined, 'the field stands in front');
  const [, digest, rest] = /^Seal: ([0-9a-f]{64})\r\n(.*)$/s.exec(received)!;
  const octets = Buffer.from(rest!, 'latin1');
  const good = createHash('sha256').update(key).update(octets).digest('hex') === digest;
  return { good, rest: rest! };
}

function tests() {
  for (const [where, open] of Object.entries(places))
    describe(`steps, ${where}`, () => {
      for (const [how, make] of Object.entries(contents))
        for (const hop of ['7-bit', '8-bit'] as const)
          it(`one behind the conversion sees the octets that are sent to a ${hop} hop (${how})`, {
            timeout: 30_000,
          }, async (t) => {
            const keywords = hop === '8-bit' ? ['8BITMIME'] : [];
            await using server = await scriptedServer({ keywords });
            const relay = open(t, sealed());
            assert.equal(await send(relay, server.port, await make(t)), 'relayed 250 queued');
            const { good, rest } = opened(server.heard);
            assert.match(rest, /^X: y\r\nSubject: /);
            const isAscii = /^[\x00-\x7f]*$/.test(rest);
            assert.equal(isAscii, hop === '7-bit');
            assert.ok(good);
          });

      it('one without settings does nothing, and what one refuses is not sent', async (t) => {
        await using server = await scriptedServer();
        const content = await contents['in memory']();
        assert.equal(await send(open(t, {}), server.port, content), 'relayed 250 queued');
        assert.ok(!server.heard.some((line) => line.startsWith('Seal: ')));
        const refused = await send(open(t, sealed({ refuses: true })), server.port, content);
        assert.equal(refused, 'failed 550 Not with this seal');
        assert.equal(server.heard.filter((line) => line.startsWith('MAIL')).length, 1);
      });
    });

  describe('the steps that are there', () => {
    const hop = { keywords: new Map([['8BITMIME', '']]), chunking: false } as unknown;
    const only: readonly OutboundStep[] = makeSteps();

    it('are the conversion, the seal and the signature, which cost neither a copy nor a wait where they have nothing to do', () => {
      assert.deepEqual(Object.keys(outboundSteps), ['convert', 'seal', 'sign']);
      assert.equal(only.length, 1);
      const bytes = Buffer.from(text);
      const message: OutboundMessage = {
        ...{ size: bytes.length, pieces: [bytes], body: '8BITMIME' },
        async *read() {
          yield bytes;
        },
      };
      assert.equal(only[0]!(message, hop as Capabilities), message);
      const [, sign] = makeSteps({ sign: { directory: join(tmpdir(), 'postrider-no-keys') } });
      const ours: OutboundMessage = { ...message, sign: true };
      assert.equal(sign!(ours, hop as Capabilities), ours);
    });
  });
}

if (isMainThread) tests();
else if (parentPort !== null) serveRelays(parentPort, table);
