// Our client against our server, without sockets: whatever the pieces the wire cuts, what the one
// sends is what the other gets.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { fc } from '../../base/test-properties.ts';
import { chooseSaslClient } from '../../sasl/client.ts';
import { defaultLimits } from '../limits.ts';
import { reply } from '../reply.ts';
import type { Question, ServerFacts } from '../server/event.ts';
import { isQuestion } from '../server/event.ts';
import { ServerSession } from '../server/session.ts';
import { ContentEncoder } from './content-encoder.ts';
import type { ClientEvent, Outgoing } from './event.ts';
import { ClientSession } from './session.ts';

const facts: ServerFacts = {
  protocol: 'smtp',
  hostname: 'server.example',
  secure: false,
  startTls: true,
  mechanisms: ['PLAIN'],
  trusted: false,
  authRequired: false,
  bareNewlines: 'refuse',
  limits: defaultLimits,
};

interface Received {
  from: string;
  to: string[];
  content: string;
}

/** A server that refuses recipients whose local part begins with `no`, and keeps the rest. */
class Server {
  readonly session: ServerSession;
  readonly received: Received[] = [];
  readonly lmtp: boolean;
  closed = false;
  handshake = false;
  #envelope: Received = { from: '', to: [], content: '' };

  constructor(changes: Partial<ServerFacts>) {
    this.session = new ServerSession({ ...facts, ...changes });
    this.lmtp = changes.protocol === 'lmtp';
  }

  /** What it says to these bytes. */
  hear(bytes: Uint8Array | undefined): string {
    if (bytes !== undefined) this.session.receive(bytes);
    for (;;) {
      const event = this.session.next();
      if (isQuestion(event)) this.#answer(event);
      else if (event.kind === 'content')
        this.#envelope.content += Buffer.from(event.bytes).toString('latin1');
      else if (event.kind === 'reset') this.#envelope = { from: '', to: [], content: '' };
      else if (event.kind !== 'auth-cancelled') {
        this.closed = event.kind === 'close';
        this.handshake = event.kind === 'starttls';
        return this.session.output();
      }
    }
  }

  #answer(question: Question): void {
    const { session } = this;
    const { to } = this.#envelope;
    if (question.kind === 'message' && this.lmtp) {
      this.#keep();
      session.answerEach(to.map((each) => reply(250, '0.0', `${each} has it`)));
    } else session.answer(this.#replyTo(question));
  }

  #keep(): void {
    this.received.push(this.#envelope);
    this.#envelope = { from: '', to: [], content: '' };
  }

  #replyTo(question: Question) {
    switch (question.kind) {
      case 'connect':
        return reply(220, undefined, 'server.example ESMTP');
      case 'mail':
        this.#envelope = { from: question.from?.local ?? '', to: [], content: '' };
        return reply(250, '1.0', 'OK');
      case 'rcpt':
        if (question.to.local.startsWith('no')) return reply(550, '1.1', 'Nobody of that name');
        this.#envelope.to.push(question.to.local);
        return reply(250, '1.5', 'OK');
      case 'data':
        return question.via === 'DATA' ? reply(354, undefined, 'Go on') : reply(250, '0.0', 'OK');
      case 'message':
        this.#keep();
        return reply(250, '0.0', 'Queued');
      case 'auth':
        return reply(235, '7.0', 'Welcome');
      default:
        return reply(250, '0.0', 'OK');
    }
  }
}

/** Carries bytes between the two, cut at random, until the client has an event for its owner. */
function carry(client: ClientSession, server: Server, cut: () => number): ClientEvent {
  for (;;) {
    const event = client.next();
    if (event.kind !== 'need-input') return event;
    const said = pieces(client);
    let answer = '';
    for (let at = 0; at < said.length; ) {
      const end = at + cut();
      answer += server.hear(said.subarray(at, end));
      at = end;
    }
    if (said.length === 0) answer += server.hear(undefined);
    const bytes = Buffer.from(answer);
    for (let at = 0; at < bytes.length; ) {
      const end = at + cut();
      client.receive(bytes.subarray(at, end));
      at = end;
      if (at < bytes.length) {
        const early = client.next();
        // A reply group may be cut anywhere; the rest is for the next round.
        if (early.kind !== 'need-input') {
          client.receive(bytes.subarray(at));
          return early;
        }
      }
    }
    if (answer === '' && server.closed) client.ended();
    assert.ok(said.length > 0 || answer !== '', 'neither waits for the other for ever');
  }
}

function pieces(client: ClientSession): Buffer {
  const said: Buffer[] = [];
  for (let piece = client.output(); piece !== undefined; piece = client.output())
    said.push(Buffer.from(piece));
  return Buffer.concat(said);
}

const outgoing = (
  to: readonly string[],
  content: Outgoing['content'],
  binary = false,
): Outgoing => ({
  sender: 'sender@example.org',
  params: binary ? ['BODY=BINARYMIME'] : [],
  recipients: to.map((local) => ({ address: `${local}@example.net`, params: [] })),
  content,
  binary,
});

/** What should arrive of content that is not binary. */
function canonical(content: Uint8Array): string {
  const encoder = new ContentEncoder(false);
  return Buffer.from(encoder.encode(content)).toString('latin1') + encoder.end();
}

const body = fc
  .array(fc.constantFrom('\r\n', '.', '..', 'a', 'Subject: x', '\n', '\r', '\r\n.\r\n', 'é', '\0'))
  .map((parts) => Buffer.from(parts.join('')));
const recipients = fc.array(fc.constantFrom('ann', 'bob', 'nobody', 'none'), {
  minLength: 1,
  maxLength: 5,
});

describe('our client and our server', () => {
  for (const protocol of ['smtp', 'lmtp'] as const)
    for (const withheld of [
      [],
      ['CHUNKING', 'BINARYMIME'],
      ['PIPELINING'],
      ['PIPELINING', 'CHUNKING', 'BINARYMIME'],
    ])
      it(`${protocol} without ${withheld.join(', ') || 'nothing'}: what is sent arrives`, () => {
        fc.assert(
          fc.property(
            fc.array(fc.tuple(recipients, body, fc.constantFrom('memory', 'stream', 'binary')), {
              minLength: 1,
              maxLength: 4,
            }),
            fc.integer(),
            (messages, seed) => {
              const random = seededRandom(seed);
              const widths = [1, 3, 50, 10_000];
              const cut = () => widths[Math.floor(random.fraction() * widths.length)]!;
              const server = new Server({ protocol, withheld: new Set(withheld) });
              const client = new ClientSession({ protocol, hostname: 'client.example' });
              assert.equal(carry(client, server, cut).kind, 'ready');
              for (const [to, content, how] of messages) {
                const binary = how === 'binary' && client.capabilities.keywords.has('BINARYMIME');
                const memory = {
                  kind: 'memory',
                  pieces: [content.subarray(0, 3), content.subarray(3)],
                } as const;
                const stream = { kind: 'stream', size: content.length } as const;
                const before = server.received.length;
                client.send(outgoing(to, how === 'stream' ? stream : memory, binary));
                let event = carry(client, server, cut);
                if (event.kind === 'content') {
                  for (let at = 0; at < content.length; ) {
                    const end = at + cut();
                    client.content(content.subarray(at, end));
                    at = end;
                  }
                  client.endContent();
                  event = carry(client, server, cut);
                }
                assert.equal(event.kind, 'sent');
                const answers = event.kind === 'sent' ? event.answers : [];
                const taken = to.filter((local) => !local.startsWith('no'));
                assert.deepEqual(
                  answers.map(({ reply: { code } }) => code),
                  to.map((local) => (local.startsWith('no') ? 550 : 250)),
                );
                const got = server.received.slice(before);
                assert.deepEqual(
                  got,
                  taken.length === 0
                    ? []
                    : [
                        {
                          from: 'sender',
                          to: taken,
                          content: binary ? content.toString('latin1') : canonical(content),
                        },
                      ],
                );
              }
              client.quit();
              assert.deepEqual(carry(client, server, cut), {
                kind: 'closed',
                because: { kind: 'quit' },
              });
            },
          ),
          { numRuns: 50 },
        );
      });

  it('RFC 3207, RFC 4954: TLS, login, and a message', () => {
    const server = new Server({ mechanisms: [] });
    const client = new ClientSession({ protocol: 'smtp', hostname: 'client.example' });
    const cut = () => 7;
    carry(client, server, cut);
    assert.deepEqual(client.capabilities.mechanisms, []);
    client.startTls();
    assert.equal(carry(client, server, cut).kind, 'starttls');
    assert.equal(server.handshake, true);
    server.session.tlsStarted({ mechanisms: ['PLAIN'], trusted: false });
    client.tlsStarted();
    assert.equal(carry(client, server, cut).kind, 'ready');
    assert.equal(client.capabilities.keywords.has('STARTTLS'), false);
    const credentials = { user: 'u', password: 'p', insecure: true };
    client.authenticate(chooseSaslClient(client.capabilities.mechanisms, credentials, undefined)!);
    assert.equal(carry(client, server, cut).kind, 'ready');
    client.send(outgoing(['ann'], { kind: 'memory', pieces: [Buffer.from('x\r\n')] }));
    assert.equal(carry(client, server, cut).kind, 'sent');
    assert.equal(server.received.length, 1);
  });

  it('RFC 1870 §6.1, RFC 9422 §4: the client knows the limits of the server', () => {
    const server = new Server({
      limits: { ...defaultLimits, messageSize: 1234, recipients: 7, messagesPerConnection: 3 },
    });
    const client = new ClientSession({ protocol: 'smtp', hostname: 'client.example' });
    carry(client, server, () => 100);
    assert.equal(client.capabilities.messageBytesMax, 1234);
    assert.equal(client.capabilities.recipientsMax, 7);
    assert.equal(client.capabilities.messagesMax, 3);
  });

  it('a server that stops is heard', () => {
    const server = new Server({});
    const client = new ClientSession({ protocol: 'smtp', hostname: 'client.example' });
    carry(client, server, () => 100);
    server.session.shuttingDown();
    client.receive(Buffer.from(server.hear(undefined)));
    const event = client.next();
    assert.ok(event.kind === 'closed' && event.because.kind === 'refused');
    assert.equal(event.because.reply.code, 421);
  });
});
