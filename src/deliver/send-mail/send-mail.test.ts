import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { issueCertificate } from '../../net/certificate.ts';
import { DialError } from '../../net/dialer.ts';
import type { Script } from '../../net/scripted-server.ts';
import { scriptedServer } from '../../net/scripted-server.ts';
import { HopFailure } from '../relay/hop-failure.ts';
import { SendMailError, sendMail } from './send-mail.ts';

const issued = issueCertificate({
  commonName: 'localhost',
  names: ['127.0.0.1'],
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 3_600_000),
});

const letter = {
  from: 'me@example.org',
  to: ['a@example.net', 'b@example.net'],
  message: 'Subject: x\n\nHi.\n',
  hostname: 'me.example.org',
};

describe('sendMail', () => {
  it('tells who got the message and who did not', async () => {
    await using server = await scriptedServer({
      script: (_, line) => (line.includes('<b@') ? '550 5.1.1 Nobody' : undefined),
    });
    const result = await sendMail({ ...letter, port: server.port });
    assert.deepEqual(result.accepted, ['a@example.net']);
    assert.equal(result.refused[0]?.address, 'b@example.net');
    assert.equal(result.reply.code, 250);
    assert.deepEqual(server.heard.slice(-2), ['Subject: x\r\n\r\nHi.\r\n', 'QUIT']);
    assert.equal(server.connections.total, 1);
  });

  const five = [1, 2, 3, 4, 5].map((n) => `r${n}@example.net`);
  /** Takes two recipients in a transaction, and `content` of it. */
  const takesTwo = (refusal: string, content?: string): Script => {
    let accepted = 0;
    return (verb) => {
      if (verb === 'MAIL') accepted = 0;
      if (verb === '.') return content;
      return verb === 'RCPT' && ++accepted > 2 ? refusal : undefined;
    };
  };
  for (const refusal of ['552 too many', '452 4.5.3 too many', '550 5.5.3 too many'])
    it(`RFC 5321 §4.5.3.1.10: "${refusal}" after accepted recipients means the next transaction`, async () => {
      await using server = await scriptedServer({ script: takesTwo(refusal) });
      const result = await sendMail({ ...letter, to: five, port: server.port });
      assert.deepEqual(result.accepted, five);
      assert.deepEqual(result.refused, []);
      const asked = server.heard.filter((line) => /^(MAIL|RCPT)/.test(line));
      assert.equal(asked.map((line) => line[0]).join(''), 'MRRRRRMRRRMR');
      assert.equal(server.connections.total, 1);
    });

  it('RFC 5321 §4.5.3.1.10: who is too many where nobody gets the message may be tried again', async () => {
    await using server = await scriptedServer({
      script: takesTwo('552 too many', '451 4.3.0 not now'),
    });
    await assert.rejects(sendMail({ ...letter, to: five, port: server.port }), (error) => {
      assert.ok(error instanceof SendMailError);
      assert.deepEqual(
        error.refused.map(({ reply }) => reply.code),
        [451, 451, 451, 451, 451],
      );
      return server.heard.filter((line) => line.startsWith('MAIL')).length === 1;
    });
  });

  it('RFC 5321 §4.5.3.1.10: a bare 552 to the first recipient is final', async () => {
    await using server = await scriptedServer({
      script: (_, line) => (line.includes('<a@') ? '552 storage exceeded' : undefined),
    });
    const result = await sendMail({ ...letter, port: server.port });
    assert.deepEqual(result.accepted, ['b@example.net']);
    assert.equal(result.refused[0]?.reply.code, 552);
  });

  it('rejects with the server’s words when nobody got it', async () => {
    await using server = await scriptedServer({
      script: (verb) => (verb === 'MAIL' ? '553 5.7.1 Not you' : undefined),
    });
    await assert.rejects(sendMail({ ...letter, port: server.port }), (error) => {
      assert.ok(error instanceof SendMailError);
      assert.equal(error.message, '553 5.7.1 Not you');
      assert.equal(error.code, 'REFUSED');
      return error.refused.length === 2;
    });
  });

  it('rejects when there is no server, or one that does not want us', async () => {
    const { port } = await (async () => {
      await using server = await scriptedServer();
      return server;
    })();
    await assert.rejects(sendMail({ ...letter, port }), DialError);
    await using server = await scriptedServer({
      script: (verb) => (verb === '' ? '554 no' : undefined),
    });
    await assert.rejects(sendMail({ ...letter, port: server.port }), HopFailure);
  });

  for (const [stage, silent, tls] of [
    ['the greeting', '', 'none'],
    ['EHLO', 'EHLO', 'none'],
    ['MAIL', 'MAIL', 'none'],
    ['MAIL under TLS', 'MAIL', 'verify'],
    ['the end of the content', '.', 'require'],
  ] as const)
    it(`\`signal\` gives it up while the server is silent at ${stage}`, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      await using server = await scriptedServer({
        keywords: ['STARTTLS'],
        tls: issued,
        script: (verb) => {
          if (verb !== silent) return undefined;
          setImmediate(() => controller.abort(new Error('enough')));
          return 'silence';
        },
      });
      const authorities = issued.certificate;
      const sending = sendMail({ ...letter, port: server.port, tls, authorities, signal });
      await assert.rejects(sending, (error) => {
        assert.ok(error instanceof DialError);
        assert.equal(error.code, 'ABORT_ERR');
        assert.equal(((error.cause as Error).cause as Error).message, 'enough');
        return true;
      });
      assert.equal(getEventListeners(signal, 'abort').length, 0);
      await server.quiet();
    });

  it('`signal` gives up a handshake, and is heard no more when the message is there', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    await using server = await scriptedServer({
      script: (verb) => {
        if (verb === '') setImmediate(() => controller.abort());
        return 'silence';
      },
    });
    const early = { ...letter, port: server.port, implicitTls: true, signal };
    await assert.rejects(sendMail(early), { code: 'ABORT_ERR' });
    await using willing = await scriptedServer();
    const other = new AbortController();
    const trace = (_: string, line: string) => line === 'QUIT' && other.abort();
    const sent = await sendMail({ ...letter, port: willing.port, signal: other.signal, trace });
    assert.equal(sent.accepted.length, 2);
    assert.equal(getEventListeners(other.signal, 'abort').length, 0);
  });

  it('what `trace` throws is for whoever called, once', async () => {
    await using server = await scriptedServer({ keywords: ['AUTH PLAIN'] });
    for (const from of ['* connecting', '* connected', 'S 220', 'C AUTH', 'C MAIL', '* sent']) {
      let heard = 0;
      const trace = (direction: string, line: string) => {
        if (heard === 0 && !`${direction} ${line}`.startsWith(from)) return;
        heard += 1;
        throw new Error(from);
      };
      const auth = { user: 'me', password: 'x' };
      const options = { ...letter, port: server.port, tls: 'none', auth, trace } as const;
      await assert.rejects(sendMail(options), { message: from });
      assert.equal(heard, 1);
      await server.quiet();
    }
  });

  it('a time that is not said is the default', async (t) => {
    const controller = new AbortController();
    const { signal } = controller;
    await using server = await scriptedServer({
      script: (verb) => (verb === 'EHLO' ? 'silence' : undefined),
    });
    const trace = (_: string, line: string) =>
      line.startsWith('EHLO') && setImmediate(() => controller.abort());
    const set = t.mock.method(globalThis, 'setTimeout');
    const given = { port: server.port, tls: 'none', timeouts: { greetingMs: undefined } } as const;
    const sending = sendMail({ ...letter, ...given, signal, trace });
    await assert.rejects(sending, { code: 'ABORT_ERR' });
    const waits = set.mock.calls.map((call) => call.arguments[1]);
    assert.ok(waits.includes(300_000), String(waits));
  });

  it('a long time is one, also Infinity', async () => {
    await using server = await scriptedServer();
    const times = { connectMs: Infinity, timeouts: { greetingMs: Infinity, blockMs: Infinity } };
    await sendMail({ ...letter, ...times, port: server.port });
  });

  it('shows the dialogue, TLS and timings, and no password', async () => {
    await using server = await scriptedServer({
      keywords: ['PIPELINING', 'STARTTLS', 'AUTH PLAIN'],
      tls: issued,
      script: (verb) => (verb === 'AUTH' ? '235 2.7.0 OK' : undefined),
    });
    const lines: string[] = [];
    const result = await sendMail({
      ...letter,
      to: 'a@example.net',
      port: server.port,
      tls: 'verify',
      authorities: issued.certificate,
      auth: { user: 'me', password: 'secret' },
      trace: (direction, line) => lines.push(`${direction} ${line}`),
    });
    assert.equal(result.tls?.verified, true);
    const dialogue = lines.map((line) => line.replace(/\d+\.\d ms$/, 'N ms'));
    assert.deepEqual(dialogue.slice(0, 12), [
      `* connecting to 127.0.0.1 port ${server.port}`,
      `* connected to 127.0.0.1 port ${server.port}`,
      'S 220 mx.test ready',
      'C EHLO me.example.org',
      'S 250-mx.test',
      'S 250-PIPELINING',
      'S 250-STARTTLS',
      'S 250-AUTH PLAIN',
      'S 250 HELP',
      'C STARTTLS',
      'S 220 go',
      'C EHLO me.example.org',
    ]);
    assert.ok(dialogue.includes('C AUTH PLAIN ***'));
    assert.ok(dialogue.some((line) => /^\* TLSv1\.3 .*, certificate verified/.test(line)));
    assert.deepEqual(dialogue.slice(-5), [
      'S 250 2.0.0 queued',
      '* sent after N ms',
      'C QUIT',
      'S 221 bye',
      '* closed after N ms',
    ]);
  });

  it('shows nothing of an AUTH exchange, in either direction', async () => {
    await using server = await scriptedServer({
      keywords: ['AUTH LOGIN'],
      script: (verb, line) =>
        verb === 'AUTH'
          ? '334 VXNlcm5hbWU6'
          : line === 'bWU='
            ? '334 UGFzc3dvcmQ6'
            : line === 'aHVudGVyMg=='
              ? '235 2.7.0 OK'
              : undefined,
    });
    const lines: string[] = [];
    await sendMail({
      ...{ ...letter, port: server.port, tls: 'none' },
      auth: { user: 'me', password: 'hunter2' },
      trace: (direction, line) => lines.push(`${direction} ${line}`),
    });
    const from = lines.findIndex((line) => line.startsWith('C AUTH'));
    assert.deepEqual(lines.slice(from, from + 6), [
      'C AUTH LOGIN',
      'S 334 ***',
      'C ***',
      'S 334 ***',
      'C ***',
      'S 235 2.7.0 OK',
    ]);
  });

  it('RFC 6531 §3.2: asks for SMTPUTF8 when the message needs it', async () => {
    await using server = await scriptedServer({ keywords: ['8BITMIME', 'SMTPUTF8'] });
    const message = 'Subject: grüß\r\n\r\nHi.\r\n';
    await sendMail({ ...letter, port: server.port, message });
    assert.equal(server.heard[1], 'MAIL FROM:<me@example.org> BODY=8BITMIME SMTPUTF8');
  });
});
