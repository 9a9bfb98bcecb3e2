// Traces by OpenTelemetry, where whoever runs the server has registered an SDK: one for each message, with a span for the session that it
// came by (TLS and logins in it), one for taking it in, one for each wait in the queue before a first attempt, and one for each attempt.
// The second message of a session and those after it have traces of their own, with a link to the session: a connection that stays open
// for days would be one trace without an end. The conventions do so with connections (.NET network spans) and batches (messaging). The API's package is looked for once;
// where there is none, or no SDK behind it, there is no tracer, and nothing is paid for it.
// Names of attributes follow OpenTelemetry's conventions where there are any. W3C Trace Context.

import type { Attributes, Context, Span, SpanContext, Tracer } from '@opentelemetry/api';
import { destinationText } from '../../queue/destination-text.ts';
import type {
  AttemptTimes,
  MessageTracer,
  Receiving,
  SessionStep,
  SessionTracer,
} from '../../queue/story/message-tracer.ts';
import type { AttemptResult } from '../../store/history.ts';
import type { Lease, NewMessage, Origin } from '../../store/queue-store.ts';

type Api = typeof import('@opentelemetry/api');

/** Limit: logins and handshakes of a session that has brought no message yet. */
const stepsMax = 20;
/** Limit: recipients of one attempt that are told of. */
const recipientsMax = 50;

/** Undefined where nobody has registered an SDK, which has to be done before: `node --import`. */
export async function openTelemetryTracer(): Promise<MessageTracer | undefined> {
  // An SDK leaves word of itself for every copy of the API there may be: without that the API needs not be read.
  const isRegistered = Object.getOwnPropertySymbols(globalThis).some((symbol) =>
    symbol.description?.startsWith('opentelemetry.js.api'),
  );
  if (!isRegistered) return undefined;
  const api = await import('@opentelemetry/api').catch(() => undefined);
  if (api === undefined) return undefined;
  // What `getTracerProvider` gives stands for an SDK that may come; only with one behind it does a span record.
  const tracer = api.trace.getTracer('postrider');
  const probe = tracer.startSpan('postrider');
  const isThere = api.trace.isSpanContextValid(probe.spanContext());
  return isThere ? new OpenTelemetryTracer(api, tracer) : undefined;
}

class OpenTelemetryTracer implements MessageTracer {
  readonly #api: Api;
  readonly #tracer: Tracer;

  constructor(api: Api, tracer: Tracer) {
    this.#api = api;
    this.#tracer = tracer;
  }

  session(began: number): SessionTracer {
    return new SessionSpan(this.#api, this.#tracer, began);
  }

  /** Handed in by a program: there is no session. */
  receive(began: number): Receiving {
    const { SpanKind, ROOT_CONTEXT } = this.#api;
    const options = { kind: SpanKind.SERVER, startTime: began };
    return receiving(this.#api, this.#tracer.startSpan('receive', options, ROOT_CONTEXT));
  }

  attempted(lease: Lease, results: readonly AttemptResult[], { from, to }: AttemptTimes): void {
    const { SpanKind, SpanStatusCode } = this.#api;
    const { message } = lease;
    const context = this.#contextOf(message.origin.trace);
    const attempt = Math.max(...lease.recipients.map((one) => one.attempt));
    const start = (name: string, kind: number, startTime: number): Span =>
      this.#tracer.startSpan(
        name,
        { kind, startTime, attributes: sharedAttributes(lease) },
        context,
      );
    if (attempt === 1) start('queue', SpanKind.INTERNAL, message.received).end(from);
    const span = start('attempt', SpanKind.CLIENT, from);
    span.setAttribute('postrider.attempt', attempt);
    span.setAttributes(hostAttributes(results[0]));
    for (const { address, result, reply, note } of results.slice(0, recipientsMax))
      span.addEvent(
        result,
        {
          'postrider.recipient': address,
          'postrider.reply': reply,
          ...(note !== undefined && { 'postrider.note': note }),
        },
        to,
      );
    const bad = results.find(({ result }) => result !== 'delivered' && result !== 'relayed');
    if (bad !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: bad.reply });
    span.end(to);
  }

  /** What an SDK did not see begin has a trace of its own. */
  #contextOf(trace: string | undefined): Context {
    const { ROOT_CONTEXT, trace: spans } = this.#api;
    const kept = trace === undefined ? undefined : spanContextOf(trace);
    return kept === undefined || !spans.isSpanContextValid(kept)
      ? ROOT_CONTEXT
      : spans.setSpanContext(ROOT_CONTEXT, kept);
  }
}

/** The span of a connection; it and what happened on it before are made with its first message, and scanners leave nothing. */
class SessionSpan implements SessionTracer {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #began: number;
  #steps: SessionStep[] = [];
  #span: Span | undefined;
  #messages = 0;

  constructor(api: Api, tracer: Tracer, began: number) {
    this.#api = api;
    this.#tracer = tracer;
    this.#began = began;
  }

  step(step: SessionStep): void {
    if (this.#span !== undefined) this.#told(this.#span, step);
    else if (this.#steps.length < stepsMax) this.#steps.push(step);
  }

  receive(began: number): Receiving {
    const { SpanKind, ROOT_CONTEXT } = this.#api;
    this.#span ??= this.#opened();
    const session = this.#span;
    const options = { kind: SpanKind.SERVER, startTime: began };
    this.#messages += 1;
    const span =
      this.#messages === 1
        ? this.#tracer.startSpan('receive', options, this.#within(session))
        : this.#tracer.startSpan(
            'receive',
            { ...options, links: [{ context: session.spanContext() }] },
            ROOT_CONTEXT,
          );
    return receiving(this.#api, span, session);
  }

  ended(at: number): void {
    this.#span?.setAttribute('postrider.messages', this.#messages);
    this.#span?.end(at);
  }

  #opened(): Span {
    const { SpanKind, ROOT_CONTEXT } = this.#api;
    const options = { kind: SpanKind.SERVER, startTime: this.#began };
    const session = this.#tracer.startSpan('session', options, ROOT_CONTEXT);
    for (const step of this.#steps) this.#told(session, step);
    this.#steps = [];
    return session;
  }

  #told(session: Span, { name, from, to, facts, failed }: SessionStep): void {
    const { SpanStatusCode } = this.#api;
    const options = { startTime: from, attributes: { ...facts } };
    const span = this.#tracer.startSpan(name, options, this.#within(session));
    if (failed !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failed });
    span.end(to);
  }

  #within(session: Span): Context {
    const { ROOT_CONTEXT, trace } = this.#api;
    return trace.setSpan(ROOT_CONTEXT, session);
  }
}

/** What is known of the client with its message is told of its session, too. */
function receiving({ SpanStatusCode }: Api, span: Span, session?: Span): Receiving {
  return {
    trace: traceparent(span.spanContext()),
    queued(message, at) {
      const origin = originAttributes(message.origin);
      session?.setAttributes(origin);
      span.setAttributes({ ...origin, ...messageAttributes(message) });
      span.end(at);
    },
    failed(origin, at, why) {
      const attributes = originAttributes(origin);
      session?.setAttributes(attributes);
      span.setAttributes(attributes);
      span.setStatus({ code: SpanStatusCode.ERROR, message: why });
      span.end(at);
    },
  };
}

const traceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

function spanContextOf(trace: string): SpanContext | undefined {
  const found = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(trace);
  if (found === null) return undefined;
  const [, traceId = '', spanId = '', flags = '00'] = found;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

const sharedAttributes = ({ message, destination }: Lease): Attributes => ({
  'postrider.id': message.id,
  'postrider.destination': destinationText(destination),
});

function messageAttributes({ id, sender, recipients, messageId }: NewMessage): Attributes {
  return {
    'postrider.id': id,
    'postrider.sender': sender,
    'postrider.recipients': recipients.length,
    ...(messageId !== undefined && { 'postrider.message_id': messageId }),
  };
}

function originAttributes(origin: Origin): Attributes {
  const { session, service, clientAddress, hello, account, protocol, tls } = origin;
  return {
    'postrider.session': session,
    'postrider.service': service,
    'network.protocol.name': protocol,
    ...(clientAddress !== undefined && { 'client.address': clientAddress }),
    ...(hello !== undefined && { 'postrider.hello': hello }),
    ...(account !== undefined && { 'enduser.id': account }),
    ...(tls !== undefined && { 'postrider.tls': tls }),
  };
}

function hostAttributes(result: AttemptResult | undefined): Attributes {
  const { host, tls } = result ?? {};
  return {
    ...(host !== undefined && { 'server.address': host }),
    ...(tls !== undefined && { 'postrider.tls': tls }),
  };
}
