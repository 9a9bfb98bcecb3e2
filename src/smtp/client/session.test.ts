import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { anyText } from '../../base/test-text.ts';
import { chooseSaslClient } from '../../sasl/client.ts';
import { formatReply } from '../reply.ts';
import type { ClientEvent, Outgoing, SentEvent } from './event.ts';
import type { ClientSessionOptions } from './options.ts';
import { ClientSession } from './session.ts';

/** What the client wrote so far. */
function written(session: ClientSession): string {
  let text = '';
  for (let piece = session.output(); piece !== undefined; piece = session.output())
    text += typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1');
  return text;
}

type Script = readonly (readonly [expected: string | RegExp, answer: string])[];

/**
 * Plays the server: each time the client waits, it must have written `expected`, and hears
 * `answer`. Returns the first event that is for the owner.
 */
function play(session: ClientSession, script: Script, cut = Infinity): ClientEvent {
  const steps = [...script];
  let heard: Uint8Array[] = [];
  for (;;) {
    const event = session.next();
    if (event.kind !== 'need-input') {
      assert.equal(steps.length, 0, `the client should have written ${steps[0]?.[0]}`);
      return event;
    }
    const chunk = heard.shift();
    if (chunk !== undefined) {
      session.receive(chunk);
      continue;
    }
    const step = steps.shift();
    if (step === undefined) return event;
    const text = written(session);
    if (typeof step[0] === 'string') assert.equal(text, step[0].replaceAll('\n', '\r\n'));
    else assert.match(text, step[0]);
    const answer = Buffer.from(step[1].replaceAll('\n', '\r\n'));
    for (let at = 0; at < answer.length; at += cut)
      heard.push(answer.subarray(at, Math.min(answer.length, at + cut)));
    heard = heard.filter((part) => part.length > 0);
  }
}

const ehlo = (...keywords: string[]) =>
  `${['250-mx.example.net', ...keywords.map((keyword) => `250-${keyword}`), '250 HELP'].join('\n')}\n`;

function connected(keywords: string[], options: Partial<ClientSessionOptions> = {}): ClientSession {
  const session = new ClientSession({ protocol: 'smtp', hostname: 'client.example', ...options });
  const verb = options.protocol === 'lmtp' ? 'LHLO' : 'EHLO';
  const event = play(session, [
    ['', '220 mx.example.net ESMTP\n'],
    [`${verb} client.example\n`, ehlo(...keywords)],
  ]);
  assert.deepEqual(event, { kind: 'ready' });
  return session;
}

const message = (recipients = ['a@example.net'], more: Partial<Outgoing> = {}): Outgoing => ({
  sender: 's@example.org',
  params: [],
  recipients: recipients.map((address) => ({ address, params: [] })),
  content: { kind: 'memory', pieces: [Buffer.from('Received: x\r\n'), Buffer.from('\r\n.hi')] },
  ...more,
});
const wireContent = 'Received: x\n\n..hi\n.\n';

function result(event: ClientEvent): string[] {
  assert.equal(event.kind, 'sent');
  return (event as SentEvent).answers.map(
    ({ reply, stage, remote }) => `${stage}${remote ? '' : '*'}: ${formatReply(reply).trimEnd()}`,
  );
}

const closed = (event: ClientEvent) => {
  assert.equal(event.kind, 'closed');
  return event.kind === 'closed' ? event.because : undefined;
};

describe('a client session', () => {
  it('RFC 5321 §3.2: falls back to HELO when EHLO is unknown', () => {
    const session = new ClientSession({ protocol: 'smtp', hostname: 'c.example' });
    const event = play(session, [
      ['', '220 old\n'],
      ['EHLO c.example\n', '500 what?\n'],
      ['HELO c.example\n', '250 hello\n'],
    ]);
    assert.deepEqual(event, { kind: 'ready' });
    assert.equal(session.capabilities.extended, false);
  });

  it('RFC 5321 §3.1: a 554 instead of a greeting ends it', () => {
    const session = new ClientSession({ protocol: 'smtp', hostname: 'c.example' });
    const event = play(session, [['', '554 no\n']]);
    assert.equal(closed(event)?.kind, 'refused');
  });

  const lockStep: Script = [
    ['MAIL FROM:<s@example.org>\n', '250 2.1.0 Sender OK\n'],
    ['RCPT TO:<a@example.net>\n', '250 2.1.5 OK\n'],
    ['RCPT TO:<b@example.net>\n', '550 5.1.1 Nobody\n'],
    ['DATA\n', '354 go\n'],
    [wireContent, '250 2.0.0 queued\n'],
  ];
  const twoRecipients = ['end of data: 250 2.0.0 queued', 'RCPT: 550 5.1.1 Nobody'];

  for (const cut of [Infinity, 1, 3])
    it(`RFC 5321 §3.3: sends a message step by step (cut ${cut})`, () => {
      const session = connected([]);
      session.send(message(['a@example.net', 'b@example.net']));
      assert.deepEqual(result(play(session, lockStep, cut)), twoRecipients);
      assert.equal(session.ready, true);
    });

  it('RFC 2920 §3.1: sends MAIL, RCPT and DATA as one group', () => {
    const session = connected(['PIPELINING', 'SIZE 100000']);
    session.send(message(['a@example.net', 'b@example.net']));
    const event = play(session, [
      [
        'MAIL FROM:<s@example.org> SIZE=18\nRCPT TO:<a@example.net>\nRCPT TO:<b@example.net>\nDATA\n',
        '250 2.1.0 OK\n250 2.1.5 OK\n550 5.1.1 Nobody\n354 go\n',
      ],
      [wireContent, '250 2.0.0 queued\n'],
    ]);
    assert.deepEqual(result(event), twoRecipients);
  });

  it('RFC 3030 §4.2: sends everything in one write where BDAT is offered', () => {
    const session = connected(['PIPELINING', 'CHUNKING']);
    session.send(message(['a@example.net', 'b@example.net']));
    const event = play(session, [
      [
        'MAIL FROM:<s@example.org>\nRCPT TO:<a@example.net>\nRCPT TO:<b@example.net>\nBDAT 20 LAST\nReceived: x\n\n.hi\n',
        '250 2.1.0 OK\n250 2.1.5 OK\n550 5.1.1 Nobody\n250 2.0.0 queued\n',
      ],
    ]);
    assert.deepEqual(result(event), twoRecipients);
    session.send(message());
    assert.match(written(session), /^MAIL/, 'nothing has to be reset');
  });

  it('RFC 3030 §3: sends binary content byte for byte', () => {
    const session = connected(['PIPELINING', 'CHUNKING', 'BINARYMIME', '8BITMIME']);
    const content = { kind: 'memory', pieces: [Buffer.from('a\n\0\r.')] } as const;
    session.send(message(undefined, { params: ['BODY=BINARYMIME'], binary: true, content }));
    written(session);
    session.ended();
    const lockStepSession = connected(['CHUNKING', 'BINARYMIME', '8BITMIME']);
    lockStepSession.send(
      message(undefined, { params: ['BODY=BINARYMIME'], binary: true, content }),
    );
    const event = play(lockStepSession, [
      ['MAIL FROM:<s@example.org> BODY=BINARYMIME\n', '250 OK\n'],
      ['RCPT TO:<a@example.net>\n', '250 OK\n'],
      [/^BDAT 5 LAST\r\na\n\0\r\.$/, '250 OK\n'],
    ]);
    assert.deepEqual(result(event), ['end of data: 250 OK']);
  });

  it('RFC 3030 §2: sends RSET after a failed BDAT', () => {
    const session = connected(['PIPELINING', 'CHUNKING']);
    session.send(message());
    const event = play(session, [[/BDAT/, '250 OK\n250 OK\n452 4.3.1 full\n']]);
    assert.deepEqual(result(event), ['end of data: 452 4.3.1 full']);
    session.send(message());
    assert.match(written(session), /^RSET\r\nMAIL/);
  });

  for (const code of [500, 502])
    it(`RFC 5321 §4.2.4: ${code} to a BDAT that is offered is no word about the message`, () => {
      const session = connected(['PIPELINING', 'CHUNKING']);
      session.send(message(['a@x', 'b@x']));
      const said = `250 OK\n250 OK\n550 no\n${code} what?\n500 what?\n`;
      const event = play(session, [[/BDAT/, said]]);
      assert.equal(event.kind === 'sent' && event.unchunked, true);
      const why = `BDAT is offered and not known (${code} what?): in answer to the message`;
      assert.deepEqual(result(event), [`end of data*: 451 4.5.0 ${why}`, 'RCPT: 550 no']);
      assert.equal(
        closed(session.next())?.kind,
        'broken',
        'what it takes for commands was content',
      );
    });

  it('RFC 2920 §3.1: sends a lone dot when DATA is accepted without a recipient', () => {
    const session = connected(['PIPELINING']);
    session.send(message());
    const event = play(session, [
      [/DATA\r\n$/, '250 OK\n550 5.1.1 Nobody\n354 go\n'],
      ['.\n', '250 whatever\n'],
    ]);
    assert.deepEqual(result(event), ['RCPT: 550 5.1.1 Nobody']);
  });

  it('RFC 5321 §4.1.1.5: resets a transaction that was left open', () => {
    for (const keywords of [['PIPELINING'], []]) {
      const session = connected(keywords);
      session.send(message());
      const refused: Script =
        keywords.length > 0
          ? [[/DATA\r\n$/, '250 OK\n550 5.1.1 Nobody\n554 5.5.1 No recipients\n']]
          : [
              [/^MAIL/, '250 OK\n'],
              [/^RCPT/, '550 5.1.1 Nobody\n'],
            ];
      assert.deepEqual(result(play(session, refused)), ['RCPT: 550 5.1.1 Nobody']);
      session.send(message());
      assert.match(written(session), keywords.length > 0 ? /^RSET\r\nMAIL/ : /^RSET\r\n$/);
    }
  });

  it('a refused MAIL answers for all, whatever else is said', () => {
    const session = connected(['PIPELINING']);
    session.send(message(['a@example.net', 'b@example.net']));
    const event = play(session, [
      [/DATA/, '550 5.7.1 Not you\n503 5.5.1 MAIL first\n250 OK?\n503 5.5.1 MAIL first\n'],
    ]);
    assert.deepEqual(result(event), ['MAIL: 550 5.7.1 Not you', 'MAIL: 550 5.7.1 Not you']);
  });

  it('RFC 1870 §6.1: does not ask a server whose limit the message exceeds', () => {
    const session = connected(['SIZE 17']);
    session.send(message());
    const event = play(session, []);
    assert.deepEqual(result(event), [
      'MAIL*: 552 5.3.4 Message exceeds the 17 octets that the next host takes',
    ]);
    assert.equal(written(session), '');
  });

  it('RFC 2033 §4.2: hears a reply for each accepted recipient', () => {
    const session = connected(['PIPELINING'], { protocol: 'lmtp' });
    session.send(message(['a@x', 'b@x', 'c@x']));
    const event = play(session, [
      [/DATA\r\n$/, '250 OK\n250 OK\n550 5.1.1 No b\n250 OK\n354 go\n'],
      [wireContent, '250 2.0.0 a has it\n452 4.2.2 c is full\n'],
    ]);
    assert.deepEqual(result(event), [
      'end of data: 250 2.0.0 a has it',
      'RCPT: 550 5.1.1 No b',
      'end of data: 452 4.2.2 c is full',
    ]);
  });

  it('RFC 2033 §4.1: never says HELO to an LMTP server', () => {
    const session = new ClientSession({ protocol: 'lmtp', hostname: 'c.example' });
    const event = play(session, [
      ['', '220 x\n'],
      ['LHLO c.example\n', '500 what?\n'],
    ]);
    assert.equal(closed(event)?.kind, 'refused');
  });

  it('streams content piece by piece', () => {
    const session = connected(['PIPELINING', 'CHUNKING']);
    session.send(message(undefined, { content: { kind: 'stream', size: 9 } }));
    const event = play(session, [[/DATA\r\n$/, '250 OK\n250 OK\n354 go\n']]);
    assert.deepEqual(event, { kind: 'content' });
    for (const piece of ['ab\r', '\n.', 'c\r\n']) session.content(Buffer.from(piece));
    session.endContent();
    assert.deepEqual(result(play(session, [['ab\n..c\n.\n', '250 OK\n']])), [
      'end of data: 250 OK',
    ]);
  });

  it('RFC 6531 §3.3: addresses leave as UTF-8', () => {
    const session = connected(['PIPELINING', 'CHUNKING', 'SMTPUTF8']);
    session.send(message(['jürgen@例え.jp']));
    const text = Buffer.from(written(session), 'latin1').toString('utf8');
    assert.match(text, /RCPT TO:<jürgen@例え\.jp>/);
  });

  it('a line end in an address never leaves', () => {
    const session = connected([]);
    assert.throws(() => session.send(message(undefined, { sender: 'a@b>\r\nRCPT TO:<c@d' })));
  });

  it('RSET and QUIT', () => {
    const session = connected([]);
    session.reset();
    assert.deepEqual(play(session, [['RSET\n', '250 OK\n']]), { kind: 'ready' });
    session.quit();
    assert.deepEqual(closed(play(session, [['QUIT\n', '221 bye\n']])), { kind: 'quit' });
  });

  it('the trace leaves secrets and content out', () => {
    const lines: string[] = [];
    const session = connected(['AUTH PLAIN', 'PIPELINING'], {
      trace: (direction, line) => lines.push(`${direction}: ${line}`),
    });
    lines.length = 0;
    session.authenticate(
      chooseSaslClient(['PLAIN'], { user: 'u', password: 'p', insecure: true }, undefined)!,
    );
    play(session, [[/^AUTH PLAIN /, '235 2.7.0 OK\n']]);
    session.send(message());
    play(session, [
      [/DATA/, '250 OK\n250 OK\n354 go\n'],
      [/hi/, '250 OK\n'],
    ]);
    assert.deepEqual(lines, [
      'C: AUTH PLAIN ***',
      'S: 235 2.7.0 OK',
      'C: MAIL FROM:<s@example.org>',
      'C: RCPT TO:<a@example.net>',
      'C: DATA',
      'S: 250 OK',
      'S: 250 OK',
      'S: 354 go',
      'C: [18 octets]',
      'S: 250 OK',
    ]);
  });
});

describe('STARTTLS', () => {
  it('RFC 3207 §4.2: forgets what it knew, and says EHLO again', () => {
    const session = connected(['STARTTLS', 'PIPELINING']);
    session.startTls();
    assert.deepEqual(play(session, [['STARTTLS\n', '220 go ahead\n']]), { kind: 'starttls' });
    session.tlsStarted();
    assert.equal(session.capabilities.pipelining, false);
    assert.deepEqual(play(session, [['EHLO client.example\n', ehlo('CHUNKING')]]), {
      kind: 'ready',
    });
    assert.equal(session.capabilities.chunking, true);
  });

  it('CVE-2011-0411: plaintext after the 220 ends the session', () => {
    const session = connected(['STARTTLS']);
    session.startTls();
    const event = play(session, [['STARTTLS\n', '220 go ahead\n250 injected\n']]);
    assert.equal(closed(event)?.kind, 'broken');
  });

  it('RFC 3207 §4: goes on when it is refused', () => {
    const session = connected(['STARTTLS']);
    session.startTls();
    assert.equal(play(session, [['STARTTLS\n', '454 not now\n']]).kind, 'refused');
    assert.equal(session.ready, true);
  });
});

describe('AUTH', () => {
  const plain = chooseSaslClient(
    ['PLAIN'],
    { user: 'tim', password: 'tanstaaftanstaaf', insecure: true },
    undefined,
  )!;

  it('RFC 4954 §4.1: PLAIN with an initial response', () => {
    const session = connected(['AUTH PLAIN']);
    session.authenticate(plain);
    const event = play(session, [['AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\n', '235 2.7.0 OK\n']]);
    assert.deepEqual(event, { kind: 'ready' });
  });

  it('RFC 4954 §6: wrong credentials leave the session usable', () => {
    const session = connected(['AUTH PLAIN']);
    session.authenticate(plain);
    const event = play(session, [[/^AUTH/, '535 5.7.8 no\n']]);
    assert.ok(event.kind === 'refused' && event.verb === 'AUTH' && event.reply.code === 535);
  });

  it('LOGIN answers challenges', () => {
    const session = connected(['AUTH LOGIN']);
    session.authenticate(
      chooseSaslClient(['LOGIN'], { user: 'u', password: 'p', insecure: true }, undefined)!,
    );
    const event = play(session, [
      ['AUTH LOGIN\n', '334 VXNlcm5hbWU6\n'],
      ['dQ==\n', '334 UGFzc3dvcmQ6\n'],
      ['cA==\n', '235 OK\n'],
    ]);
    assert.deepEqual(event, { kind: 'ready' });
  });

  it('RFC 4954 §4: an initial response that is too long waits for a challenge', () => {
    const session = connected(['AUTH X']);
    const long = Buffer.alloc(600, 'a');
    session.authenticate({ mechanism: 'X', initial: () => long, respond: () => long });
    const event = play(session, [
      ['AUTH X\n', '334 \n'],
      [`${long.toString('base64')}\n`, '235 OK\n'],
    ]);
    assert.deepEqual(event, { kind: 'ready' });
  });

  it('RFC 4954 §4: "=" is an empty initial response', () => {
    const session = connected(['AUTH EXTERNAL']);
    session.authenticate({
      mechanism: 'EXTERNAL',
      initial: () => Buffer.alloc(0),
      respond: () => Buffer.alloc(0),
    });
    play(session, [['AUTH EXTERNAL =\n', '235 OK\n']]);
  });

  for (const challenge of ['not base64!', 'abc=def=', 'AA'])
    it(`RFC 4954 §4: cancels when the challenge is '${challenge}'`, () => {
      const session = connected(['AUTH LOGIN']);
      session.authenticate(
        chooseSaslClient(['LOGIN'], { user: 'u', password: 'p', insecure: true }, undefined)!,
      );
      const event = play(session, [
        ['AUTH LOGIN\n', `334 ${challenge}\n`],
        ['*\n', '501 cancelled\n'],
      ]);
      assert.ok(event.kind === 'refused' && event.reply.code === 454);
    });

  it('cancels when the mechanism does not like the challenge, and gives up on a server that insists', () => {
    const session = connected(['AUTH X']);
    const respond = () => {
      throw new Error('wrong proof');
    };
    session.authenticate({ mechanism: 'X', initial: () => undefined, respond });
    const event = play(session, [
      ['AUTH X\n', '334 AAAA\n'],
      ['*\n', '334 AAAA\n'],
    ]);
    assert.equal(closed(event)?.kind, 'broken');
  });
});

describe('a server that misbehaves', () => {
  const keywordSets: string[][] = [[], ['PIPELINING'], ['PIPELINING', 'CHUNKING']];

  it('RFC 5321 §3.8: 421 answers for everybody who has no answer yet, at any moment', () => {
    const full: Script = [
      [/^MAIL/, '250 OK\n'],
      [/^RCPT/, '550 5.1.1 Nobody\n'],
      [/^RCPT/, '250 OK\n'],
      [/^DATA/, '354 go\n'],
      [/hi/, '250 OK\n'],
    ];
    for (let at = 0; at < full.length; at += 1) {
      const session = connected([]);
      session.send(message(['a@x', 'b@x']));
      const script = [...full.slice(0, at), [full[at]![0], '421 4.3.2 bye\n'] as const];
      const event = play(session, script);
      const said = result(event);
      assert.equal(said[0], at > 1 ? 'RCPT: 550 5.1.1 Nobody' : said[1]);
      assert.match(said[1]!, /: 421 4\.3\.2 bye$/);
      assert.equal((event as SentEvent).answered, at > 0);
      assert.equal((event as SentEvent).complete, at === 4);
      assert.equal(closed(session.next())?.kind, 'refused');
    }
  });

  it('421 while idle is told before the next command is counted', () => {
    const session = connected([]);
    session.receive(Buffer.from('421 4.4.2 idle too long\r\n'));
    session.send(message());
    const event = session.next() as SentEvent;
    assert.deepEqual(result(event), ['idle: 421 4.4.2 idle too long']);
    assert.equal(event.answered, false);
    assert.equal(written(session), '');
    assert.equal(closed(session.next())?.kind, 'refused');
  });

  it('an answer that nobody asked for closes the session', () => {
    const session = connected([]);
    session.receive(Buffer.from('250 2.0.0 surprise\r\n'));
    assert.equal(closed(session.next())?.kind, 'broken');
  });

  it('a refusal before the end of data is believed, and ends the session', () => {
    const session = connected(['PIPELINING']);
    session.send(message(undefined, { content: { kind: 'stream', size: 100 } }));
    play(session, [[/DATA/, '250 OK\n250 OK\n354 go\n']]);
    session.content(Buffer.from('half\r\n'));
    const event = play(session, [[/half/, '552 5.3.4 too big\n']]);
    assert.deepEqual(result(event), ['content: 552 5.3.4 too big']);
    assert.equal(closed(session.next())?.kind, 'broken');
    session.content(Buffer.from('more'));
    session.endContent();
    assert.equal(written(session), '', 'nothing is sent after the end');
  });

  it('a 250 before the end of data is not believed', () => {
    const session = connected(['PIPELINING']);
    session.send(message(undefined, { content: { kind: 'stream', size: 100 } }));
    play(session, [[/DATA/, '250 OK\n250 OK\n354 go\n250 2.0.0 thanks already\n']]);
    const event = play(session, []);
    assert.match(result(event)[0]!, /^content\*: 451 4\.5\.0/);
  });

  for (const keywords of [[], ['PIPELINING']])
    it(`a 250 that comes along with the 354 is no answer to the message (${keywords})`, () => {
      const session = connected(keywords);
      session.send(message());
      const go = '354 go\n250 2.0.0 thanks already\n';
      const answers = ['250 OK\n', '250 OK\n'];
      const event = keywords.includes('PIPELINING')
        ? play(session, [[/DATA/, answers.join('') + go]])
        : play(session, [...answers.map((each) => [/./, each] as const), [/DATA/, go]]);
      assert.match(result(event)[0]!, /: 451 4\.5\.0/);
      assert.equal(closed(session.next())?.kind, 'broken');
    });

  it('RFC 2033 §4.2: a 421 for one recipient leaves the next its 250', () => {
    const session = connected(['PIPELINING'], { protocol: 'lmtp' });
    session.send(message(['a@x', 'b@x']));
    play(session, [[/DATA/, '250 OK\n250 OK\n250 OK\n354 go\n']]);
    const event = play(session, [[/./, '421 4.3.2 going down\n250 2.0.0 taken\n']]);
    assert.deepEqual(
      (event as SentEvent).answers.map((answer) => answer.reply.code),
      [421, 250],
    );
  });

  it('a refusal before the message is believed', () => {
    const session = connected(['PIPELINING']);
    session.send(message());
    const event = play(session, [[/DATA/, '250 OK\n250 OK\n354 go\n552 5.3.4 too much\n']]);
    assert.match(result(event)[0]!, /: 552 5\.3\.4/);
  });

  it('RFC 5321 §4.5.3.2: waits as long as the phase allows', () => {
    const session = new ClientSession({ protocol: 'smtp', hostname: 'c' });
    const waits: number[] = [session.timeoutMs];
    play(session, [['', '220 x\n']]);
    waits.push(session.timeoutMs);
    play(session, [[/EHLO/, '250 x\n']]);
    session.send(message());
    for (const answer of ['250 OK\n', '250 OK\n', '354 go\n']) {
      waits.push(session.timeoutMs);
      play(session, [[/./, answer]]);
    }
    waits.push(session.timeoutMs);
    assert.deepEqual(
      waits,
      [5, 5, 5, 5, 2, 10].map((minutes) => minutes * 60_000),
    );
  });

  for (const keywords of keywordSets)
    it(`the connection may end anywhere (${keywords.join(' ') || 'no extensions'})`, () => {
      const answers = ['250 OK\n', '250 OK\n', '550 5.1.1 no\n', '354 go\n', '250 OK\n'];
      if (keywords.includes('CHUNKING')) answers.splice(3, 1);
      const wire = answers.join('').replaceAll('\n', '\r\n');
      for (let at = 0; at < wire.length; at += 1)
        for (const end of ['ended', 'timedOut'] as const) {
          const session = connected(keywords);
          session.send(message(['a@x', 'b@x']));
          let event: ClientEvent = session.next();
          for (const piece of wire.slice(0, at).split(/(?<=\n)/)) {
            written(session);
            session.receive(Buffer.from(piece));
            event = session.next();
            assert.equal(event.kind, 'need-input');
          }
          written(session);
          session[end]();
          event = session.next();
          assert.match(result(event)[0]!, /\*: 451 4\.4\.2 /);
          // Then it has to be said that they may have it, however little was answered.
          const { complete, answers } = event as SentEvent;
          assert.equal(/nobody knows/.test(answers[0]!.reply.lines[0]), complete);
          assert.ok(answers.every((answer) => answer.reply.code >= 400));
          assert.equal(closed(session.next())?.kind, end === 'ended' ? 'lost' : 'timeout');
          assert.equal(closed(session.next())?.kind, end === 'ended' ? 'lost' : 'timeout');
        }
    });

  it('never throws, answers for every recipient, whatever is said in whatever pieces', () => {
    const piece = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('250 OK\r\n', '354 go\r\n', '550 5.1.1 no\r\n') },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          '220 x\r\n',
          '250-a\r\n',
          '421 bye\r\n',
          '334 \r\n',
          '451 x\r\n',
        ),
      },
      anyText({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.constantFrom(...keywordSets),
        fc.constantFrom('smtp' as const, 'lmtp' as const),
        fc.boolean(),
        (pieces, keywords, protocol, stream) => {
          const session = connected(keywords, { protocol });
          const outgoing = message(
            ['a@x', 'b@x', 'c@x'],
            stream ? { content: { kind: 'stream', size: 3 } } : {},
          );
          let sent = 0;
          session.send(outgoing);
          for (const chunk of [...pieces, undefined]) {
            if (chunk === undefined) session.ended();
            else session.receive(Buffer.from(chunk, 'latin1'));
            for (let event = session.next(); event.kind !== 'need-input'; event = session.next()) {
              if (event.kind === 'content') {
                session.content(Buffer.from('a\r\n'));
                session.endContent();
              }
              if (event.kind === 'sent') {
                assert.equal(event.answers.length, 3);
                assert.ok(
                  event.answers.every(({ reply }) => reply.code >= 200 && reply.code <= 599),
                );
                sent += 1;
              }
              if (event.kind === 'closed') break;
            }
            written(session);
          }
          assert.equal(sent, 1);
        },
      ),
    );
  });
});

describe('smtp/client: what an owner must not give', () => {
  it('a name that would end its line', () => {
    for (const hostname of ['', 'a b', 'a\r\nMAIL FROM:<b@c>', 'a\tb', 'a\0'])
      assert.throws(() => new ClientSession({ protocol: 'smtp', hostname }), /one word/);
  });

  const content = { kind: 'memory', pieces: [Buffer.from('x\r\n')] } as const;
  const transactions: readonly (readonly [string, Partial<Outgoing>])[] = [
    [
      'a recipient with a parameter',
      { recipients: [{ address: 'c@d> NOTIFY=NEVER', params: [] }] },
    ],
    ['a sender with a command', { sender: 'a@b>\r\nRSET\r\n' }],
    ['two parameters in one', { params: ['RET=HDRS SIZE=1'] }],
  ];
  for (const [title, changes] of transactions)
    it(title, () => {
      const session = connected(['PIPELINING']);
      const recipients = [{ address: 'a@x', params: [] }];
      const outgoing = { sender: 's@x', params: [], recipients, content, ...changes };
      assert.throws(() => session.send(outgoing), /one address|one word/);
    });

  it('but quoted strings are addresses', () => {
    const session = connected(['PIPELINING']);
    session.send({
      ...{ sender: '"a b>c"@x.test', params: [], content },
      recipients: [{ address: '"<>"@x.test', params: [] }],
    });
    assert.match(written(session), /^MAIL FROM:<"a b>c"@x\.test>\r\nRCPT TO:<"<>"@x\.test>\r\n/);
  });
});
