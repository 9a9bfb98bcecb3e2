// The whole server with its relays in a thread of their own: mail goes out by it, under a new
// configuration too, and neither a stop nor the death of that thread in the middle loses any.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { closedAfter } from '../../src/base/closed-after.ts';
import { silentLog } from '../../src/base/log.ts';
import type { RunningServer } from '../../src/compose/running-server.ts';
import { startServer } from '../../src/compose/server.ts';
import type { Config } from '../../src/config/config.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { sendMail } from '../../src/deliver/send-mail/send-mail.ts';
import { countOf } from '../../src/store/conformance/harness.ts';
import { queueEntries } from '../../src/store/queue-entries.ts';
import { eventually } from '../process.ts';
import { startNextHop } from './wire.ts';

interface World {
  readonly config: (hostname?: string) => Config;
  readonly start: () => Promise<RunningServer>;
}

function world(t: TestContext, hopPort: number): World {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'postrider-relay-'));
  const config = (hostname = 'one.relay.test') => {
    const resolution = resolveConfig(
      {
        ...{ dataDirectory, hostname },
        domains: ['here.test'],
        listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
        trustedNetworks: ['127.0.0.1/32'],
        routes: [{ domain: '*', host: '127.0.0.1', port: hopPort, tls: 'none' }],
      },
      dataDirectory,
    );
    assert.ok(resolution.kind !== 'problems');
    return resolution.config;
  };
  const start = async () => {
    const parts = { config: config(), log: silentLog, relayIn: 'own-thread' } as const;
    const server = closedAfter(t, await startServer(parts));
    // Hooks run in the order in which they were given: what a server writes into goes after it.
    t.after(() => rmSync(dataDirectory, { recursive: true, force: true }));
    return server;
  };
  return { config, start };
}

const send = (server: RunningServer, name: string, body = 'short') =>
  sendMail({
    ...{ host: '127.0.0.1', port: server.listeners[0]!.port, tls: 'none' },
    ...{ from: 'ann@here.test', to: 'bob@far.test' },
    message: `Subject: ${name}\r\n\r\n${body}\r\n`,
  });

const empty = async ({ stores }: RunningServer) =>
  (await countOf(stores.queue)).messages === 0 ? true : undefined;

/** A next hop that answers no MAIL until it is told to speak. */
async function silentHop(t: TestContext) {
  let silent = true;
  const reached = Promise.withResolvers<void>();
  const hop = await startNextHop((line) => {
    if (!silent || !line.startsWith('MAIL')) return '250 2.0.0 OK';
    reached.resolve();
    return undefined;
  });
  const speak = () => {
    silent = false;
  };
  return { hop: closedAfter(t, hop), reached: reached.promise, speak };
}

/** Limit: what hangs has failed by then, and what it opened is closed, so that the process ends. */
const bounded = { timeout: 120_000 };

describe('relaying in a thread of its own', () => {
  it(
    'delivers small and large messages, and greets as the configuration in force says',
    bounded,
    async (t) => {
      const hellos: string[] = [];
      const hop = closedAfter(
        t,
        await startNextHop((line) => {
          if (line.startsWith('EHLO')) hellos.push(line.trim());
          return '250 2.0.0 OK';
        }),
      );
      const { config, start } = world(t, hop.port);
      const started = once(process, 'worker').then(() => once(process, 'worker'));
      const server = await start();
      await send(server, 'small');
      assert.equal(((await started) as [Worker])[0].threadName, 'relay');
      await send(server, 'large', `${'x'.repeat(70)}\r\n`.repeat(4_000).trimEnd());
      await eventually(() => empty(server), 'an empty queue');
      await server.reload(config('two.relay.test'));
      await send(server, 'later');
      await eventually(() => empty(server), 'an empty queue');
      const subjects = hop.taken.map((content) => /^Subject: (.*)$/m.exec(content)?.[1]?.trim());
      assert.deepEqual(subjects.sort(), ['large', 'later', 'small']);
      assert.ok(hop.taken.some((content) => content.length > 4_000 * 70));
      assert.deepEqual([...new Set(hellos)].sort(), ['EHLO one.relay.test', 'EHLO two.relay.test']);
    },
  );

  it(
    'a stop with an attempt under way keeps the message for the next start',
    bounded,
    async (t) => {
      const { hop, reached, speak } = await silentHop(t);
      const { start } = world(t, hop.port);
      const first = await start();
      await send(first, 'kept');
      await reached;
      await first.stop({ graceMs: 50 });
      speak();
      const second = await start();
      await second.stores.queue.retry(undefined, Date.now());
      second.runner.wake();
      await eventually(() => empty(second), 'an empty queue');
      assert.equal(hop.taken.length, 1);
    },
  );

  it(
    'the death of the thread in the middle of an attempt defers the message',
    bounded,
    async (t) => {
      const { hop, reached, speak } = await silentHop(t);
      const { start } = world(t, hop.port);
      const workers: Worker[] = [];
      const onWorker = (worker: Worker) => void workers.push(worker);
      process.on('worker', onWorker);
      t.after(() => process.off('worker', onWorker));
      const server = await start();
      await send(server, 'survivor');
      await reached;
      await workers.find(({ threadName }) => threadName === 'relay')!.terminate();
      const [entry] = await eventually(async () => {
        const entries = await Array.fromAsync(queueEntries(server.stores.queue));
        return entries[0]?.recipients[0]?.lastReply === undefined ? undefined : entries;
      }, 'a deferred recipient');
      assert.equal(entry!.recipients[0]!.lastReply!.code, 451);
      speak();
      await server.stores.queue.retry(undefined, Date.now());
      server.runner.wake();
      await eventually(() => empty(server), 'an empty queue');
      assert.equal(hop.taken.length, 1);
    },
  );
});
