// What the whole server counts, as the operation `metrics` tells it.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Metric } from '../../src/base/metrics.ts';
import { countingTls } from '../../src/compose/delivery.ts';
import { createMetrics } from '../../src/compose/metrics.ts';
import type { Lease } from '../../src/store/queue-store.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { eventually } from '../process.ts';
import { connectClient, submit } from './wire.ts';

function valueIn(metrics: readonly Metric[], name: string, label?: string): number {
  const metric = metrics.find((one) => one.name === name);
  assert.ok(metric, `there is no ${name}`);
  const sample = metric.samples.find(
    ({ labels }) => label === undefined || Object.values(labels).includes(label),
  );
  assert.ok(sample, `${name} has no ${label}`);
  return 'value' in sample ? sample.value : sample.count;
}

it('a message taken, delivered, and a recipient refused are counted, with their connection', async () => {
  await using server = await startTestServer({
    accounts: ['ann@example.org'],
    config: { domains: ['example.org'] },
  });
  const client = await connectClient(server.port);
  await client.say('EHLO client.test\r\n');
  const mail = {
    from: 'bob@client.test',
    to: ['ann@example.org'],
    content: 'Subject: x\r\n\r\nHi',
  };
  await submit(client, mail);
  await client.say('MAIL FROM:<bob@client.test>\r\n');
  assert.match(await client.say('RCPT TO:<nobody@example.org>\r\n'), /^550 /);
  await server.waitFor(({ mailbox }) => mailbox === 'ann@example.org');
  const read = () => Array.fromAsync(server.server.operations.metrics());
  let metrics = await read();
  const value = (name: string, label?: string) => valueIn(metrics, name, label);
  assert.equal(value('connections_total', 'smtp'), 1);
  assert.equal(value('connections_open', 'smtp'), 1);
  assert.equal(value('connections_total', 'imap'), 0);
  assert.equal(value('messages_received_total'), 1);
  assert.equal(value('received_bytes_total'), 'Subject: x\r\n\r\nHi\r\n'.length);
  assert.equal(value('refused_total', 'rcpt'), 1);
  assert.equal(value('attempts_total', 'delivered'), 1);
  assert.equal(value('delivery_seconds'), 1);
  assert.equal(value('attempt_seconds'), 1);
  client.close();
  await eventually(async () => {
    metrics = await read();
    return value('connections_open', 'smtp') === 0 || undefined;
  }, 'the connection counted out');
});

it('RFC 8460 §4.3: what came of TLS with other servers is counted', async () => {
  const metrics = createMetrics();
  const told: (readonly [string, number])[] = [];
  const session = { domain: 'example.net', policy: { type: 'tlsa' } } as const;
  const deliver = countingTls(
    async () => ({
      recipients: [],
      health: 'ok',
      sessions: [
        { ...session, result: 'certificate-not-trusted' },
        { ...session, result: 'success' },
      ],
    }),
    {
      counters: metrics.tlsSessions,
      happenings: { secured: (destination, { length }) => told.push([destination, length]) },
    },
  );
  await deliver({ destination: 'mx:example.net' } as Lease, new AbortController().signal);
  await deliver({} as Lease, new AbortController().signal);
  assert.deepEqual(told[0], ['mx:example.net', 2]);
  const value = (label: string) => valueIn(metrics.snapshot(), 'tls_sessions_total', label);
  assert.deepEqual(
    [value('success'), value('certificate-not-trusted'), value('dnssec-invalid')],
    [2, 2, 0],
  );
});
