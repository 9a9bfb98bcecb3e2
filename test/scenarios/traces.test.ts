// What OpenTelemetry's own SDK sees of a message: one trace from its first command through the queue to its last attempt, over
// an attempt that fails and a restart, and the notification of a failure beside it.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { openTelemetryTracer } from '../../src/watch/tracing/open-telemetry.ts';
import { eventually } from '../process.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

it('there is no tracer before somebody has registered an SDK', async () => {
  assert.equal(await openTelemetryTracer(), undefined);
});

it('a message is one trace, from its first command to its last attempt', async () => {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
  after(() => trace.disable());
  const dataDirectory = await mkdtemp(join(tmpdir(), 'postrider-traces-'));
  after(() => rm(dataDirectory, { recursive: true }));
  let answer = '451 4.3.0 Not yet';
  await using hop = await startNextHop((line) =>
    line.startsWith('RCPT') ? answer : '250 2.0.0 OK',
  );
  const resolution = resolveConfig(
    {
      ...{ dataDirectory, hostname: 'mx.example.org', domains: ['example.org'] },
      listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
      trustedNetworks: ['127.0.0.1/32'],
      routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    },
    dataDirectory,
  );
  assert.ok(resolution.kind === 'ok');
  const { config } = resolution;
  const start = () => startServer({ config, log: silentLog });
  const spans = (name: string): readonly ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.name === name);
  let id: string;
  {
    await using server = await start();
    const client = await connectClient(server.listeners[0]!.port);
    await client.say('EHLO app.example.org\r\n');
    const mail = {
      from: 'ann@example.org',
      to: ['bob@example.net'],
      content: 'Subject: x\r\n\r\nx',
    };
    id = /Queued as (\S+)/.exec(await submit(client, mail))?.[1] ?? '';
    client.close();
    await eventually(() => spans('attempt')[0], 'an attempt');
    // What is kept is kept with the message, and told by `why`.
    await eventually(async () => {
      const { stories } = await server.operations.why({ id });
      const [received] = stories[0]?.events ?? [];
      return received?.kind === 'received' ? received.origin.trace : undefined;
    }, 'its trace');
  }
  answer = '550 5.1.1 Nobody of that name';
  await using server = await start();
  await server.operations.queueRetry({});
  await eventually(() => spans('attempt')[1], 'another attempt');
  const [receive] = spans('receive');
  assert.ok(receive);
  const { traceId, spanId } = receive.spanContext();
  assert.equal(receive.parentSpanContext, undefined);
  assert.equal(receive.attributes['postrider.id'], id);
  assert.equal(receive.attributes['client.address'], '127.0.0.1');
  assert.equal(receive.attributes['postrider.hello'], 'app.example.org');
  const later = [...spans('queue'), ...spans('attempt')];
  assert.deepEqual(
    later.map((span) => [span.name, span.spanContext().traceId, span.parentSpanContext?.spanId]),
    ['queue', 'attempt', 'attempt'].map((name) => [name, traceId, spanId]),
  );
  const [first, last] = spans('attempt');
  assert.deepEqual(
    [first, last].map((span) => [
      span?.attributes['postrider.attempt'],
      span?.status.message,
      span?.events.map(({ name, attributes }) => [name, attributes?.['postrider.recipient']]),
    ]),
    [
      [1, '451 4.3.0 Not yet', [['deferred', 'bob@example.net']]],
      [2, '550 5.1.1 Nobody of that name', [['failed', 'bob@example.net']]],
    ],
  );
  const [queue] = spans('queue');
  const ms = ([seconds, nanos]: readonly [number, number]) => seconds * 1000 + nanos / 1e6;
  assert.ok(queue && first && last);
  assert.ok(ms(receive.startTime) <= ms(queue.startTime));
  assert.ok(ms(queue.endTime) <= ms(first.startTime) + 1);
  assert.ok(ms(first.endTime) <= ms(last.startTime) + 1);
});
