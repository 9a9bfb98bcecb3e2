import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import type { Fields, Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import { MemoryPeer } from '../net/memory-peer.ts';
import type { Peer } from '../net/peer.ts';
import { defaultLimits } from '../smtp/limits.ts';
import { replies, reply } from '../smtp/reply.ts';
import type { Question, ServerFacts } from '../smtp/server/event.ts';
import { ServerSession } from '../smtp/server/session.ts';
import { SmtpError, StorageError } from '../smtp/smtp-error.ts';
import type { Answerer, ServerAnswer } from './conversation.ts';
import { Conversation } from './conversation.ts';

type Answers = (question: Question) => ServerAnswer | Promise<ServerAnswer>;

const yes: Answers = ({ kind }) => (kind === 'data' ? replies.startContent : replies.ok);

interface Setting {
  readonly facts?: Partial<ServerFacts>;
  readonly answer?: Answers;
  readonly content?: Answerer['content'];
  readonly startTls?: (peer: Peer) => Promise<Peer>;
  readonly turned?: (peer: Peer) => Promise<void>;
  readonly messageTimeout?: number;
}

/** A conversation that is under way: the greeting has been heard. */
async function open(setting: Setting = {}) {
  const peer = new MemoryPeer();
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (event: string, fields?: Fields) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, warn: write, error: write };
  const counts = { resets: 0, content: '' };
  const conversation = new Conversation({
    peer,
    session: new ServerSession({
      protocol: 'smtp',
      hostname: 'mx.example.net',
      secure: false,
      startTls: true,
      mechanisms: [],
      trusted: false,
      authRequired: false,
      bareNewlines: 'refuse',
      limits: defaultLimits,
      ...setting.facts,
    }),
    answerer: {
      answer: setting.answer ?? yes,
      content(bytes) {
        counts.content += Buffer.from(bytes).toString();
        return setting.content?.(bytes);
      },
      reset() {
        counts.resets += 1;
        return undefined;
      },
      secured: () => ({ mechanisms: [], trusted: false }),
      turned: (client) => setting.turned?.(client) ?? Promise.resolve(),
    },
    startTls: setting.startTls ?? (() => Promise.reject(new Error('no TLS here'))),
    limits: { messageTimeout: setting.messageTimeout },
    clock,
    log,
  });
  const over = conversation.run();
  const greeting = await peer.hear();
  return { peer, clock, conversation, over, lines, counts, greeting };
}

const envelope =
  'EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n';

describe('Conversation', () => {
  it('RFC 2920 §3.1: answers a pipelined group in one piece', async () => {
    const { peer, greeting, over, counts } = await open();
    assert.equal(greeting, '220 mx.example.net ESMTP OK\r\n');
    const heard = await peer.say(`${envelope}Hi\r\n.\r\nQUIT\r\n`);
    const codes = [...heard.matchAll(/^(\d{3}) /gm)].map((match) => match[1]);
    assert.deepEqual(codes, ['250', '250', '250', '354', '250', '221']);
    assert.equal(counts.content, 'Hi\r\n');
    await over;
    assert.ok(peer.ended && peer.destroyed);
    assert.equal(counts.resets, 1, 'whatever happened, nothing half-received remains');
  });

  it('RFC 2645 §5.3: the roles turn round even where the 250 does not get away: somebody waits for it', async () => {
    const turned: Peer[] = [];
    const asked = Promise.withResolvers<ServerAnswer>();
    const { peer, over } = await open({
      facts: { atrn: true, mechanisms: ['EXTERNAL'], secure: true },
      async turned(client) {
        turned.push(client);
      },
      answer(question) {
        if (question.kind === 'auth') return replies.authenticated;
        return question.kind === 'atrn' ? asked.promise : yes(question);
      },
    });
    await peer.say('EHLO client.test\r\n');
    await peer.say('AUTH EXTERNAL =\r\n');
    const saying = peer.say('ATRN\r\n');
    peer.destroy();
    asked.resolve(reply(250, '0.0', 'OK now reversing the connection'));
    await over;
    await saying;
    assert.deepEqual(turned, [peer]);
  });

  it('answers a client that has ended its half of the connection', async () => {
    const { peer, over } = await open();
    const saying = peer.say('NOOP\r\n');
    const rest = peer.endInput();
    assert.match((await saying) + (await rest), /^250 2\.0\.0 OK\r\n$/);
    await over;
  });

  it('RFC 5321 §4.2.1: what nobody foresaw is 451, in the log, and no word of it to the peer', async () => {
    const answer: Answers = (question) => {
      if (question.kind === 'mail') throw new TypeError('secret.table is not iterable');
      if (question.kind === 'vrfy') return Promise.reject(new Error('secret'));
      return yes(question);
    };
    const { peer, lines } = await open({ answer });
    await peer.say('EHLO client.test\r\n');
    const local = '451 4.3.0 Local error, try again later\r\n';
    assert.equal(await peer.say('MAIL FROM:<a@client.test>\r\n'), local);
    assert.equal(await peer.say('VRFY bob\r\n'), local);
    assert.match(lines.join('\n'), /unforeseen failure .*secret\.table[\s\S]*unforeseen failure/);
    assert.match(await peer.say('NOOP\r\n'), /^250 /, 'the conversation goes on');
  });

  it('an expected refusal has its own words; a store without room is logged', async () => {
    const answer: Answers = (question) => {
      if (question.kind === 'mail') throw new SmtpError(reply(550, '7.1', 'Not you'));
      if (question.kind === 'vrfy') throw new StorageError('disk full');
      return yes(question);
    };
    const { peer, lines } = await open({ answer });
    await peer.say('EHLO client.test\r\n');
    assert.equal(await peer.say('MAIL FROM:<a@client.test>\r\n'), '550 5.7.1 Not you\r\n');
    assert.match(await peer.say('VRFY bob\r\n'), /^452 4\.3\.1 /);
    assert.deepEqual(lines, ['refused for now {"during":"vrfy","error":"disk full"}']);
  });

  it('RFC 5321 §3.8: a mistake that leaves nothing to answer ends with 421 and a line in the log', async () => {
    const content = () => {
      throw new TypeError('secret');
    };
    const { peer, over, lines, counts } = await open({ content });
    assert.match(await peer.say(`${envelope}Hi\r\n`), /\n354 .*\r\n421 4\.3\.0 .*\r\n$/);
    await over;
    assert.match(lines.join('\n'), /unforeseen failure .*secret/);
    assert.ok(peer.destroyed);
    assert.equal(counts.resets, 1);
  });

  it('a broken connection is no failure of ours, and leaves nothing', async () => {
    const { peer, over, lines, counts } = await open();
    await peer.say(envelope);
    await peer.fail();
    await over;
    assert.deepEqual(lines, []);
    assert.equal(counts.resets, 1);
    assert.ok(peer.destroyed);
  });

  it('RFC 5321 §4.5.3.2: silence ends with 421 after the time of the phase', async () => {
    const { peer, over } = await open({
      facts: { limits: { ...defaultLimits, contentTimeout: 7_000 } },
    });
    assert.equal(peer.timeoutMs, defaultLimits.commandTimeout);
    await peer.say(envelope);
    assert.equal(peer.timeoutMs, 7_000);
    assert.match(await peer.timeOut(), /^421 4\.4\.2 /);
    await over;
    assert.ok(peer.ended);
  });

  it('a byte now and then does not prolong a command', async () => {
    const { peer, clock, over } = await open();
    await clock.advance(defaultLimits.commandTimeout - 10_000);
    assert.equal(await peer.say('NO'), '');
    assert.equal(peer.timeoutMs, 10_000);
    await clock.advance(10_000);
    assert.match(await peer.say('O'), /^421 4\.4\.2 /);
    await over;
  });

  it('content that trickles in steadily comes to an end too', async () => {
    const { peer, clock, over } = await open({ messageTimeout: 60_000 });
    await peer.say(envelope);
    await clock.advance(59_000);
    assert.equal(await peer.say('Hi\r\n'), '');
    await clock.advance(1_000);
    assert.match(await peer.say('Hi\r\n'), /^421 4\.4\.2 /);
    await over;
  });

  describe('shutdown', () => {
    it('RFC 5321 §3.8: 421 to the idle', async () => {
      const { peer, over, conversation } = await open();
      assert.ok(conversation.idle);
      conversation.shutdown();
      await over;
      assert.match(await peer.hear(), /^421 4\.3\.2 /);
      assert.ok(peer.ended && peer.destroyed);
    });

    it('the others finish their transaction first', async () => {
      const { peer, over, conversation, counts } = await open();
      await peer.say(envelope);
      conversation.shutdown();
      assert.ok(!conversation.idle && !peer.ended);
      assert.match(await peer.say('Hi\r\n.\r\n'), /^250 2\.0\.0 OK\r\n421 4\.3\.2 .*\r\n$/);
      assert.equal(counts.content, 'Hi\r\n');
      await over;
      assert.ok(peer.ended);
    });

    it('421 also to a client that is slow to take its replies', async () => {
      const { peer, over, conversation } = await open();
      peer.stick();
      const first = await peer.say('NOOP\r\n');
      conversation.shutdown();
      peer.unstick();
      await over;
      assert.match(first + (await peer.hear()), /^250 .*\r\n421 4\.3\.2 /);
    });

    it('destroy() ends it wherever it is', async () => {
      const { peer, over, conversation, counts } = await open();
      await peer.say(envelope);
      conversation.destroy();
      await over;
      assert.equal(counts.resets, 1);
    });
  });

  describe('STARTTLS', () => {
    const facts = {
      protocol: 'TLSv1.3',
      cipher: 'x',
      verified: false,
      peerNames: [],
      servername: undefined,
      resumed: false,
      verifyError: undefined,
      channelBinding: () => undefined,
    };

    it('CVE-2011-0411: what came in the clear behind it is not part of the protected session', async () => {
      const secured = new MemoryPeer({ tls: facts });
      const { peer, over } = await open({ startTls: async () => secured });
      await peer.say('EHLO client.test\r\n');
      const clear = peer.say('STARTTLS\r\nMAIL FROM:<injected@client.test>\r\n');
      assert.equal(await secured.hear(), '');
      assert.match(await secured.say('NOOP\r\n'), /^250 /);
      assert.match(
        await secured.say('RCPT TO:<b@example.net>\r\n'),
        /^503 /,
        'as if just connected',
      );
      assert.doesNotMatch(await secured.say('EHLO client.test\r\n'), /STARTTLS/);
      await secured.endInput();
      await over;
      peer.destroy();
      assert.match(await clear, /^220 2\.0\.0 .*\r\n$/);
    });

    it('a handshake that fails ends the connection without a word in the clear', async () => {
      const { peer, over, lines } = await open();
      await peer.say('EHLO client.test\r\n');
      assert.match(await peer.say('STARTTLS\r\n'), /^220 2\.0\.0 .*\r\n$/);
      await over;
      assert.deepEqual(lines, []);
      assert.ok(peer.destroyed);
    });
  });
});
