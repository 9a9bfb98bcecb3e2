// What OpenTelemetry's own SDK sees of a message: one trace from the connection that it came by through the queue to its last attempt,
// over an attempt that fails and a restart; what came later by the same connection has a link to it.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { connect } from 'node:tls';
import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import '../../src/policy/accounts/test-hashing.ts';
import { silentLog } from '../../src/base/log.ts';
import { startServer } from '../../src/compose/server.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { sendMail } from '../../src/deliver/send-mail/send-mail.ts';
import { openTelemetryTracer } from '../../src/watch/tracing/open-telemetry.ts';
import { eventually } from '../process.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

it('there is no tracer before somebody has registered an SDK', async () => {
  assert.equal(await openTelemetryTracer(), undefined);
});

/** What is told from now on. */
function collected() {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
  return {
    spans: (name: string): readonly ReadableSpan[] =>
      exporter.getFinishedSpans().filter((span) => span.name === name),
    [Symbol.dispose]: () => trace.disable(),
  };
}

const ms = ([seconds, nanos]: readonly [number, number]) => seconds * 1000 + nanos / 1e6;
const namesOf = (all: readonly ReadableSpan[]) =>
  all.map((span) => [span.name, span.spanContext().traceId, span.parentSpanContext?.spanId]);

it('a message is one trace, from its session to its last attempt', async () => {
  using told = collected();
  const { spans } = told;
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
  const [[receive], [session]] = [spans('receive'), spans('session')];
  assert.ok(receive && session);
  const { traceId, spanId } = receive.spanContext();
  assert.equal(session.parentSpanContext, undefined);
  assert.deepEqual(namesOf([receive]), [
    ['receive', session.spanContext().traceId, session.spanContext().spanId],
  ]);
  assert.equal(session.attributes['client.address'], '127.0.0.1');
  assert.equal(session.attributes['postrider.messages'], 1);
  assert.equal(receive.attributes['postrider.id'], id);
  assert.equal(receive.attributes['client.address'], '127.0.0.1');
  assert.equal(receive.attributes['postrider.hello'], 'app.example.org');
  const later = [...spans('queue'), ...spans('attempt')];
  assert.deepEqual(
    namesOf(later),
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
  assert.ok(queue && first && last);
  assert.ok(ms(session.startTime) <= ms(receive.startTime));
  assert.ok(ms(receive.startTime) <= ms(queue.startTime));
  assert.ok(ms(queue.endTime) <= ms(first.startTime) + 1);
  assert.ok(ms(first.endTime) <= ms(last.startTime) + 1);
});

it('a session has its TLS and its logins; its second message has a trace of its own and a link, and nothing but messages leaves traces', async () => {
  using told = collected();
  const { spans } = told;
  const dataDirectory = await mkdtemp(join(tmpdir(), 'postrider-traces-'));
  after(() => rm(dataDirectory, { recursive: true }));
  const resolution = resolveConfig(
    {
      ...{ dataDirectory, hostname: 'mx.example.org', domains: ['example.org'] },
      tls: 'self-signed',
      listeners: [
        { service: 'submission', host: '127.0.0.1', port: 0, tls: 'implicit' },
        { service: 'submission', host: '127.0.0.1', port: 0 },
      ],
      login: { delay: '1ms' },
    },
    dataDirectory,
  );
  assert.ok(resolution.kind === 'ok');
  {
    await using server = await startServer({ config: resolution.config, log: silentLog });
    const [ann, password] = ['ann@example.org', 'correct horse battery staple'];
    await server.operations.accountAdd({ address: ann, password });
    const [implicit, starttls] = server.listeners;
    const secured = () =>
      connectClient(0, connect({ port: implicit!.port, rejectUnauthorized: false }));
    const plain = (text: string) => Buffer.from(`\0${ann}\0${text}`).toString('base64');
    const mail = { from: ann, to: [ann], content: 'Subject: x\r\n\r\nx' };

    const scanner = await secured();
    await scanner.say('EHLO scanner\r\n');
    assert.match(await scanner.say(`AUTH PLAIN ${plain('guess')}\r\n`), /^535/);
    scanner.close();

    const client = await secured();
    await client.say('EHLO app.example.org\r\n');
    assert.match(await client.say(`AUTH PLAIN ${plain('wrong')}\r\n`), /^535/);
    assert.match(await client.say(`AUTH PLAIN ${plain(password)}\r\n`), /^235/);
    await submit(client, mail);
    await submit(client, mail);
    await client.say('QUIT\r\n');
    await sendMail({
      ...{ host: '127.0.0.1', port: starttls!.port, tls: 'require', from: ann, to: [ann] },
      ...{ auth: { user: ann, password }, message: Buffer.from('Subject: y\r\n\r\ny\r\n') },
    });
    await eventually(() => spans('session')[1], 'both sessions');
    await eventually(() => spans('attempt')[2], 'all attempts');
  }
  const [[session, other, none], receives] = [spans('session'), spans('receive')];
  assert.ok(session && other);
  assert.equal(none, undefined, 'a guess is in the log, and leaves no trace');
  const context = session.spanContext();
  const within = ({ parentSpanContext }: ReadableSpan) => parentSpanContext?.spanId;
  const steps = [...spans('tls'), ...spans('login')];
  assert.deepEqual(
    steps.map((span) => [span.name, within(span), span.status.message]),
    [
      ['tls', context.spanId, undefined],
      ['tls', other.spanContext().spanId, undefined],
      ['login', context.spanId, 'credentials'],
      ['login', context.spanId, undefined],
      ['login', other.spanContext().spanId, undefined],
    ],
  );
  const [tls, starttls] = spans('tls');
  assert.equal(tls?.attributes['tls.protocol.version'], '1.3');
  assert.ok(ms(session.startTime) === ms(tls.startTime), 'TLS came first');
  assert.ok(ms(tls.startTime) < ms(tls.endTime), 'a handshake takes a while');
  assert.ok(ms(other.startTime) < ms(starttls!.startTime), 'STARTTLS came after a greeting');
  assert.deepEqual(
    [session, other].map(({ attributes }) => [
      attributes['enduser.id'],
      attributes['postrider.messages'],
    ]),
    [
      ['ann@example.org', 2],
      ['ann@example.org', 1],
    ],
  );
  const [first, second] = receives;
  assert.ok(first && second);
  assert.deepEqual(namesOf([first]), [['receive', context.traceId, context.spanId]]);
  assert.equal(second.parentSpanContext, undefined);
  assert.notEqual(second.spanContext().traceId, context.traceId);
  assert.deepEqual(
    second.links.map((link) => [link.context.traceId, link.context.spanId]),
    [[context.traceId, context.spanId]],
  );
});
