import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../../../base/clock.ts';
import { systemClock } from '../../../base/clock.ts';
import { closedAfter } from '../../../base/closed-after.ts';
import { FakeClock } from '../../../base/fake-clock.ts';
import type { Log } from '../../../base/log.ts';
import { Counter } from '../../../base/metrics.ts';
import { scriptedServer } from '../../../net/scripted-server.ts';
import type { DeliveryResult } from '../../../queue/delivery.ts';
import type { Content } from '../../../store/content.ts';
import { memoryContent } from '../../../store/content.ts';
import { fileContent } from '../../../store/files/file-content.ts';
import type { RelayLease, RelaySettings } from '../relay.ts';
import type { RelayRoute } from '../relay-route.ts';
import { RelayThread } from './thread.ts';

const settings = (hostname = 'relay.example.org'): RelaySettings => ({
  hostname,
  ourNames: new Set([hostname]),
});
const never = new AbortController().signal;

function lease(content: Content = memoryContent(Buffer.from('Subject: x\r\n\r\n.dot\r\n'))) {
  const message = {
    id: 'm',
    received: 0,
    sender: 's@example.org',
    params: [],
    prefix: 'X: y\r\n',
    content,
  };
  const recipients = [{ address: 'r@far.test', params: [] }];
  return { message, destination: 'host', recipients } satisfies RelayLease;
}

const to = (port: number): RelayRoute => ({ kind: 'host', host: '127.0.0.1', port, tls: 'none' });

/** Limit: what hangs has failed by then, and what it opened is closed, so that the process ends. */
const bounded = { timeout: 120_000 };

function startThread(t: TestContext, clock: Clock = systemClock(), queries?: Counter) {
  const lines: string[] = [];
  const write = (event: string) => void lines.push(event);
  const log: Log = { debug: write, info: write, warn: write, error: write };
  return { thread: closedAfter(t, new RelayThread({ clock, log, queries })), lines };
}

const wordsOf = ({ recipients, health }: DeliveryResult) => [
  health,
  ...recipients.map(({ kind, reply }) => `${kind} ${reply.code} ${reply.lines[0]}`),
];

describe('a relay in its own thread', () => {
  it(
    'sends what it is given, and tells what the next hop said and who it was',
    bounded,
    async (t) => {
      const hop = closedAfter(
        t,
        await scriptedServer({
          script: (verb) => (verb === '.' ? '250 2.0.0 taken' : undefined),
        }),
      );
      const { thread } = startThread(t);
      const relay = thread.open(settings());
      const result = await relay.attempt(lease(), to(hop.port), never);
      assert.deepEqual(wordsOf(result), ['ok', 'relayed 250 taken']);
      const { facts } = result.recipients[0]!;
      assert.deepEqual([facts?.host, facts?.port], ['127.0.0.1', hop.port]);
      assert.equal(hop.heard[0], 'EHLO relay.example.org');
      assert.equal(hop.heard.at(-1), 'X: y\r\nSubject: x\r\n\r\n..dot\r\n');
      await relay.close();
      await hop.quiet();
      assert.equal(hop.heard.at(-1), 'QUIT');
    },
  );

  it('tells how many questions it has asked name servers', bounded, async (t) => {
    const server = createSocket('udp4').bind(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    let heard = 0;
    server.on('message', (query, { port }) => {
      heard += 1;
      query[2]! |= 0x80; // an answer
      query[3]! |= 3; // NXDOMAIN: there is no such name
      server.send(query, port, '127.0.0.1');
    });
    const queries = new Counter();
    const { thread } = startThread(t, systemClock(), queries);
    const dns = { servers: [`127.0.0.1:${server.address().port}`], timeout: 1000, attempts: 1 };
    const relay = thread.open({ ...settings(), dns });
    const route: RelayRoute = { kind: 'host', host: 'nowhere.test', port: 25, tls: 'none' };
    await relay.attempt(lease(), route, never);
    assert.ok(heard > 0);
    assert.equal(queries.value, heard);
    await relay.attempt(lease(), { ...route, host: 'elsewhere.test' }, never);
    assert.equal(queries.value, heard);
  });

  it('keeps apart the contents of messages that cross together', bounded, async (t) => {
    const hop = closedAfter(t, await scriptedServer());
    const { thread } = startThread(t);
    const relay = thread.open(settings());
    const numbers = Array.from({ length: 20 }, (_, index) => `n${index}`);
    const contents = numbers.map((number) => memoryContent(Buffer.from(`${number}\r\n`)));
    contents.splice(7, 0, memoryContent(new Uint8Array(0)));
    await Promise.all(contents.map((one) => relay.attempt(lease(one), to(hop.port), never)));
    const bodies = hop.heard.filter((line) => line.startsWith('X: y\r\n'));
    const expected = ['', ...numbers.map((number) => `${number}\r\n`)];
    assert.deepEqual(bodies.sort(), expected.map((body) => `X: y\r\n${body}`).sort());
  });

  it('reads large content from its file', bounded, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'postrider-relay-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const body = `${'z'.repeat(70)}\r\n`.repeat(3000);
    await writeFile(join(directory, 'content'), body);
    const hop = closedAfter(t, await scriptedServer());
    const { thread, lines } = startThread(t);
    const relay = thread.open(settings());
    const there = fileContent(join(directory, 'content'), body.length);
    const result = await relay.attempt(lease(there), to(hop.port), never);
    assert.deepEqual(wordsOf(result), ['ok', 'relayed 250 queued']);
    assert.equal(hop.heard.at(-1), `X: y\r\n${body}`);
    // A file that is gone is a mistake of ours: the mail waits, the thread lives.
    const gone = fileContent(join(directory, 'gone'), 10);
    await assert.rejects(relay.attempt(lease(gone), to(hop.port), never), /is missing/);
    assert.deepEqual(lines, []);
  });

  it('an abort ends the attempts of its signal, and no others', bounded, async (t) => {
    const silent = new Set<number>();
    const reached = Promise.withResolvers<void>();
    const hop = closedAfter(
      t,
      await scriptedServer({
        script(verb, line, connection) {
          if (verb === 'MAIL' && line.includes('slow')) silent.add(connection);
          if (!silent.has(connection)) return undefined;
          reached.resolve();
          return 'silence';
        },
      }),
    );
    const { thread } = startThread(t);
    const relay = thread.open(settings());
    const controller = new AbortController();
    const slow = lease();
    const message = { ...slow.message, sender: 'slow@example.org' };
    let ended = false;
    const aborted = relay
      .attempt({ ...slow, message }, to(hop.port), controller.signal)
      .finally(() => {
        ended = true;
      });
    await reached.promise;
    const other = await relay.attempt(lease(), to(hop.port), never);
    assert.deepEqual(wordsOf(other), ['ok', 'relayed 250 queued']);
    assert.equal(ended, false);
    controller.abort();
    assert.match(wordsOf(await aborted)[1]!, /^deferred 451 /);
    const late = await relay.attempt(lease(), to(hop.port), controller.signal);
    assert.match(wordsOf(late)[1]!, /^deferred 451 The server was stopped/);
  });

  it('each configuration has connections of its own until it is closed', bounded, async (t) => {
    const hop = closedAfter(t, await scriptedServer());
    const { thread } = startThread(t);
    const first = thread.open(settings('one.example.org'));
    const second = thread.open(settings('two.example.org'));
    await first.attempt(lease(), to(hop.port), never);
    await second.attempt(lease(), to(hop.port), never);
    await first.close();
    await second.attempt(lease(), to(hop.port), never);
    await second.close();
    const hellos = hop.heard.filter((line) => line.startsWith('EHLO'));
    assert.deepEqual(hellos, ['EHLO one.example.org', 'EHLO two.example.org']);
  });

  it(
    'when it dies, what it had comes back deferred, and the next one goes on',
    bounded,
    async (t) => {
      const reached = Promise.withResolvers<void>();
      const hop = closedAfter(
        t,
        await scriptedServer({
          script(verb, _line, connection) {
            if (verb !== 'MAIL' || connection > 1) return undefined;
            reached.resolve();
            return 'silence';
          },
        }),
      );
      const { thread, lines } = startThread(t);
      const relay = thread.open(settings());
      const started = once(process, 'worker');
      const interrupted = relay.attempt(lease(), to(hop.port), never);
      const [worker] = (await started) as [Worker];
      await reached.promise;
      await worker.terminate();
      assert.deepEqual(wordsOf(await interrupted), [
        'ok',
        'deferred 451 The delivery was interrupted by an error of ours',
      ]);
      assert.deepEqual(lines, ['relay-stopped']);
      const again = await relay.attempt(lease(), to(hop.port), never);
      assert.deepEqual(wordsOf(again), ['ok', 'relayed 250 queued']);
      await relay.close();
    },
  );

  it('a close waits for goodbyes, but not for ever', bounded, async (t) => {
    const hop = closedAfter(
      t,
      await scriptedServer({
        script: (verb) => (verb === 'QUIT' ? 'silence' : undefined),
      }),
    );
    const clock = new FakeClock();
    const { thread } = startThread(t, clock);
    const relay = thread.open(settings());
    await relay.attempt(lease(), to(hop.port), never);
    const closing = relay.close();
    await clock.advance(10_000);
    await closing;
    assert.equal(hop.connections.open, 1);
  });

  it('an end gives up what is under way', bounded, async (t) => {
    const hop = closedAfter(
      t,
      await scriptedServer({
        script: (verb) => (verb === 'MAIL' ? 'silence' : undefined),
      }),
    );
    const { thread, lines } = startThread(t);
    const relay = thread.open(settings());
    const given = relay.attempt(lease(), to(hop.port), never);
    await thread[Symbol.asyncDispose]();
    assert.match(wordsOf(await given)[1]!, /^deferred 451 The server was stopped/);
    assert.match(wordsOf(await relay.attempt(lease(), to(hop.port), never))[1]!, /^deferred 451 /);
    assert.deepEqual(lines, []);
  });
});
