import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { anyText } from '../base/test-text.ts';
import type { Pop3Facts } from './event.ts';
import { defaultPop3Limits } from './limits.ts';
import { err } from './response.ts';
import { Pop3Session } from './session.ts';
import type { Answers, World } from './transcript.ts';
import { drain, nothingPlayed, testMailbox, transcripts } from './transcript.ts';

const facts: Pop3Facts = {
  hostname: 'dewey',
  secure: true,
  startTls: true,
  mechanisms: ['SCRAM-SHA-256', 'PLAIN', 'LOGIN'],
  loginDelaySeconds: 0,
  limits: defaultPop3Limits,
};

const body = (octets: number): string => {
  const head = 'Subject: x\r\n\r\n';
  return `${head}${'y'.repeat(octets - head.length - 2)}\r\n`;
};
const twoMessages = testMailbox(body(120), body(200));

/** The password is "secret"; the exchange of LOGIN has one challenge, PLAIN takes anything. */
const answersFor =
  (mailbox: World['mailbox']): Answers =>
  (question) => {
    switch (question.kind) {
      case 'login':
        if (question.password === 'in use')
          return { kind: 'refused', response: err('another session is open', 'IN-USE') };
        if (question.password !== 'secret' && question.password !== 'pässwort')
          return { kind: 'refused', response: err('wrong user name or password', 'AUTH') };
        return { kind: 'opened', messages: mailbox };
      case 'auth':
        if (question.mechanism === 'LOGIN')
          return { kind: 'challenge', bytes: Buffer.from('Username:') };
        return question.initial === undefined
          ? { kind: 'challenge', bytes: new Uint8Array() }
          : { kind: 'opened', messages: mailbox };
      case 'auth-response':
        return question.response.length === 0
          ? { kind: 'refused', response: err('wrong user name or password', 'AUTH') }
          : { kind: 'opened', messages: mailbox };
      case 'update':
        return { kind: 'updated' };
    }
  };

const worldOf = (
  mailbox: World['mailbox'] = twoMessages,
  changes: Partial<Pop3Facts> = {},
): World => ({
  open: () => new Pop3Session({ ...facts, ...changes }),
  mailbox,
  answers: answersFor(mailbox),
  mechanismsUnderTls: facts.mechanisms,
});

const play = transcripts(worldOf());
const playInClear = transcripts(worldOf(twoMessages, { secure: false, mechanisms: [] }));

describe('RFC 1939: sessions', () => {
  play(`
    RFC 1939 §10: the example session, with USER and PASS in place of APOP
    S: +OK dewey POP3 server ready
    C: USER mrose
    S: +OK send PASS
    C: PASS secret
    S: +OK maildrop has 2 messages (320 octets)
    C: STAT
    S: +OK 2 320
    C: LIST
    S: +OK 2 messages (320 octets)
    S: 1 120
    S: 2 200
    S: .
    C: RETR 1
    S: +OK 120 octets
    S: Subject: x
    S:
    S: ${'y'.repeat(104)}
    S: .
    C: DELE 1
    S: +OK message 1 deleted
    C: RETR 2
    S: +OK 200 octets
    S: Subject: x
    S:
    S: ${'y'.repeat(184)}
    S: .
    C: DELE 2
    S: +OK message 2 deleted
    C: QUIT
    S: +OK dewey POP3 server signing off (maildrop empty)
  `);

  play(`
    RFC 1939 §5: the examples of STAT, LIST, DELE, RSET, UIDL and QUIT
    S: +OK dewey POP3 server ready
    C: user mrose
    S: +OK send PASS
    C: pass secret
    S: +OK maildrop has 2 messages (320 octets)
    C: list 2
    S: +OK 2 200
    C: LIST 3
    S: -ERR no such message, only 2 messages in maildrop
    C: UIDL
    S: +OK unique-id listing follows
    S: 1 id1
    S: 2 id2
    S: .
    C: UIDL 2
    S: +OK 2 id2
    C: DELE 2
    S: +OK message 2 deleted
    C: DELE 2
    S: -ERR message 2 already deleted
    C: RETR 2
    S: -ERR message 2 already deleted
    C: UIDL 2
    S: -ERR message 2 already deleted
    C: TOP 2 1
    S: -ERR message 2 already deleted
    C: STAT
    S: +OK 1 120
    C: LIST
    S: +OK 1 message (120 octets)
    S: 1 120
    S: .
    C: UIDL
    S: +OK unique-id listing follows
    S: 1 id1
    S: .
    C: RSET
    S: +OK maildrop has 2 messages (320 octets)
    C: NOOP
    S: +OK nothing happened
    C: QUIT
    S: +OK dewey POP3 server signing off (2 messages left)
  `);

  play(`
    RFC 1939 §3: commands in the wrong state and commands unknown are -ERR
    S: +OK dewey POP3 server ready
    C: STAT
    S: -ERR not logged in
    C: RETR 1
    S: -ERR not logged in
    C: NOOP
    S: -ERR not logged in
    C: PASS secret
    S: -ERR USER comes before PASS
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: -ERR unknown command
    C:
    S: -ERR unknown command
    C: __proto__
    S: -ERR unknown command
    C: USER
    S: -ERR wrong arguments
    C: USER mrose
    S: +OK send PASS
    C: PASS secret
    S: +OK maildrop has 2 messages (320 octets)
    C: USER mrose
    S: -ERR already logged in
    C: AUTH PLAIN AA==
    S: -ERR already logged in
    C: STLS
    S: -ERR already logged in
    C: RETR
    S: -ERR a message number is needed
    C: RETR 0
    S: -ERR no such message, only 2 messages in maildrop
    C: RETR -1
    S: -ERR a message number is needed
    C: RETR 1x
    S: -ERR a message number is needed
    C: DELE 99999999999
    S: -ERR a message number is needed
    C: TOP 1
    S: -ERR wrong arguments
    C: LIST 1 2
    S: -ERR wrong arguments
    C: QUIT
    S: +OK dewey POP3 server signing off (2 messages left)
  `);

  play(`
    RFC 1939 §4: QUIT before a login
    S: +OK dewey POP3 server ready
    C: QUIT
    S: +OK dewey POP3 server signing off
  `);

  play(`
    RFC 1939 §7: a password may hold spaces; a wrong one can be tried again from USER on
    S: +OK dewey POP3 server ready
    C: USER mrose
    S: +OK send PASS
    C: PASS wrong password
    S: -ERR [AUTH] wrong user name or password
    C: PASS secret
    S: -ERR USER comes before PASS
    C: USER mrose
    S: +OK send PASS
    C: PASS in use
    S: -ERR [IN-USE] another session is open
    C: USER mrose
    S: +OK send PASS
    C: PASS secret
    S: +OK maildrop has 2 messages (320 octets)
  `);

  play(`
    RFC 2449 §4: lines of up to 255 octets, printable, ended by CRLF alone
    S: +OK dewey POP3 server ready
    C: USER <x248>
    S: +OK send PASS
    C: USER <x249>
    S: -ERR command line too long
    C: NOOP<x20000>
    S: -ERR command line too long
    C: USER a<LF>PASS b
    S: -ERR command lines are printable text that ends with CRLF
    S: -ERR command lines are printable text that ends with CRLF
    C: USER a<CR>
    S: -ERR command lines are printable text that ends with CRLF
    C: USER a<NUL>
    S: -ERR command lines are printable text that ends with CRLF
    C: USER <xff>
    S: -ERR command line is not UTF-8
  `);

  const dots = testMailbox(
    '.\r\n..two\r\nA: b\r\n\r\n.one\r\n.\r\nend',
    'A: b\nbare\rboth\r\n\n.\n',
    '',
    'gone',
    'A: b\r\n\r\n1\r\n2\r\n.3\r\n4\r\n',
  );
  transcripts(worldOf(dots))(`
    RFC 1939 §3: byte-stuffing; line ends of any kind become CRLF; TOP
    S: +OK dewey POP3 server ready
    C: USER mrose
    S: +OK send PASS
    C: PASS secret
    S: +OK maildrop has 5 messages (74 octets)
    C: RETR 1
    S: +OK 30 octets
    S: ..
    S: ...two
    S: A: b
    S:
    S: ..one
    S: ..
    S: end
    S: .
    C: RETR 2
    S: +OK 19 octets
    S: A: b
    S: bare
    S: both
    S:
    S: ..
    S: .
    C: RETR 3
    S: +OK 0 octets
    S: .
    C: RETR 4
    S: -ERR that message is gone
    C: TOP 5 0
    S: +OK top of message follows
    S: A: b
    S:
    S: .
    C: TOP 5 3
    S: +OK top of message follows
    S: A: b
    S:
    S: 1
    S: 2
    S: ..3
    S: .
    C: TOP 5 99
    S: +OK top of message follows
    S: A: b
    S:
    S: 1
    S: 2
    S: ..3
    S: 4
    S: .
    C: NOOP
    S: +OK nothing happened
  `);
});

describe('RFC 2449: capabilities', () => {
  play(`
    RFC 2449 §5: CAPA in both states, the same but for what cannot be done any more
    S: +OK dewey POP3 server ready
    C: CAPA
    S: +OK capability list follows
    S: TOP
    S: UIDL
    S: USER
    S: SASL SCRAM-SHA-256 PLAIN LOGIN
    S: PIPELINING
    S: RESP-CODES
    S: AUTH-RESP-CODE
    S: EXPIRE NEVER
    S: UTF8 USER
    S: LANG
    S: IMPLEMENTATION Postrider
    S: .
    C: AUTH PLAIN AGEAYg==
    S: +OK maildrop has 2 messages (320 octets)
    C: CAPA
    S: +OK capability list follows
    S: TOP
    S: UIDL
    S: USER
    S: SASL SCRAM-SHA-256 PLAIN LOGIN
    S: PIPELINING
    S: RESP-CODES
    S: AUTH-RESP-CODE
    S: EXPIRE NEVER
    S: UTF8 USER
    S: LANG
    S: IMPLEMENTATION Postrider
    S: .
  `);

  transcripts(worldOf(twoMessages, { loginDelaySeconds: 60, mechanisms: [], startTls: false }))(`
    RFC 2449 §6.5: LOGIN-DELAY where there is one; no USER or SASL where nobody may log in
    S: +OK dewey POP3 server ready
    C: CAPA
    S: +OK capability list follows
    S: TOP
    S: UIDL
    S: PIPELINING
    S: RESP-CODES
    S: AUTH-RESP-CODE
    S: LOGIN-DELAY 60
    S: EXPIRE NEVER
    S: UTF8 USER
    S: LANG
    S: IMPLEMENTATION Postrider
    S: .
    C: USER mrose
    S: -ERR passwords are not taken here
    C: AUTH PLAIN
    S: -ERR passwords are not taken here
  `);
});

describe('RFC 2595: STLS', () => {
  playInClear(`
    RFC 2595 §4: passwords only after STLS, and AUTHORIZATION begins anew
    S: +OK dewey POP3 server ready
    C: USER mrose
    S: -ERR passwords are not taken in the clear, say STLS first
    C: PASS secret
    S: -ERR passwords are not taken in the clear, say STLS first
    C: AUTH PLAIN AGEAYg==
    S: -ERR passwords are not taken in the clear, say STLS first
    C: CAPA
    S: +OK capability list follows
    S: TOP
    S: UIDL
    S: STLS
    S: PIPELINING
    S: RESP-CODES
    S: AUTH-RESP-CODE
    S: EXPIRE NEVER
    S: UTF8 USER
    S: LANG
    S: IMPLEMENTATION Postrider
    S: .
    C: STLS
    S: +OK begin TLS negotiation now
    T:
    C: STLS
    S: -ERR command not permitted when TLS active
    C: USER mrose
    S: +OK send PASS
    C: PASS secret
    S: +OK maildrop has 2 messages (320 octets)
  `);

  transcripts(worldOf(twoMessages, { secure: false, startTls: false, mechanisms: [] }))(`
    RFC 2595 §4: TLS that is not offered does not begin
    S: +OK dewey POP3 server ready
    C: STLS
    S: -ERR TLS is not available
    C: USER mrose
    S: -ERR passwords are not taken here
  `);

  transcripts(worldOf(twoMessages, { mechanisms: [] }))(`
    under TLS nobody is sent to STLS
    S: +OK dewey POP3 server ready
    C: USER mrose
    S: -ERR passwords are not taken here
  `);

  playInClear(`
    RFC 6856 §2.1: no STLS after UTF8
    S: +OK dewey POP3 server ready
    C: UTF8
    S: +OK UTF8 enabled
    C: STLS
    S: -ERR STLS comes before UTF8
  `);

  it('CVE-2011-0411: what was sent in the clear after STLS is not part of the session', () => {
    const world = worldOf(twoMessages, { secure: false });
    for (const late of [false, true]) {
      const session = world.open();
      const played = nothingPlayed();
      session.receive(Buffer.from(`USER eve\r\nSTLS\r\n${late ? '' : 'PASS secret\r\n'}`));
      drain(session, world, played);
      if (late) session.receive(Buffer.from('PASS secret\r\n'));
      session.tlsStarted(facts.mechanisms);
      drain(session, world, played);
      assert.match(played.output, /begin TLS negotiation now\r\n$/);
      session.receive(Buffer.from('PASS secret\r\n'));
      drain(session, world, played);
      assert.match(played.output, /now\r\n-ERR USER comes before PASS\r\n$/);
    }
  });
});

describe('RFC 5034: SASL', () => {
  play(`
    RFC 5034 §6: AUTH PLAIN with an initial response
    S: +OK dewey POP3 server ready
    C: AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=
    S: +OK maildrop has 2 messages (320 octets)
  `);
  play(`
    RFC 5034 §6: AUTH PLAIN without one, after an empty challenge
    S: +OK dewey POP3 server ready
    C: auth plain
    S: +
    C: dGVzdAB0ZXN0AHRlc3Q=
    S: +OK maildrop has 2 messages (320 octets)
  `);
  play(`
    RFC 5034 §4: "=" is an empty initial response, "*" cancels, base64 is strict
    S: +OK dewey POP3 server ready
    C: AUTH SCRAM-SHA-256 =
    S: +OK maildrop has 2 messages (320 octets)
  `);
  play(`
    RFC 5034 §4: a cancelled, broken or failed exchange leaves AUTHORIZATION as it was
    S: +OK dewey POP3 server ready
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C: *
    S: -ERR authentication cancelled
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C: =AAA
    S: -ERR cannot decode base64
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C:
    S: -ERR [AUTH] wrong user name or password
    C: AUTH PLAIN AAA=BBB
    S: -ERR cannot decode base64
    C: AUTH GSSAPI
    S: -ERR unrecognized authentication mechanism
    C: AUTH PLAIN AA== AA==
    S: -ERR wrong arguments
    C: AUTH
    S: +OK mechanism list follows
    S: SCRAM-SHA-256
    S: PLAIN
    S: LOGIN
    S: .
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C: <x12291>
    S: -ERR command line too long
    C: AUTH PLAIN <x12000>
    S: +OK maildrop has 2 messages (320 octets)
  `);
});

describe('RFC 6856: UTF8 and LANG', () => {
  const utf8 = (text: string) => Buffer.from(text).toString('latin1');
  const mailbox = testMailbox(
    utf8('From: jörg@example.org\r\nSubject: Grüße\r\nContent-Type: é/x\r\n\r\nGrüße\r\n'),
    utf8('Subject: plain\r\n\r\nGrüße\r\n'),
  );
  const hello = utf8('Grüße');

  transcripts(worldOf(mailbox))(`
    RFC 6856 §2.1: without UTF8, a header in ASCII; the body is MIME's affair
    S: +OK dewey POP3 server ready
    C: USER mrose
    S: +OK send PASS
    C: PASS secret
    S: +OK maildrop has 2 messages (101 octets)
    C: TOP 1 9
    S: +OK top of message follows
    S: From: =?utf-8?Q?j=C3=B6rg=40example=2Eorg?=
    S:  <invalid@internationalized-address.invalid>
    S: Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
    S: Content-Type: ??/x
    S:
    S: ${hello}
    S: .
    C: RETR 2
    S: +OK 27 octets
    S: Subject: plain
    S:
    S: ${hello}
    S: .
    C: UTF8
    S: -ERR already logged in
  `);

  transcripts(worldOf(mailbox))(`
    RFC 6856 §2: with UTF8, messages as they are; UTF-8 in user names and passwords
    S: +OK dewey POP3 server ready
    C: UTF8
    S: +OK UTF8 enabled
    C: USER ${utf8('jörg')}
    S: +OK send PASS
    C: PASS ${utf8('pässwort')}
    S: +OK maildrop has 2 messages (101 octets)
    C: RETR 1
    S: +OK 74 octets
    S: From: ${utf8('jörg')}@example.org
    S: Subject: ${hello}
    S: Content-Type: ${utf8('é')}/x
    S:
    S: ${hello}
    S: .
  `);

  play(`
    RFC 6856 §3.2: LANG in both states
    S: +OK dewey POP3 server ready
    C: LANG
    S: +OK language listing follows
    S: en English
    S: .
    C: LANG MUL
    S: -ERR there is no such language here
    C: LANG *
    S: +OK en language changed
    C: LANG en-GB
    S: +OK en language changed
    C: LANG enx
    S: -ERR there is no such language here
    C: LANG ???
    S: -ERR wrong arguments
    C: AUTH PLAIN AGEAYg==
    S: +OK maildrop has 2 messages (320 octets)
    C: LANG en
    S: +OK en language changed
  `);
});

describe('limits and ends', () => {
  function run(world: World, input: string) {
    const session = world.open();
    const played = nothingPlayed();
    session.receive(Buffer.from(input, 'latin1'));
    drain(session, world, played);
    return { session, played };
  }
  const login = 'USER mrose\r\nPASS secret\r\n';

  it('RFC 1939 §3: a command that ends in LF alone is obeyed by nobody, and answered at once', () => {
    const refused = '-ERR command lines are printable text that ends with CRLF';
    const replies = (input: string) =>
      run(worldOf(), input).played.output.split('\r\n').slice(1, -1);
    assert.deepEqual(replies('QUIT\n'), [refused]);
    assert.deepEqual(replies('QUIT\n\nQUIT\r\n'), [refused, refused, refused]);
    assert.deepEqual(replies('QUIT\nQUIT\r\nSTAT\r\n').length, 3);
    assert.deepEqual(replies(`${login}DELE 1\nQUIT\r\nSTAT\r\n`).at(-1), '+OK 2 320');
  });

  it('RFC 1939 §6: only QUIT removes, and what was deleted then', () => {
    const world = worldOf();
    const { session, played } = run(world, `${login}DELE 1\r\n`);
    assert.equal(session.idle, false);
    assert.equal(played.deleted, undefined);
    assert.deepEqual(run(world, `${login}DELE 2\r\nDELE 1\r\nQUIT\r\n`).played.deleted, [0, 1]);
    assert.deepEqual(run(world, `${login}DELE 2\r\nRSET\r\nQUIT\r\n`).played.deleted, []);
    assert.equal(run(world, 'QUIT\r\n').played.deleted, undefined);
  });

  it('RFC 1939 §6: says so when the removal failed, and ends', () => {
    const world = worldOf();
    const response = err('deleted messages were not removed', 'SYS/TEMP');
    const failing: World = {
      ...world,
      answers: (question) =>
        question.kind === 'update' ? { kind: 'refused', response } : world.answers(question),
    };
    const { played } = run(failing, `${login}DELE 1\r\nQUIT\r\nSTAT\r\n`);
    assert.match(played.output, /-ERR \[SYS\/TEMP\] deleted messages were not removed\r\n$/);
    assert.deepEqual(played.events, ['close']);
  });

  it('ends after too many mistakes, failed logins, or commands before a login', () => {
    const world = worldOf();
    for (const [input, text, lines] of [
      ['XTND\r\n'.repeat(50), 'too many errors, goodbye', 22],
      ['CAPA\r\n'.repeat(200), 'too many commands before a login, goodbye', 1302],
      ['USER x\r\nPASS y\r\n'.repeat(50), 'too many failed logins, goodbye', 22],
    ] as const) {
      const { played } = run(world, input);
      assert.ok(played.output.endsWith(`-ERR ${text}\r\n`), played.output.slice(-100));
      assert.equal(played.output.split('\r\n').length - 1, lines);
      assert.deepEqual(played.events, ['close']);
    }
  });

  transcripts(worldOf(twoMessages, { limits: { ...defaultPop3Limits, errors: 2 } }))(`
    mistakes of before a login count no more after it
    S: +OK dewey POP3 server ready
    C: XTND
    S: -ERR unknown command
    C: USER mrose
    S: +OK send PASS
    C: PASS secret
    S: +OK maildrop has 2 messages (320 octets)
    C: XTND
    S: -ERR unknown command
    C: STAT
    S: +OK 2 320
  `);

  play(`
    RFC 5034 §4: an exchange that is refused is over, and what USER said before is forgotten
    S: +OK dewey POP3 server ready
    C: USER mrose
    S: +OK send PASS
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C:
    S: -ERR [AUTH] wrong user name or password
    C: PASS secret
    S: -ERR USER comes before PASS
    C: NOOP
    S: -ERR not logged in
  `);

  it('a session in shutdown says so', () => {
    const world = worldOf();
    const { session, played } = run(world, login);
    assert.equal(session.idle, true);
    session.shuttingDown();
    drain(session, world, played);
    assert.match(played.output, /-ERR \[SYS\/TEMP\] server shutting down\r\n$/);
    assert.deepEqual(session.next(), { kind: 'close', reason: 'shutdown' });
    assert.equal(session.loggedIn, false);
  });

  it('never gathers more than it sends at once: long lists and many messages are flushed', () => {
    const many = testMailbox(...Array.from({ length: 30_000 }, () => body(100)));
    const world = worldOf(many);
    const session = world.open();
    session.receive(Buffer.from(`${login}LIST\r\nUIDL\r\n${'RETR 1\r\n'.repeat(3000)}`));
    let lines = 0;
    for (;;) {
      const event = session.next();
      if (event.kind === 'message')
        session.answer({ kind: 'content', bytes: Buffer.from(body(100)) });
      else if (event.kind === 'login') session.answer({ kind: 'opened', messages: many });
      else {
        const pieces = session.output();
        const sizes = pieces.map((piece) => piece.length);
        assert.ok(
          sizes.reduce((a, b) => a + b, 0) < 64 * 1024,
          'no more than one chunk is gathered',
        );
        for (const piece of pieces) lines += piece.toString().split('\r\n').length - 1;
        if (event.kind === 'need-input') break;
        assert.equal(event.kind, 'flush');
      }
    }
    assert.equal(lines, 3 + 2 * (30_000 + 2) + 3000 * 5);
  });
});

describe('properties', () => {
  const words = fc.constantFrom(
    ...['USER mrose', 'PASS secret', 'PASS x', 'AUTH PLAIN', 'AUTH LOGIN', 'AUTH PLAIN AGEAYg=='],
    ...['*', 'AGEAYg==', '', '=', 'CAPA', 'UTF8', 'LANG', 'LANG en', 'STAT', 'LIST', 'LIST 1'],
    ...['UIDL', 'RETR 1', 'RETR 2', 'RETR 3', 'TOP 1 0', 'TOP 2 1', 'DELE 1', 'DELE 2', 'RSET'],
    ...['NOOP', 'QUIT', 'XTND', 'x'.repeat(300), 'AUTH PLAIN '.padEnd(13_000, 'A'), 'a\rb', '\n'],
  );
  const line = fc.oneof({ weight: 8, arbitrary: words }, anyText());
  const input = fc
    .array(line, { maxLength: 30 })
    .map((lines) => Buffer.from(`${lines.join('\r\n')}\r\n`));
  const message = fc
    .array(
      fc.constantFrom('.', '..', '\r\n', '\r', '\n', 'A: b', '\r\n\r\n', 'é', 'Subject: ü', 'x'),
    )
    .map((parts) => Buffer.from(parts.join('')).toString('latin1'));

  it('never throws, whatever comes, and it does not matter in which pieces', () => {
    fc.assert(
      fc.property(
        input,
        fc.tuple(message, message),
        fc.array(fc.nat({ max: 40 }), { maxLength: 50 }),
        fc.integer({ min: 1, max: 7 }),
        (bytes, messages, cuts, pieceBytes) => {
          const world = worldOf(testMailbox(...messages));
          const whole = nothingPlayed();
          const session = world.open();
          session.receive(bytes);
          drain(session, world, whole);
          const parts = nothingPlayed();
          const other = world.open();
          drain(other, world, parts);
          let at = 0;
          for (const cut of [...cuts, bytes.length]) {
            other.receive(bytes.subarray(at, at + cut));
            at += cut;
            if (parts.events.at(-1) !== 'close') drain(other, world, parts, pieceBytes);
          }
          assert.equal(parts.output, whole.output);
          assert.deepEqual(parts.deleted, whole.deleted);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('RFC 1939 §3: a client that undoes the byte-stuffing has the message', () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 1, max: 5 }), (text, pieceBytes) => {
        const world = worldOf(testMailbox(text));
        const session = world.open();
        const played = nothingPlayed();
        session.receive(Buffer.from('UTF8\r\nAUTH PLAIN AA==\r\nRETR 1\r\nNOOP\r\n'));
        drain(session, world, played, pieceBytes);
        const [, answer] = played.output.split(' octets)\r\n');
        const content = answer!.slice(answer!.indexOf('\r\n') + 2);
        const lines = content.split('\r\n');
        const end = lines.indexOf('.');
        assert.deepEqual(lines.slice(end), ['.', '+OK nothing happened', '']);
        const received = lines
          .slice(0, end)
          .map((one) => `${one.startsWith('.') ? one.slice(1) : one}\r\n`);
        const lineEnds = text.replace(/\r*\r\n|\r+(?!\n)|(?<!\r)\n/g, '\r\n');
        const expected =
          lineEnds === '' || lineEnds.endsWith('\r\n') ? lineEnds : `${lineEnds}\r\n`;
        assert.equal(received.join(''), expected);
      }),
      { numRuns: 500 },
    );
  });
});
