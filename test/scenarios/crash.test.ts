// kill -9 of the real process while mail comes in and goes out: what was answered with 250 arrives,
// at most what was in flight arrives twice, and nothing half-received is left behind.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { freePorts } from '../ports.ts';
import { eventually, type RunningProcess, startProcess } from '../process.ts';
import { type Client, connectClient, startNextHop, submit } from './wire.ts';

const senders = 8;
const rounds = 5;

describe('kill -9', () => {
  it('loses no message that was answered with 250', async (t) => {
    const seed = Number(process.env.POSTRIDER_SEED ?? Date.now() % 2 ** 32);
    t.diagnostic(`POSTRIDER_SEED=${seed}`);
    const random = seededRandom(seed);
    const [port] = (await freePorts(1)) as [number];
    await using hop = await startNextHop();
    const config = {
      hostname: 'mx.crash.test',
      listeners: [{ service: 'smtp', host: '127.0.0.1', port }],
      trustedNetworks: ['127.0.0.1/32'],
      routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    };
    const accepted = new Set<string>();
    let sent = 0;
    let inFlight = 0;

    async function sendUntilCut(): Promise<void> {
      let client: Client | undefined;
      try {
        client = await connectClient(port);
        await client.say('EHLO client.test\r\n');
        for (;;) {
          const id = `m${sent++}`;
          // Now and then one that is spooled to a file.
          const filler = random.fraction() < 0.1 ? `${'y'.repeat(70)}\r\n`.repeat(3_000) : 'short';
          await submit(client, {
            from: 'ann@crash.test',
            to: ['bob@far.test'],
            content: `Subject: ${id}\r\nX-Id: ${id};\r\n\r\n${filler}`,
          });
          accepted.add(id);
        }
      } catch {
        client?.close();
      }
    }

    let server: RunningProcess = await startProcess(config);
    await using _last = { [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
    for (let round = 0; round < rounds; round += 1) {
      const before = accepted.size;
      const sending = Array.from({ length: senders }, sendUntilCut);
      await eventually(() => (accepted.size > before ? true : undefined), 'mail to be taken');
      await new Promise((resolve) => setTimeout(resolve, 400 * random.fraction()));
      await server.end('SIGKILL');
      await Promise.all(sending);
      inFlight += 500; // what the runner may have had under way: its limit of deliveries
      server = await server.restart();
    }

    const ids = () => hop.taken.map((text) => /X-Id: (m\d+);/.exec(text)?.[1] ?? '?');
    await eventually(() => {
      const seen = new Set(ids());
      return [...accepted].every((id) => seen.has(id)) ? true : undefined;
    }, 'every accepted message to arrive');
    const arrived = ids();
    const duplicates = arrived.length - new Set(arrived).size;
    t.diagnostic(`accepted ${accepted.size}, arrived ${arrived.length}, twice ${duplicates}`);
    assert.ok(duplicates <= inFlight);
    await eventually(
      async () =>
        (await server.command('queue', 'list', '--json')).trim() === '' ? true : undefined,
      'the queue to be empty',
    );
    // Files go once the rows that named them are gone for good: with the next flush.
    await eventually(
      () => (readdirSync(join(server.directory, 'data/spool')).length === 0 ? true : undefined),
      'no file to be left behind',
    );
  });
});
