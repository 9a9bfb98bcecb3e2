import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SessionLimits } from '../limits.ts';
import { defaultLimits } from '../limits.ts';
import type { Reply } from '../reply.ts';
import { replies, reply, textLineTooLong } from '../reply.ts';
import type { Question, ServerFacts } from './event.ts';
import { isQuestion } from './event.ts';
import { ServerSession } from './session.ts';
import type { Answer, Heard } from './transcript.ts';
import { drain, transcripts } from './transcript.ts';

const everything = [
  'PIPELINING',
  'SIZE',
  'VRFY',
  'ETRN',
  'ATRN',
  'STARTTLS',
  'REQUIRETLS',
  'AUTH',
  'ENHANCEDSTATUSCODES',
  '8BITMIME',
  'DSN',
  'SMTPUTF8',
  'CHUNKING',
  'BINARYMIME',
  'BURL',
  'DELIVERBY',
  'MT-PRIORITY',
  'FUTURERELEASE',
  'NO-SOLICITING',
  'RRVS',
  'MTRK',
  'LIMITS',
  'HELP',
];
const only = (...keywords: string[]) => new Set(everything.filter((k) => !keywords.includes(k)));

type Options = Partial<Omit<ServerFacts, 'limits'>> & { readonly limits?: Partial<SessionLimits> };

function facts({ limits, ...options }: Options = {}): ServerFacts {
  return {
    protocol: 'smtp',
    hostname: 'mx.example.net',
    secure: false,
    startTls: false,
    mechanisms: [],
    trusted: false,
    authRequired: false,
    bareNewlines: 'refuse',
    withheld: only('DSN'),
    ...options,
    limits: { ...defaultLimits, ...limits },
  };
}

const open =
  (options: Options = {}) =>
  () =>
    new ServerSession(facts(options));

/** Recipients named `green` do not exist; mailbox `full` has no room. */
function answer(question: Question): Answer {
  switch (question.kind) {
    case 'connect':
      return replies.greeting;
    case 'hello':
      return replies.ok;
    case 'mail':
      return replies.senderOk;
    case 'rcpt':
      return question.to.local.toLowerCase() === 'green'
        ? reply(550, '1.1', 'No such user here')
        : replies.recipientOk;
    case 'data':
      return replies.startContent;
    case 'message':
      return reply(250, '6.0', `Message of ${question.bytes} octets accepted`);
    case 'vrfy':
      return replies.cannotVerify;
    case 'expn':
      return replies.notImplemented;
    case 'xclient':
      return question.told.login === 'nobody'
        ? reply(501, '5.4', 'There is no account of this LOGIN')
        : {
            newClient: {
              ...{ trusted: false, xclient: false },
              authenticated: typeof question.told.login === 'string',
              introduced: typeof question.told.hello === 'string' ? 'EHLO' : undefined,
            },
          };
    case 'unknown':
      return question.line.endsWith('later') ? reply(451, '7.1', 'Later') : replies.unknownCommand;
    case 'etrn':
      return reply(250, '0.0', `Queue for ${question.argument} started`);
    case 'burl':
      return reply(554, '6.6', 'IMAP URL resolution failed');
    case 'atrn':
      return question.domains.includes('empty.example')
        ? reply(453, '0.0', 'You have no mail')
        : reply(250, '0.0', 'OK now reversing the connection');
    case 'auth':
      return login(question.mechanism, question.initial);
    case 'auth-response':
      return login('PLAIN', question.response);
  }
}

function login(mechanism: string, response: Uint8Array | undefined): Answer {
  if (mechanism === 'EXTERNAL') return replies.authenticated;
  if (response === undefined) return { challenge: new Uint8Array() };
  return Buffer.from(response).toString() === '\0test\x001234'
    ? replies.authenticated
    : reply(535, '7.8', 'Authentication credentials invalid');
}

/** What a session says to these pieces. */
function say(session: ServerSession, ...pieces: (string | Uint8Array)[]): Heard {
  const heard: Heard = { output: '', messages: [], events: [] };
  drain(session, answer, heard);
  for (const piece of pieces) {
    session.receive(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    drain(session, answer, heard);
  }
  return heard;
}

const lastLine = ({ output }: Heard): string => output.trimEnd().split('\r\n').at(-1) ?? '';

describe('smtp/server: addresses without a domain', () => {
  const dialogue = ['EHLO x', 'MAIL FROM:<root>', 'RCPT TO:<ann> NOTIFY=NEVER', 'RCPT TO:ann'];
  const bytes = dialogue.map((line) => `${line}\r\n`);

  it('RFC 5321 §2.3.5: are refused', () => {
    const { output } = say(new ServerSession(facts()), bytes[0]!, bytes[1]!);
    assert.match(output, /\r\n501 5\.1\.7 [^\r]*\r\n$/);
  });

  it('are completed where the owner has a domain for them', () => {
    const asked: unknown[] = [];
    const session = new ServerSession(facts({ localDomain: 'localhost', withheld: undefined! }));
    for (const piece of ['', ...bytes]) {
      session.receive(Buffer.from(piece));
      for (let event = session.next(); event.kind !== 'need-input'; event = session.next()) {
        if (event.kind === 'mail') asked.push(event.from);
        if (event.kind === 'rcpt') asked.push(event.to);
        if (isQuestion(event)) session.answer(answer(event) as Reply);
      }
    }
    assert.deepEqual(asked, [
      { local: 'root', domain: 'localhost' },
      { local: 'ann', domain: 'localhost' },
      { local: 'ann', domain: 'localhost' },
    ]);
  });
});

describe('smtp/server: XCLIENT', () => {
  const play = transcripts(open({ xclient: true, withheld: only('HELP') }), answer);

  play(`
    a proxy tells for whom it speaks, and is greeted anew; that client may not do the same
    S: 220 mx.example.net ESMTP ready
    C: EHLO proxy.example
    S: 250-mx.example.net
    S: 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
    S: 250 HELP
    C: XCLIENT
    S: 501 5.5.4 Syntax: XCLIENT attribute=value [attribute=value]
    C: XCLIENT ADDR=example
    S: 501 5.5.4 Syntax: XCLIENT attribute=value [attribute=value]
    C: XCLIENT LOGIN=nobody
    S: 501 5.5.4 There is no account of this LOGIN
    C: XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]
    S: 220 mx.example.net ESMTP ready
    C: MAIL FROM:<a@b.example>
    S: 503 5.5.1 Say EHLO first
    C: EHLO client.example
    S: 250-mx.example.net
    S: 250 HELP
    C: XCLIENT ADDR=127.0.0.1
    S: 550 5.7.0 Insufficient authorization
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  play(`
    not in a transaction; who has introduced itself to the proxy need not do it again
    S: 220 mx.example.net ESMTP ready
    C: EHLO proxy.example
    S: 250-mx.example.net
    S: 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
    S: 250 HELP
    C: MAIL FROM:<a@b.example>
    S: 250 2.1.0 Sender OK
    C: XCLIENT ADDR=192.0.2.1
    S: 503 5.5.1 Not possible in a transaction
    C: RSET
    S: 250 2.0.0 Reset
    C: XCLIENT ADDR=192.0.2.1 HELO=client.example PROTO=ESMTP
    S: 220 mx.example.net ESMTP ready
    C: MAIL FROM:<a@b.example>
    S: 250 2.1.0 Sender OK
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  it('who said EHLO to the proxy has said it here; who said HELO has not', () => {
    for (const introduced of ['EHLO', 'HELO', undefined] as const) {
      const session = open({ xclient: true })();
      say(session, 'EHLO proxy.example\r\n');
      assert.equal(session.extended, true);
      session.receive(Buffer.from('XCLIENT ADDR=192.0.2.1\r\n'));
      assert.equal(session.next().kind, 'xclient');
      session.clientTold({ trusted: false, xclient: false, authenticated: false, introduced });
      assert.equal(session.extended, introduced === 'EHLO');
    }
  });

  it('what the proxy has used up of its limits is not the client’s', () => {
    const mail = (domain: string) =>
      `MAIL FROM:<a@b.example>\r\nRCPT TO:<c@${domain}>\r\nBDAT 0 LAST\r\n`;
    for (const [limits, used, next] of [
      [{ errorsPerConnection: 2 }, 'DATA\r\n', 'DATA\r\nNOOP\r\n'],
      [{ commandsWithoutMail: 2 }, 'NOOP\r\n', 'NOOP\r\n'],
      [{ messagesPerConnection: 1 }, mail('one.example'), mail('one.example')],
      [{ domainsPerConnection: 1 }, mail('one.example'), mail('two.example')],
    ] as const) {
      const session = new ServerSession(
        facts({ xclient: true, withheld: only('CHUNKING'), limits }),
      );
      const before = say(session, 'EHLO proxy.example\r\n', used);
      assert.doesNotMatch(before.output, /^421/m);
      const told = say(session, 'XCLIENT ADDR=192.0.2.1 HELO=c.example PROTO=ESMTP\r\n');
      assert.match(told.output, /^220 /);
      assert.match(lastLine(say(session, next)), /^250 /, JSON.stringify(limits));
    }
  });

  it('whoever had logged in to the proxy has done so here, and nobody else has', () => {
    for (const [login, code] of [
      ['ann@b.example', '250'],
      ['[UNAVAILABLE]', '530'],
    ]) {
      const session = new ServerSession(
        facts({ protocol: 'submission', authRequired: true, mechanisms: ['PLAIN'], xclient: true }),
      );
      const attributes = `ADDR=192.0.2.1 HELO=c.example LOGIN=${login}`;
      say(session, 'EHLO proxy.example\r\n', `XCLIENT ${attributes}\r\n`);
      assert.equal(lastLine(say(session, 'MAIL FROM:<ann@b.example>\r\n')).slice(0, 3), code);
    }
  });

  it('a line may be as long as eight values make it, for proxies alone', () => {
    for (const [xclient, code] of [
      [true, '220'],
      [false, '500'],
    ] as const) {
      const heard: Heard = { output: '', messages: [], events: [] };
      const session = open({ xclient })();
      drain(session, answer, heard);
      heard.output = '';
      const value = 'x'.repeat(255);
      session.receive(Buffer.from(`XCLIENT NAME=${value} HELO=${value} LOGIN=${value}\r\n`));
      drain(session, answer, heard);
      assert.match(heard.output, new RegExp(`^${code} `));
    }
  });
});

describe('smtp/server: RFC 5321 Appendix D scenarios', () => {
  // The owner's words are the RFC's; those that the session says itself are ours.
  const words = (question: Question): Answer => {
    const given = answer(question);
    if (!('code' in given)) return given;
    const ok = reply(250, undefined, 'OK');
    switch (question.kind) {
      case 'connect':
        return reply(220, undefined, 'foo.com Simple Mail Transfer Service Ready');
      case 'hello':
        return reply(250, undefined, `foo.com greets ${question.client}`);
      case 'rcpt':
        return given.code === 550 ? reply(550, undefined, 'No such user here') : ok;
      case 'data':
        return reply(354, undefined, 'Start mail input; end with <CRLF>.<CRLF>');
      case 'vrfy':
        return reply(250, undefined, 'Mark Crispin <Admin.MRC@foo.com>');
      default:
        return ok;
    }
  };
  const play = transcripts(
    open({
      hostname: 'foo.com',
      withheld: only('8BITMIME', 'SIZE', 'DSN', 'HELP'),
      limits: { messageSize: 0 },
    }),
    words,
  );

  play(`
    RFC 5321 Appendix D.1: a typical transaction
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-SIZE 0
    S: 250-8BITMIME
    S: 250-DSN
    S: 250 HELP
    C: MAIL FROM:<Smith@bar.com>
    S: 250 OK
    C: RCPT TO:<Jones@foo.com>
    S: 250 OK
    C: RCPT TO:<Green@foo.com>
    S: 550 No such user here
    C: RCPT TO:<Brown@foo.com>
    S: 250 OK
    C: DATA
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Blah blah blah...
    C: ...etc. etc. etc.
    C: .
    M: Blah blah blah...<CR><LF>..etc. etc. etc.<CR><LF>
    S: 250 OK
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  play(`
    RFC 5321 Appendix D.2: an aborted transaction
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-SIZE 0
    S: 250-8BITMIME
    S: 250-DSN
    S: 250 HELP
    C: MAIL FROM:<Smith@bar.com>
    S: 250 OK
    C: RCPT TO:<Jones@foo.com>
    S: 250 OK
    C: RCPT TO:<Green@foo.com>
    S: 550 No such user here
    C: RSET
    S: 250 2.0.0 Reset
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  play(`
    RFC 5321 Appendix D.3: relayed mail
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-SIZE 0
    S: 250-8BITMIME
    S: 250-DSN
    S: 250 HELP
    C: MAIL FROM:<JQP@bar.com>
    S: 250 OK
    C: RCPT TO:<Jones@XYZ.COM>
    S: 250 OK
    C: DATA
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Date: Thu, 21 May 1998 05:33:29 -0700
    C: Subject: The Next Meeting of the Board
    C: 
    C: Bill:
    C: .
    M: Date: Thu, 21 May 1998 05:33:29 -0700<CR><LF>Subject: The Next Meeting of the Board<CR><LF><CR><LF>Bill:<CR><LF>
    S: 250 OK
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  play(`
    RFC 5321 Appendix D.4: verifying and sending
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-SIZE 0
    S: 250-8BITMIME
    S: 250-DSN
    S: 250 HELP
    C: VRFY Crispin
    S: 250 Mark Crispin <Admin.MRC@foo.com>
    C: MAIL FROM:<EAK@bar.com>
    S: 250 OK
    C: RCPT TO:<Admin.MRC@foo.com>
    S: 250 OK
    C: DATA
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Blah blah blah...
    C: .
    M: Blah blah blah...<CR><LF>
    S: 250 OK
    C: QUIT
    S: 221 2.0.0 Bye
  `);
});

describe('smtp/server: order of commands', () => {
  const play = transcripts(open(), answer);

  play(`
    RFC 5321 §4.1.4: MAIL, RCPT and DATA only in their order
    S: 220 mx.example.net ESMTP ready
    C: MAIL FROM:<ann@example.org>
    S: 503 5.5.1 Say EHLO first
    C: RCPT TO:<bob@example.net>
    S: 503 5.5.1 Say EHLO first
    C: DATA
    S: 503 5.5.1 Say EHLO first
    C: HELO client.example.org
    S: 250 mx.example.net
    C: RCPT TO:<bob@example.net>
    S: 503 5.5.1 MAIL comes first
    C: DATA
    S: 503 5.5.1 MAIL comes first
    C: MAIL FROM:<>
    S: 250 2.1.0 Sender OK
    C: MAIL FROM:<ann@example.org>
    S: 503 5.5.1 A transaction is open already: send RSET to give it up
    C: DATA
    S: 503 5.5.1 No valid recipients
    C: RCPT TO:<Postmaster>
    S: 250 2.1.5 Recipient OK
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: .
    M: 
    S: 250 2.6.0 Message of 0 octets accepted
    C: RCPT TO:<bob@example.net>
    S: 503 5.5.1 MAIL comes first
  `);

  play(`
    RFC 5321 §4.1.4: NOOP, HELP, EXPN, VRFY, RSET and QUIT at any time
    S: 220 mx.example.net ESMTP ready
    C: NOOP whatever it is
    S: 250 2.0.0 OK
    C: HELP mail
    S: 214 2.0.0 Syntax: MAIL FROM:<address> [parameters]
    C: VRFY ann
    S: 252 2.0.0 Cannot verify the mailbox, but will try to deliver to it
    C: EXPN list
    S: 502 5.5.1 Command not implemented
    C: RSET
    S: 250 2.0.0 Reset
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  play(`
    RFC 5321 §4.1.4: a second EHLO gives up the transaction
    S: 220 mx.example.net ESMTP ready
    C: EHLO client.example.org
    S: 250-mx.example.net
    S: 250 DSN
    C: MAIL FROM:<ann@example.org>
    S: 250 2.1.0 Sender OK
    C: EHLO client.example.org
    S: 250-mx.example.net
    S: 250 DSN
    C: RCPT TO:<bob@example.net>
    S: 503 5.5.1 MAIL comes first
  `);

  transcripts(
    open({ asksUnknown: true }),
    answer,
  )(`
    what is no command is asked about, but not an empty line and what is known to be absent
    S: 220 mx.example.net ESMTP ready
    C: XYZZY
    S: 500 5.5.1 Command not recognized
    C: XYZZY later
    S: 451 4.7.1 Later
    C: 
    S: 500 5.5.1 Command not recognized
    C: TURN later
    S: 502 5.5.1 Command not implemented
    C: EHLO a
    S: 250-mx.example.net
    S: 250 DSN
    C: MAIL FROM:<ann@example.org>
    S: 250 2.1.0 Sender OK
    C: XYZZY later
    S: 451 4.7.1 Later
    C: RSET
    S: 250 2.0.0 Reset
  `);

  transcripts(
    open({ asksUnknown: true, limits: { errorsPerConnection: 2 } }),
    answer,
  )(`
    what is no command is an error, whatever the reply to it
    S: 220 mx.example.net ESMTP ready
    C: XYZZY later
    S: 451 4.7.1 Later
    C: XYZZY later
    S: 451 4.7.1 Later
    C: XYZZY later
    S: 421 4.7.0 Too many errors
  `);

  play(`
    RFC 5321 §4.2.4: unknown commands are 500, real ones that are not here 502
    S: 220 mx.example.net ESMTP ready
    C: HELLO there
    S: 500 5.5.1 Command not recognized
    C: __proto__
    S: 500 5.5.1 Command not recognized
    C: 
    S: 500 5.5.1 Command not recognized
    C: TURN
    S: 502 5.5.1 Command not implemented
    C: ETRN example.org
    S: 502 5.5.1 Command not implemented
    C: BDAT 5
    S: 502 5.5.1 Command not implemented
  `);

  play(`
    RFC 5321 §4.1.1.11: parameters that nobody knows are 555, also those that are not offered
    S: 220 mx.example.net ESMTP ready
    C: EHLO client.example.org
    S: 250-mx.example.net
    S: 250 DSN
    C: MAIL FROM:<ann@example.org> FOO=BAR
    S: 555 5.5.4 Parameter not recognized or not implemented
    C: MAIL FROM:<ann@example.org> SIZE=5
    S: 555 5.5.4 Parameter not recognized or not implemented
    C: MAIL FROM:<ann@example.org> RET=HDRS RET=HDRS
    S: 501 5.5.4 A parameter is given twice, or its value makes no sense
    C: MAIL FROM:<ann@example.org> RET=HDRS ENVID=QQ314159
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<bob@example.net> NOTIFY=NEVER,DELAY
    S: 501 5.5.4 A parameter is given twice, or its value makes no sense
    C: RCPT TO:<bob@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@example.net
    S: 250 2.1.5 Recipient OK
  `);

  it('RFC 5321 §3.1: after a 554 greeting there is only QUIT', () => {
    // §4.3.2: no other 5yz may stand there; RFC 7504 §3: but 521.
    for (const [code, greeting] of [
      [554, '554'],
      [550, '554'],
      [521, '521'],
    ] as const) {
      const session = new ServerSession(facts());
      const unwelcoming = (question: Question): Answer =>
        question.kind === 'connect' ? reply(code, '7.1', 'Go away') : answer(question);
      const heard: Heard = { output: '', messages: [], events: [] };
      drain(session, unwelcoming, heard);
      session.receive(Buffer.from('EHLO a\r\nNOOP\r\nQUIT\r\n'));
      drain(session, unwelcoming, heard);
      assert.deepEqual(heard.output.match(/^\d{3}/gm), [greeting, '503', '503', '221']);
      assert.deepEqual(heard.events, ['close']);
    }
  });

  it('RFC 5321 §3.8: a 421 of the owner closes, whatever it answers', () => {
    for (const kind of ['connect', 'hello', 'mail', 'rcpt', 'data', 'message'] as const) {
      const session = new ServerSession(facts());
      const busy = (question: Question): Answer =>
        question.kind === kind ? reply(421, '3.2', 'Busy') : answer(question);
      const heard: Heard = { output: '', messages: [], events: [] };
      drain(session, busy, heard);
      session.receive(
        Buffer.from('EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\nNOOP\r\n'),
      );
      if (session.phase !== 'closed') drain(session, busy, heard);
      assert.match(heard.output, /421 4\.3\.2 Busy\r\n$/, kind);
      assert.deepEqual(session.next(), { kind: 'close', reason: 'refused' });
    }
  });

  it('a transient refusal of the connection is a 421', () => {
    const session = new ServerSession(facts());
    session.next();
    session.answer(replies.localError);
    assert.equal(session.output(), '421 4.3.0 Local error, try again later\r\n');
    assert.equal(session.next().kind, 'close');
  });

  it('Field: answers a web browser with 421 and closes', () => {
    const heard = say(new ServerSession(facts()), 'POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<>');
    assert.match(lastLine(heard), /^421 4\.7\.0/);
    assert.deepEqual(heard.events, ['close']);
  });

  it('RFC 5321 §4.1.4: a refused EHLO leaves the transaction as it is', () => {
    const session = new ServerSession(facts());
    say(session, 'EHLO a\r\nMAIL FROM:<a@b.example>\r\n');
    session.receive(Buffer.from('EHLO b\r\nRCPT TO:<c@d.example>\r\n'));
    assert.equal(session.next().kind, 'hello');
    session.answer(reply(550, '7.1', 'No'));
    assert.equal(session.next().kind, 'rcpt');
  });

  it('RFC 5321 §4.1.4: an accepted one ends it, and nothing would be lost with the connection', () => {
    const session = new ServerSession(facts());
    say(session, 'EHLO a\r\nMAIL FROM:<a@b.example>\r\n');
    assert.equal(session.idle, false);
    assert.deepEqual(say(session, 'EHLO b\r\n').events, ['reset']);
    assert.equal(session.idle, true);
  });

  it('RFC 5321 §4.5.3.2, §3.8: says 421 when it times out and when it shuts down', () => {
    const late = new ServerSession(facts());
    say(late);
    late.timedOut();
    assert.equal(late.output(), '421 4.4.2 Timeout waiting for the client\r\n');
    assert.deepEqual(late.next(), { kind: 'close', reason: 'timeout' });
    const stopped = new ServerSession(facts());
    say(stopped, 'EHLO a\r\n');
    assert.equal(stopped.idle, true);
    stopped.shuttingDown();
    assert.match(stopped.output(), /^421 4\.3\.2 /);
    assert.deepEqual(stopped.next(), { kind: 'close', reason: 'shutdown' });
  });

  it('RFC 5321 §4.5.3.2: has a time limit for commands and one for content', () => {
    const session = new ServerSession(facts({ limits: { commandTimeout: 1, contentTimeout: 2 } }));
    say(session, 'EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n');
    assert.deepEqual([session.timeoutMs, session.inContent, session.idle], [1, false, false]);
    say(session, 'DATA\r\n');
    assert.deepEqual([session.timeoutMs, session.inContent, session.idle], [2, true, false]);
    say(session, '.\r\n');
    assert.deepEqual([session.timeoutMs, session.inContent, session.idle], [1, false, true]);
  });

  it('RFC 3030 §2: can be ended without loss when chunks were taken, refused, or cut off', () => {
    const session = new ServerSession(
      facts({ withheld: only('CHUNKING'), limits: { messageSize: 5 } }),
    );
    const envelope = 'MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n';
    say(session, `EHLO a\r\n${envelope}BDAT 3\r\n`);
    assert.equal(session.idle, false);
    say(session, 'x\r\nBDAT 0 LAST\r\n');
    assert.equal(session.idle, true, 'taken');
    say(session, `${envelope}BDAT 9 LAST\r\nx`);
    assert.equal(session.idle, false);
    say(session, 'xxxxxx\r\n');
    assert.equal(session.idle, true, 'refused');
    say(session, `${envelope}BDAT 5 LAST\r\nx`);
    session.timedOut();
    assert.equal(session.idle, true, 'cut off');
  });

  it('does nothing of what was to come when it is over', () => {
    for (const command of ['STARTTLS', 'EHLO b']) {
      const session = new ServerSession(facts({ startTls: true }));
      say(session, 'EHLO a\r\nMAIL FROM:<a@b>\r\n');
      session.receive(Buffer.from(`${command}\r\n`));
      const event = session.next();
      if (isQuestion(event)) session.answer(replies.ok);
      session.shuttingDown();
      assert.deepEqual(session.next(), { kind: 'close', reason: 'shutdown' }, command);
    }
  });
});

describe('smtp/server: smuggling', () => {
  const smuggled = (end: string) =>
    `EHLO a\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nDATA\r\ninnocent${end}MAIL FROM:<ceo@b.org>\r\nRCPT TO:<c@d.org>\r\nDATA\r\nevil\r\n.\r\n`;
  for (const [number, end] of [
    ['CVE-2023-51764', '\n.\r\n'],
    ['CVE-2023-51765', '\r\n.\n'],
    ['CVE-2023-51766', '\n.\n'],
    ['CVE-2023-51766', '\r.\r\n'],
  ] as const)
    it(`${number}: ${JSON.stringify(end)} does not let a second message in`, () => {
      const strict = say(new ServerSession(facts()), smuggled(end));
      assert.deepEqual(strict.output.match(/^\d{3} /gm), [
        '220 ',
        '250 ',
        '250 ',
        '250 ',
        '354 ',
        '550 ',
      ]);
      assert.match(lastLine(strict), /^550 5\.6\.11 /);
      assert.deepEqual([strict.messages, strict.events], [[], ['reset']]);
      const lax = say(new ServerSession(facts({ bareNewlines: 'normalise' })), smuggled(end));
      assert.equal(lax.messages.length, 1);
      assert.match(lax.messages[0] ?? '', /^innocent\r\n\.?\r\nMAIL FROM:<ceo@b\.org>\r\n/);
    });

  it('Field: a tab may stand at the end of a line, and in what a client calls itself', () => {
    const session = new ServerSession(facts());
    for (const line of ['EHLO a\tb', 'MAIL FROM:<a@b>\t', 'RSET\t \t'])
      assert.match(lastLine(say(session, `${line}\r\n`)), /^250 /, JSON.stringify(line));
  });

  it('a CR or LF alone ends no command, and is 500', () => {
    for (const line of ['NOOP\nNOOP', 'NOOP\rNOOP', 'NOOP\n', 'NO\0OP', 'NOOP\x7f'])
      assert.match(lastLine(say(new ServerSession(facts()), `${line}\r\n`)), /^500 5\.5\.2 /);
  });

  const codes = (session: ServerSession, ...pieces: string[]) =>
    say(session, ...pieces).output.match(/^\d{3}(?= )/gm);

  it('RFC 5321 §2.3.8: a command ended by LF alone gets its 500 at once, each of them', () => {
    assert.deepEqual(codes(new ServerSession(facts()), 'NOOP\n'), ['220', '500']);
    assert.deepEqual(codes(new ServerSession(facts()), 'EHLO a\n', '\n', 'QUIT\n'), [
      ...['220', '500', '500', '500'],
    ]);
    const long = ['x'.repeat(600), 'y'.repeat(600), '\n'];
    assert.deepEqual(codes(new ServerSession(facts()), ...long), ['220', '500']);
  });

  it('what follows an LF alone is no command, however it arrives; the next line is', () => {
    const input = 'NOOP\nNOOP\r\nNOOP\r\n';
    for (const pieces of [[input], [...input], ['NOOP\n', 'NOOP\r\n', 'NOOP\r\n']])
      assert.deepEqual(codes(new ServerSession(facts()), ...pieces), ['220', '500', '500', '250']);
    const skipped = `${'x'.repeat(600)}\nNOOP\r\nNOOP\r\n`;
    for (const pieces of [[skipped], [...skipped]])
      assert.deepEqual(codes(new ServerSession(facts()), ...pieces), ['220', '500', '500', '250']);
  });

  it('a response of AUTH that ends in LF alone is answered at once, too', () => {
    const session = new ServerSession(
      facts({ mechanisms: ['PLAIN'], secure: true, withheld: new Set() }),
    );
    assert.deepEqual(codes(session, 'EHLO a\r\nAUTH PLAIN\r\n', 'AHRlc3QAMTIzNA==\n'), [
      ...['220', '250', '334', '501'],
    ]);
  });
});

describe('smtp/server: pipelining', () => {
  it('RFC 2920 §3.2: the replies to a group leave in one write', () => {
    const session = new ServerSession(facts());
    say(session, 'EHLO a\r\n');
    const group = 'MAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nRCPT TO:<green@d.org>\r\nDATA\r\n';
    session.receive(Buffer.from(group));
    const heard: Heard = { output: '', messages: [], events: [] };
    drain(session, answer, heard);
    assert.deepEqual(heard.output.match(/^\d{3}/gm), ['250', '250', '550', '354']);
    assert.equal(session.output(), '');
  });

  transcripts(
    open({ hostname: 'innosoft.com', withheld: only('PIPELINING') }),
    answer,
  )(`
    RFC 2920 §4: all recipients rejected
    S: 220 innosoft.com ESMTP ready
    C: EHLO dbc.mtview.ca.us
    S: 250-innosoft.com
    S: 250 PIPELINING
    C: MAIL FROM:<mrose@dbc.mtview.ca.us>
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<green@thumper.bellcore.com>
    S: 550 5.1.1 No such user here
    C: RCPT TO:<green@tis.com>
    S: 550 5.1.1 No such user here
    C: DATA
    S: 503 5.5.1 No valid recipients
    C: QUIT
    S: 221 2.0.0 Bye
  `);
});

describe('smtp/server: BDAT', () => {
  const withheld = only('CHUNKING', 'BINARYMIME', 'PIPELINING', '8BITMIME');
  const play = transcripts(open({ hostname: 'cnri.reston.va.us', withheld }), answer);
  const hello = `
    S: 220 cnri.reston.va.us ESMTP ready
    C: EHLO ymir.claremont.edu
    S: 250-cnri.reston.va.us
    S: 250-PIPELINING
    S: 250-8BITMIME
    S: 250-CHUNKING
    S: 250 BINARYMIME`;

  play(`
    RFC 3030 §4.1: simple chunking
    ${hello}
    C: MAIL FROM:<Sam@Random.com>
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<Susan@Random.com>
    S: 250 2.1.5 Recipient OK
    C: BDAT 86 LAST
    C: To: Susan@random.com
    C: From: Sam@random.com
    C: Subject: This is a bodyless test message
    M: To: Susan@random.com<CR><LF>From: Sam@random.com<CR><LF>Subject: This is a bodyless test message<CR><LF>
    S: 250 2.6.0 Message of 86 octets accepted
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  play(`
    RFC 3030 §4.2: BINARYMIME in chunks, the last of them empty; dots and newlines are just octets
    ${hello}
    C: MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<gvaudre@cnri.reston.va.us>
    S: 250 2.1.5 Recipient OK
    C: BDAT 7
    c: a<LF>.<CR><LF>.<CR>
    S: 250 2.0.0 Chunk received
    C: BDAT 4
    c: <LF><NUL><xff>Z
    S: 250 2.0.0 Chunk received
    C: BDAT 0 LAST
    M: a<LF>.<CR><LF>.<CR><LF><NUL><xff>Z
    S: 250 2.6.0 Message of 11 octets accepted
  `);

  play(`
    RFC 3030 §2: a CRLF may be cut by chunks, and a dot line means nothing
    ${hello}
    C: MAIL FROM:<ned@ymir.claremont.edu>
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<gvaudre@cnri.reston.va.us>
    S: 250 2.1.5 Recipient OK
    C: BDAT 2
    c: a<CR>
    S: 250 2.0.0 Chunk received
    C: BDAT 7 LAST
    c: <LF>.<CR><LF>b<CR><LF>
    M: a<CR><LF>.<CR><LF>b<CR><LF>
    S: 250 2.6.0 Message of 9 octets accepted
  `);

  play(`
    RFC 3030 §2: BDAT out of order is 503, and its octets are not taken for commands
    ${hello}
    C: BDAT 6 LAST
    C: QUIT
    S: 503 5.5.1 MAIL comes first
    C: MAIL FROM:<ned@ymir.claremont.edu>
    S: 250 2.1.0 Sender OK
    C: BDAT 6
    C: RSET
    S: 503 5.5.1 No valid recipients
    C: RCPT TO:<gvaudre@cnri.reston.va.us>
    S: 250 2.1.5 Recipient OK
    C: BDAT 3
    c: abc
    S: 250 2.0.0 Chunk received
    C: DATA
    S: 503 5.5.1 This message can only be sent with BDAT
    C: RCPT TO:<another@cnri.reston.va.us>
    S: 503 5.5.1 Bad sequence of commands
    C: RSET
    S: 250 2.0.0 Reset
    C: BDAT 0 LAST
    S: 503 5.5.1 MAIL comes first
  `);

  play(`
    RFC 3030 §3: DATA is refused for BINARYMIME
    ${hello}
    C: MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<gvaudre@cnri.reston.va.us>
    S: 250 2.1.5 Recipient OK
    C: DATA
    S: 503 5.5.1 This message can only be sent with BDAT
  `);

  play(`
    RFC 3030 §2: a chunk with a bare newline ends the transaction, those behind it are thrown away
    ${hello}
    C: MAIL FROM:<ned@ymir.claremont.edu>
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<gvaudre@cnri.reston.va.us>
    S: 250 2.1.5 Recipient OK
    C: BDAT 4
    c: a<LF>b<LF>
    S: 550 5.6.11 Bare <CR> or <LF> in the message: lines end in <CR><LF>
    C: BDAT 6
    C: QUIT
    S: 503 5.5.1 MAIL comes first
    C: BDAT 0 LAST
    S: 503 5.5.1 MAIL comes first
    C: NOOP
    S: 250 2.0.0 OK
  `);

  transcripts(
    open({ withheld: only('CHUNKING'), limits: { messageSize: 10 } }),
    answer,
  )(`
    RFC 1870 §6.3: chunks over the limit are read and answered with 552
    S: 220 mx.example.net ESMTP ready
    C: EHLO a.example
    S: 250-mx.example.net
    S: 250 CHUNKING
    C: MAIL FROM:<a@b.example>
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<c@d.example>
    S: 250 2.1.5 Recipient OK
    C: BDAT 6
    C: abcd
    S: 250 2.0.0 Chunk received
    C: BDAT 6 LAST
    C: QUIT
    S: 552 5.3.4 Message exceeds the maximum size
    C: BDAT 99999999999999999999
    S: 552 5.3.4 No message is that big
  `);

  it('an owner without room refuses the chunk after it was read', () => {
    const session = new ServerSession(facts({ withheld: only('CHUNKING') }));
    const full = (question: Question): Answer =>
      question.kind === 'data' ? reply(452, '3.1', 'No room') : answer(question);
    const heard: Heard = { output: '', messages: [], events: [] };
    drain(session, full, heard);
    session.receive(Buffer.from('EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nBDAT 6 LAST\r\nQU'));
    drain(session, full, heard);
    assert.deepEqual(heard.output.match(/^\d{3} /gm), ['220 ', '250 ', '250 ', '250 ']);
    session.receive(Buffer.from('IT\r\nNOOP\r\n'));
    drain(session, full, heard);
    assert.match(heard.output, /452 4\.3\.1 No room\r\n250 2\.0\.0 OK\r\n$/);
    assert.deepEqual(heard.events, ['reset']);
  });
});

describe('smtp/server: LMTP', () => {
  const words = (question: Question): Answer =>
    question.kind === 'message'
      ? { each: [reply(250, '0.0', 'OK'), reply(452, '2.2', '<green@foo.edu> is over quota')] }
      : question.kind === 'rcpt' && question.to.local === 'jones'
        ? reply(550, '1.1', 'No such user here')
        : question.kind === 'rcpt'
          ? replies.recipientOk
          : answer(question);
  const options: Options = {
    protocol: 'lmtp',
    hostname: 'foo.edu',
    withheld: only('PIPELINING', 'CHUNKING'),
  };
  const play = transcripts(open(options), words);
  const envelope = `
    S: 220 foo.edu LMTP ready
    C: LHLO foo.edu
    S: 250-foo.edu
    S: 250-PIPELINING
    S: 250 CHUNKING
    C: MAIL FROM:<chris@bar.com>
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<pat@foo.edu>
    S: 250 2.1.5 Recipient OK
    C: RCPT TO:<jones@foo.edu>
    S: 550 5.1.1 No such user here
    C: RCPT TO:<green@foo.edu>
    S: 250 2.1.5 Recipient OK`;

  play(`
    RFC 2033 §4.2: a reply for each recipient after the final dot
    ${envelope}
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: Blah blah blah...
    C: .
    M: Blah blah blah...<CR><LF>
    S: 250 2.0.0 OK
    S: 452 4.2.2 <green@foo.edu> is over quota
    C: QUIT
    S: 221 2.0.0 Bye
  `);

  play(`
    RFC 2033 §4.3: a reply for each recipient after BDAT LAST, one after any other BDAT
    ${envelope}
    C: BDAT 3
    C: a
    S: 250 2.0.0 Chunk received
    C: BDAT 0 LAST
    M: a<CR><LF>
    S: 250 2.0.0 OK
    S: 452 4.2.2 <green@foo.edu> is over quota
  `);

  play(`
    RFC 2033 §4.2: content that the session refuses is refused for each recipient
    ${envelope}
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: bare<LF>newline
    C: .
    S: 550 5.6.11 Bare <CR> or <LF> in the message: lines end in <CR><LF>
    S: 550 5.6.11 Bare <CR> or <LF> in the message: lines end in <CR><LF>
    C: NOOP
    S: 250 2.0.0 OK
  `);

  play(`
    RFC 2033 §4.1, §4.2 and §4.3: no HELO, no EHLO; no recipients, no DATA, and silence for BDAT LAST
    S: 220 foo.edu LMTP ready
    C: HELO foo.edu
    S: 500 5.5.1 This is LMTP: say LHLO
    C: EHLO foo.edu
    S: 500 5.5.1 This is LMTP: say LHLO
    C: MAIL FROM:<chris@bar.com>
    S: 503 5.5.1 Say LHLO first
    C: LHLO foo.edu
    S: 250-foo.edu
    S: 250-PIPELINING
    S: 250 CHUNKING
    C: MAIL FROM:<chris@bar.com>
    S: 250 2.1.0 Sender OK
    C: DATA
    S: 503 5.5.1 No valid recipients
    C: BDAT 3 LAST
    C: a
    C: NOOP
    S: 250 2.0.0 OK
  `);

  it('one answer serves all recipients', () => {
    const session = new ServerSession(facts(options));
    const one = (question: Question): Answer =>
      question.kind === 'message' ? replies.localError : words(question);
    const heard: Heard = { output: '', messages: [], events: [] };
    drain(session, one, heard);
    const text = 'LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@b>\r\nDATA\r\n.\r\n';
    session.receive(Buffer.from(text));
    drain(session, one, heard);
    assert.equal(heard.output.match(/^451 4\.3\.0/gm)?.length, 2);
  });

  it('SMTP has no LHLO', () =>
    assert.match(lastLine(say(new ServerSession(facts()), 'LHLO a\r\n')), /^500 5\.5\.1 .*EHLO/));
});

describe('smtp/server: STARTTLS', () => {
  const options: Options = { startTls: true, withheld: only('STARTTLS', 'DSN', 'AUTH') };

  transcripts(
    open({ ...options, hostname: 'mail.imc.org' }),
    answer,
  )(`
    RFC 3207 §5: TLS begins, the client says EHLO again, and it is not offered twice
    S: 220 mail.imc.org ESMTP ready
    C: STARTTLS
    S: 503 5.5.1 Say EHLO first
    C: EHLO mail.example.com
    S: 250-mail.imc.org
    S: 250-STARTTLS
    S: 250 DSN
    C: STARTTLS now
    S: 501 5.5.4 Syntax: STARTTLS
    C: STARTTLS
    S: 220 2.0.0 Ready to start TLS
    T:
    C: MAIL FROM:<a@b.example>
    S: 503 5.5.1 Say EHLO first
    C: EHLO mail.example.com
    S: 250-mail.imc.org
    S: 250-AUTH PLAIN SCRAM-SHA-256
    S: 250 DSN
    C: STARTTLS
    S: 503 5.5.1 TLS is active already
    C: MAIL FROM:<a@b.example>
    S: 250 2.1.0 Sender OK
  `);

  transcripts(
    open(),
    answer,
  )(`
    RFC 3207 §4: 454 where there is no TLS
    S: 220 mx.example.net ESMTP ready
    C: EHLO mail.example.com
    S: 250-mx.example.net
    S: 250 DSN
    C: STARTTLS
    S: 454 4.7.0 TLS is not available
  `);

  it('is for those it is not withheld from, where there is a certificate', () => {
    for (const [startTls, withheld, expected] of [
      [true, only('STARTTLS'), /^220/],
      [true, only('DSN'), /^454/],
      [false, only('STARTTLS'), /^454/],
    ] as const) {
      const session = new ServerSession(facts({ startTls, withheld }));
      say(session, 'EHLO a\r\n');
      assert.match(say(session, 'STARTTLS\r\n').output, expected);
    }
  });

  it('CVE-2011-0411: what was sent in the clear after STARTTLS is never executed', () => {
    const session = new ServerSession(facts(options));
    const first = say(session, 'EHLO a\r\nSTARTTLS\r\nRSET\r\nMAIL FROM:<evil@example.org>\r\nRC');
    assert.match(first.output, /220 2\.0\.0 Ready to start TLS\r\n$/);
    session.receive(Buffer.from('PT TO:<x@y>\r\nMAIL FROM:<evil@example.org>\r\n'));
    session.tlsStarted({ mechanisms: [], trusted: false });
    assert.equal(say(session).output, '');
    assert.equal(session.secure, true);
    assert.match(say(session, 'NOOP\r\n').output, /^250 2\.0\.0 OK\r\n$/);
  });

  it('RFC 3207 §4.2: a transaction does not survive it', () => {
    const session = new ServerSession(facts(options));
    const heard = say(session, 'EHLO a\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\n');
    assert.deepEqual(heard.events, ['reset', 'starttls']);
    session.tlsStarted({ mechanisms: [], trusted: false });
    assert.match(say(session, 'RCPT TO:<a@b>\r\n').output, /^503/);
    const without = new ServerSession(facts(options));
    assert.deepEqual(say(without, 'EHLO a\r\nSTARTTLS\r\n').events, ['starttls']);
  });
});

describe('smtp/server: what an owner learns, and tells', () => {
  it('how many lines of commands there were, those of AUTH included', () => {
    const session = new ServerSession(facts({ mechanisms: ['PLAIN'], withheld: only('AUTH') }));
    say(session, 'EHLO a\r\nNOOP\r\nAUTH PLAIN\r\n', 'bm90aGluZw==\r\n');
    assert.equal(session.commands, 4);
  });

  it('which command was refused', () => {
    const session = new ServerSession(facts());
    say(session, 'EHLO a\r\nRCPT TO:<a@b>\r\nNOOP\r\n');
    assert.deepEqual(
      session.takeRefused().map(({ stage }) => stage),
      ['rcpt'],
    );
    assert.deepEqual(session.takeRefused(), []);
  });

  it('whose mail it was: of the transaction that is open, whatever MAIL comes behind it', () => {
    const session = new ServerSession(facts());
    const mail = 'MAIL FROM:<ann@b.example>\r\nMAIL FROM:<eve@b.example>\r\n';
    say(session, `EHLO a\r\n${mail}RCPT TO:<green@b.example>\r\n`);
    assert.deepEqual(
      session.takeRefused().map(({ stage, sender }) => [stage, sender?.local]),
      [
        ['mail', 'ann'],
        ['rcpt', 'ann'],
      ],
    );
  });

  it('nobody’s, once a transaction is over; of one that was refused, its own', () => {
    const session = new ServerSession(facts());
    const mail = 'MAIL FROM:<ann@b.example>\r\nRCPT TO:<a@b>\r\n';
    const stray = 'RCPT TO:<a@b>\r\nDATA\r\n';
    const senders = () => session.takeRefused().map(({ sender, stage }) => [stage, sender?.local]);
    say(session, `EHLO a\r\n${mail}DATA\r\nx\r\n.\r\n${stray}`);
    assert.deepEqual(senders(), [
      ['rcpt', undefined],
      ['data', undefined],
    ]);
    for (const end of ['RSET', 'EHLO a']) {
      say(session, `${mail}${end}\r\nDATA\r\n`);
      assert.deepEqual(senders(), [['data', undefined]]);
    }
    say(session, 'MAIL FROM:<ann@b.example> X=1\r\nRCPT TO:<a@b>\r\n');
    assert.deepEqual(senders(), [
      ['mail', 'ann'],
      ['rcpt', 'ann'],
    ]);
  });

  it('that RSET ended a transaction, if there was one; the next one is a new one', () => {
    const session = new ServerSession(facts());
    assert.deepEqual(say(session, 'EHLO a\r\nRSET\r\n').events, []);
    assert.deepEqual(say(session, 'MAIL FROM:<ann@b.example>\r\nRSET\r\n').events, ['reset']);
    say(session, 'MAIL FROM:<eve@b.example>\r\nRCPT TO:<green@b.example>\r\n');
    assert.equal(session.takeRefused()[0]?.sender?.local, 'eve');
  });

  it('BDAT LAST without recipients: in SMTP the transaction goes on, in LMTP it is over', () => {
    const chunk = 'MAIL FROM:<ann@b.example>\r\nBDAT 3 LAST\r\nabc';
    const refuse = 'RCPT TO:<green@b.example>\r\n';
    const withheld = only('CHUNKING');
    const smtp = new ServerSession(facts({ withheld }));
    assert.match(lastLine(say(smtp, `EHLO a\r\n${chunk}`)), /^503 /);
    smtp.takeRefused();
    assert.match(lastLine(say(smtp, refuse)), /^550 /);
    assert.equal(smtp.takeRefused()[0]?.sender?.local, 'ann');
    const lmtp = new ServerSession(facts({ withheld, protocol: 'lmtp' }));
    assert.deepEqual(say(lmtp, `LHLO a\r\n${chunk}`).events, ['reset']);
    say(lmtp, `MAIL FROM:<eve@b.example>\r\n${refuse}`);
    assert.equal(lmtp.takeRefused().at(-1)?.sender?.local, 'eve');
  });

  it('whether content is lines or octets: DATA brings lines', () => {
    const session = new ServerSession(facts());
    const asked: Question[] = [];
    session.receive(Buffer.from('EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n'));
    const noting = (question: Question): Answer => {
      asked.push(question);
      return answer(question);
    };
    drain(session, noting, { output: '', messages: [], events: [] });
    assert.deepEqual(asked.at(-1), { kind: 'data', via: 'DATA', binary: false });
  });

  it('that content was refused', () => {
    const session = new ServerSession(facts({ limits: { messageSize: 5 } }));
    const envelope = 'MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n';
    assert.match(lastLine(say(session, `EHLO a\r\n${envelope}DATA\r\n`, 'abcd\r\n.\r\n')), /^552 /);
    assert.deepEqual(
      session.takeRefused().map(({ stage }) => stage),
      ['content'],
    );
  });

  it('how refused content began; what comes behind it is another transaction', () => {
    const session = new ServerSession(facts());
    const mail = (from: string) => `MAIL FROM:<${from}@b.example>\r\nRCPT TO:<a@b>\r\n`;
    say(session, `EHLO a\r\n${mail('ann')}DATA\r\n`, 'Subject: bare\n\r\n.\r\n');
    const [refused, ...others] = session.takeRefused();
    assert.match(Buffer.from(refused?.content ?? []).toString(), /^Subject: bare/);
    assert.deepEqual(others, []);
    say(session, `${mail('eve')}RCPT TO:<green@b>\r\n`);
    const [later] = session.takeRefused();
    assert.deepEqual([later?.sender?.local, later?.content], ['eve', undefined]);
  });

  it('RFC 2033 §4.2: whose message was refused, of several recipients', () => {
    const session = new ServerSession(facts({ protocol: 'lmtp' }));
    session.receive(
      Buffer.from(
        'LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@b>\r\nRCPT TO:<d@b>\r\nDATA\r\nx\r\n.\r\n',
      ),
    );
    const each = [replies.ok, reply(552, '2.2', 'Mailbox full')];
    const answers = (question: Question): Answer =>
      question.kind === 'message' ? { each } : answer(question);
    drain(session, answers, { output: '', messages: [], events: [] });
    assert.deepEqual(
      session.takeRefused().map(({ stage, recipients }) => [stage, recipients[0]?.local]),
      [['content', 'd']],
    );
  });

  it('that its time was up', () => {
    const session = new ServerSession(facts());
    say(session, 'EHLO a\r\n');
    session.timedOut();
    assert.deepEqual(
      session.takeRefused().map(({ stage }) => stage),
      ['timeout'],
    );
  });
});

describe('smtp/server: what an owner must not give', () => {
  it('replies for each recipient but to a message, in LMTP, as many as there are', () => {
    const message = 'MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@b>\r\nDATA\r\nx\r\n.\r\n';
    const oneEach = (question: Question): Answer =>
      question.kind === 'message' ? { each: [replies.ok] } : answer(question);
    for (const [protocol, hello, answers, complaint] of [
      ['smtp', 'EHLO', oneEach, /only LMTP/],
      ['lmtp', 'LHLO', oneEach, /one for each/],
      ['lmtp', 'LHLO', () => ({ each: [replies.ok] }), /only a message/],
    ] as const) {
      const session = new ServerSession(facts({ protocol }));
      session.receive(Buffer.from(`${hello} a\r\n${message}`));
      const heard = { output: '', messages: [], events: [] };
      assert.throws(() => drain(session, answers, heard), complaint);
    }
  });

  it('a name that would end the greeting', () => {
    for (const hostname of ['', 'a b', 'mx.test\r\n250 ok'])
      assert.throws(() => new ServerSession({ ...facts({}), hostname }), /one word/);
  });
});

describe('smtp/server: STARTTLS after AUTH', () => {
  const clear: Options = {
    startTls: true,
    mechanisms: ['EXTERNAL'],
    withheld: only('AUTH', 'STARTTLS'),
  };

  it('RFC 3207 §4.2: is refused, so that no login outlives the connection it was made on', () => {
    const session = new ServerSession(facts(clear));
    say(session, 'EHLO a\r\nAUTH EXTERNAL =\r\n');
    assert.equal(session.authenticated, true);
    const heard = say(session, 'STARTTLS\r\n');
    assert.match(lastLine(heard), /^503 5\.5\.1 /);
    assert.deepEqual(heard.events, []);
    assert.match(lastLine(say(session, 'NOOP\r\n')), /^250 /, 'the session goes on in the clear');
  });

  it('RFC 3207 §4.2: a login before TLS is none after it', () => {
    const session = new ServerSession(facts(clear));
    say(session, 'EHLO a\r\nSTARTTLS\r\n');
    session.tlsStarted({ mechanisms: ['EXTERNAL'], trusted: false });
    assert.equal(session.authenticated, false);
    assert.match(lastLine(say(session, 'EHLO a\r\nAUTH EXTERNAL =\r\n')), /^235 /);
    assert.equal(session.authenticated, true);
    assert.match(lastLine(say(session, 'STARTTLS\r\n')), /^503 5\.5\.1 TLS is active already/);
  });
});

describe('smtp/server: AUTH', () => {
  const options: Options = {
    hostname: 'smtp.example.com',
    secure: true,
    mechanisms: ['PLAIN', 'EXTERNAL'],
    withheld: only('AUTH'),
  };
  const play = transcripts(open(options), answer);
  const hello = `
    S: 220 smtp.example.com ESMTP ready
    C: EHLO client.example.com
    S: 250-smtp.example.com
    S: 250 AUTH PLAIN EXTERNAL`;

  play(`
    RFC 4954 §4.1: PLAIN with an initial response; a second AUTH is 503
    ${hello}
    C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=
    S: 535 5.7.8 Authentication credentials invalid
    C: auth plain AHRlc3QAMTIzNA==
    S: 235 2.7.0 Authentication successful
    C: AUTH PLAIN AHRlc3QAMTIzNA==
    S: 503 5.5.1 Authenticated already
  `);

  play(`
    RFC 4954 §4.1: PLAIN without an initial response, after an empty challenge
    ${hello}
    C: AUTH PLAIN
    S: 334
    C: AHRlc3QAMTIzNA==
    S: 235 2.7.0 Authentication successful
  `);

  play(`
    RFC 4954 §4.1: EXTERNAL with an empty initial response
    ${hello}
    C: AUTH EXTERNAL =
    S: 235 2.7.0 Authentication successful
  `);

  play(`
    RFC 4954 §4: "*" cancels, what is not base64 is 501 5.5.2, and the session goes on
    ${hello}
    C: AUTH PLAIN
    S: 334
    C: *
    S: 501 5.0.0 Authentication cancelled
    C: AUTH PLAIN
    S: 334
    C: AAA=BBB
    S: 501 5.5.2 Cannot decode base64
    C: AUTH PLAIN
    S: 334
    C: AAA A
    S: 501 5.5.2 Cannot decode base64
    C: AUTH PLAIN AAA
    S: 501 5.5.2 Cannot decode base64
    C: AUTH
    S: 501 5.5.4 Syntax: AUTH mechanism [initial-response]
    C: AUTH CRAM-MD5
    S: 504 5.5.4 Authentication mechanism not supported
    C: AUTH PLAIN
    S: 334
    C: 
    S: 535 5.7.8 Authentication credentials invalid
    C: MAIL FROM:<a@b.example>
    S: 250 2.1.0 Sender OK
    C: AUTH PLAIN AHRlc3QAMTIzNA==
    S: 503 5.5.1 Not possible in a transaction
  `);

  it('RFC 4954 §4: a line longer than 12288 octets fails the exchange with 500 5.5.6', () => {
    for (const size of [12_287, 100_000]) {
      const session = new ServerSession(facts(options));
      const heard = say(session, 'EHLO a\r\nAUTH PLAIN\r\n', `${'A'.repeat(size)}\r\nNOOP\r\n`);
      assert.match(heard.output, /334 \r\n500 5\.5\.6 .*\r\n250 2\.0\.0 OK\r\n$/);
      assert.deepEqual(heard.events, ['auth-cancelled']);
    }
  });

  it('takes an initial response that is longer than a command may be', () => {
    const heard = say(
      new ServerSession(facts(options)),
      `EHLO a\r\nAUTH PLAIN ${'A'.repeat(8000)}\r\n`,
    );
    assert.match(lastLine(heard), /^535 /);
  });

  it('RFC 4954 §4: not offered, it is 502; where TLS would offer it, 538 5.7.11', () => {
    const none = new ServerSession(facts({ withheld: only('AUTH') }));
    assert.match(lastLine(say(none, 'EHLO a\r\nAUTH PLAIN\r\n')), /^502 5\.5\.1 /);
    const clear = new ServerSession(facts({ withheld: only('AUTH', 'STARTTLS'), startTls: true }));
    assert.match(lastLine(say(clear, 'EHLO a\r\nAUTH PLAIN\r\n')), /^538 5\.7\.11 /);
  });

  it('RFC 4954 §6: 530 5.7.0 to MAIL until the client has logged in', () => {
    const session = new ServerSession(facts({ ...options, authRequired: true }));
    assert.match(lastLine(say(session, 'EHLO a\r\nMAIL FROM:<a@b>\r\n')), /^530 5\.7\.0 /);
    assert.match(lastLine(say(session, 'AUTH EXTERNAL =\r\nMAIL FROM:<a@b>\r\n')), /^250 2\.1\.0 /);
    assert.equal(session.authenticated, true);
  });

  it('RFC 4954 §5: AUTH= is read as AUTH=<> unless the client is trusted', () => {
    for (const [trusted, submitter] of [
      [true, 'e=mc2@example.com'],
      [false, ''],
    ] as const) {
      const session = new ServerSession(facts({ ...options, trusted }));
      say(session, 'EHLO a\r\n');
      session.receive(Buffer.from('MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com\r\n'));
      const event = session.next();
      assert.ok(event.kind === 'mail');
      assert.deepEqual(event.params, [{ name: 'AUTH', submitter }]);
    }
  });
});

describe('smtp/server: SMTPUTF8', () => {
  const options: Options = { withheld: only('SMTPUTF8', '8BITMIME') };
  const utf8 = (text: string) => Buffer.from(text, 'utf8');

  it('RFC 6531 §3.1: UTF-8 in MAIL and RCPT with the parameter', () => {
    const session = new ServerSession(facts(options));
    const heard = say(
      session,
      'EHLO a\r\n',
      utf8(
        'MAIL FROM:<jörg@bücher.example> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<用户@例子.测试>\r\n',
      ),
    );
    assert.deepEqual(heard.output.match(/^\d{3} [25]\.\d\.\d/gm), ['250 2.1.0', '250 2.1.5']);
  });

  it('RFC 6531 §3.7.4: 553 5.6.7 without it', () => {
    const session = new ServerSession(facts(options));
    say(session, 'EHLO a\r\n');
    assert.match(say(session, utf8('MAIL FROM:<jörg@example.org>\r\n')).output, /^553 5\.6\.7 /);
    say(session, 'MAIL FROM:<ann@example.org>\r\n');
    assert.match(say(session, utf8('RCPT TO:<jörg@example.org>\r\n')).output, /^553 5\.6\.7 /);
  });

  it('RFC 6531 §3.3: what is not UTF-8 is 501', () => {
    const session = new ServerSession(facts(options));
    say(session, 'EHLO a\r\n');
    assert.match(
      say(session, 'MAIL FROM:<j\xf6rg@example.org> SMTPUTF8\r\n').output,
      /^501 5\.5\.2 /,
    );
    assert.match(say(session, utf8('EHLO jörg\r\n')).output, /^501 5\.5\.4 /);
  });

  it('RFC 6531 §3.7.4.2: VRFY says whether its reply may hold UTF-8', () => {
    const session = new ServerSession(facts(options));
    say(session, 'EHLO a\r\n');
    session.receive(utf8('VRFY jörg SMTPUTF8\r\n'));
    assert.deepEqual(session.next(), { kind: 'vrfy', argument: 'jörg', utf8: true });
  });
});

describe('smtp/server: ETRN', () => {
  transcripts(
    open({ withheld: only('ETRN') }),
    answer,
  )(`
    RFC 1985 §5: not in a transaction
    S: 220 mx.example.net ESMTP ready
    C: EHLO a.example
    S: 250-mx.example.net
    S: 250 ETRN
    C: ETRN
    S: 501 5.5.4 Syntax: ETRN domain
    C: ETRN example.org
    S: 250 2.0.0 Queue for example.org started
    C: MAIL FROM:<a@b.example>
    S: 250 2.1.0 Sender OK
    C: ETRN example.org
    S: 503 5.5.1 Not possible in a transaction
  `);
});

describe('smtp/server: limits', () => {
  const ready = (limits: Partial<SessionLimits> = {}) => {
    const session = new ServerSession(facts({ withheld: new Set(), limits }));
    say(session, 'EHLO a\r\n');
    return session;
  };
  const envelope = 'MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n';

  it('RFC 5321 §4.5.3.1.4: a command line of 512 octets is taken, one of 513 is 500 5.5.2', () => {
    assert.match(say(ready(), `NOOP ${'x'.repeat(505)}\r\n`).output, /^250 /);
    assert.match(say(ready(), `NOOP ${'x'.repeat(506)}\r\n`).output, /^500 5\.5\.2 /);
  });

  it('RFC 3461 §10: RCPT may have 530 octets more, and MAIL what its parameters need', () => {
    const orcpt = `ORCPT=rfc822;${'x'.repeat(480)}`;
    const session = ready();
    say(session, `MAIL FROM:<a@b.example>\r\n`);
    const rcpt = `RCPT TO:<${'c'.repeat(64)}@${'d'.repeat(60)}.example> ${orcpt}\r\n`;
    assert.match(say(session, rcpt).output, /^250 /);
    const auth = 'x'.repeat(50);
    const mail = `MAIL FROM:<a@b.example> ENVID=${'e'.repeat(100)} AUTH=${auth}@example.org\r\n`;
    const trusting = new ServerSession(
      facts({ withheld: new Set(), mechanisms: ['PLAIN'], secure: true }),
    );
    say(trusting, 'EHLO a\r\n');
    assert.match(say(trusting, mail).output, /^250 /);
  });

  it('a line without end is skipped and never held', () => {
    const session = ready();
    const piece = Buffer.alloc(64 * 1024, 'x');
    for (let i = 0; i < 1024; i += 1) assert.equal(say(session, piece).output, '');
    assert.match(say(session, '\r\nNOOP\r\n').output, /^500 5\.5\.2 .*\r\n250 2\.0\.0 OK\r\n$/);
  });

  it('finds the end of a skipped line when its CR and LF come apart', () => {
    const session = ready();
    say(session, 'x'.repeat(2000), 'x\r');
    assert.match(say(session, '\nNOOP\r\n').output, /^500 5\.5\.2 .*\r\n250 /);
  });

  it('RFC 5321 §4.5.3.1.10: 452 4.5.3 for recipients over the limit; the others stand', () => {
    const session = ready({ recipients: 100 });
    const heard = say(
      session,
      'MAIL FROM:<a@b.example>\r\n',
      'RCPT TO:<c@d.example>\r\n'.repeat(10_000),
    );
    assert.equal(heard.output.match(/^250 2\.1\.5/gm)?.length, 100);
    assert.equal(heard.output.match(/^452 4\.5\.3/gm)?.length, 9900);
    assert.match(say(session, 'DATA\r\n').output, /^354/);
  });

  it('after too many errors there is only 421 4.7.0, or QUIT', () => {
    const session = ready({ errorsPerConnection: 3 });
    const heard = say(session, 'X\r\n'.repeat(3), 'NOOP\r\nNOOP\r\n');
    assert.deepEqual(heard.output.match(/^\d{3}/gm), ['500', '500', '500', '421']);
    assert.deepEqual(heard.events, ['close']);
    assert.match(lastLine(say(ready({ errorsPerConnection: 1 }), 'X\r\nQUIT\r\n')), /^221 /);
  });

  it('refusals of the owner count as errors, transient ones do not, a message forgives them', () => {
    const green = 'RCPT TO:<green@d.example>\r\n';
    const message = 'RCPT TO:<c@d.example>\r\nDATA\r\n.\r\n';
    const mail = 'MAIL FROM:<a@b.example>\r\n';
    const session = ready({ errorsPerConnection: 3 });
    assert.match(lastLine(say(session, mail + green.repeat(2) + message)), /^250 2\.6\.0/);
    assert.match(lastLine(say(session, mail + green.repeat(2) + message)), /^250 2\.6\.0/);
    assert.match(lastLine(say(session, mail + green.repeat(4))), /^421 4\.7\.0/);
    const busy = ready({ errorsPerConnection: 3, recipients: 1 });
    assert.match(
      lastLine(say(busy, `${envelope}${'RCPT TO:<c@d.example>\r\n'.repeat(9)}`)),
      /^452/,
    );
  });

  it('after too many commands that bring no mail nearer: 421 4.7.0', () => {
    const heard = say(
      ready({ commandsWithoutMail: 5 }),
      'NOOP\r\nRSET\r\nVRFY a\r\nHELP\r\nNOOP\r\n',
    );
    assert.match(lastLine(heard), /^421 4\.7\.0/);
    const busy = ready({ commandsWithoutMail: 5 });
    for (let i = 0; i < 3; i += 1)
      assert.match(lastLine(say(busy, `NOOP\r\nNOOP\r\n${envelope}DATA\r\n.\r\n`)), /^250 2\.6/);
    const patient = ready({ commandsWithoutMail: 6 });
    assert.match(lastLine(say(patient, 'NOOP\r\nRSET\r\nVRFY a\r\nHELP\r\nNOOP\r\n')), /^250 /);
  });

  it('RFC 3461 §4: MAIL may be longer than other commands, for its parameters', () => {
    const domain = `${'d'.repeat(60)}.`.repeat(4);
    const path = `<${'a'.repeat(200)}@${domain}example>`;
    const mail = `MAIL FROM:${path} ENVID=${'x'.repeat(90)}\r\n`;
    assert.ok(mail.length > 512);
    assert.match(say(ready(), mail).output, /^250 /);
  });

  it('RFC 9422 §4: as many messages as MAILMAX says, then 421', () => {
    const session = ready({ messagesPerConnection: 2 });
    const message = `${envelope}DATA\r\n.\r\n`;
    assert.match(lastLine(say(session, message + message)), /^250 2\.6\.0/);
    assert.match(lastLine(say(session, envelope)), /^421 4\.7\.0/);
    const offered = say(
      new ServerSession(facts({ withheld: only('LIMITS'), limits: { messagesPerConnection: 2 } })),
      'EHLO a\r\n',
    );
    assert.match(lastLine(offered), /^250 LIMITS RCPTMAX=1000 MAILMAX=2$/);
  });

  it('RFC 9422 §4: recipients of as many domains as RCPTDOMAINMAX says, over the connection', () => {
    const session = ready({ domainsPerConnection: 2 });
    const to = (address: string) => `RCPT TO:<${address}>\r\n`;
    const heard = say(
      session,
      'MAIL FROM:<a@b.example>\r\n',
      ...[to('c@one.example'), to('d@two.example'), to('e@ONE.example'), to('f@three.example')],
      'DATA\r\n.\r\n',
    );
    const codes = ['250', '250', '250', '250', '452', '354', '250'];
    assert.deepEqual(heard.output.match(/^\d{3}/gm), codes);
    assert.match(heard.output, /^452 4\.5\.3 /m);
    const later = say(
      session,
      'MAIL FROM:<a@b.example>\r\n',
      to('g@two.example'),
      to('h@four.example'),
    );
    assert.deepEqual(later.output.match(/^\d{3}/gm), ['250', '250', '452']);
    const offered = say(
      new ServerSession(facts({ withheld: only('LIMITS'), limits: { domainsPerConnection: 2 } })),
      'EHLO a\r\n',
    );
    assert.match(lastLine(offered), /^250 LIMITS RCPTMAX=1000 RCPTDOMAINMAX=2$/);
  });

  it('RFC 1870 §6.1: refuses a declared size above the limit', () => {
    const session = ready({ messageSize: 1000 });
    assert.match(say(session, 'MAIL FROM:<a@b.example> SIZE=1001\r\n').output, /^552 5\.3\.4 /);
    assert.match(say(session, 'MAIL FROM:<a@b.example> SIZE=1000\r\n').output, /^250 /);
  });

  it('RFC 1870 §6.3: of a chunk announced longer than the message may become nothing is given out', () => {
    for (const [messageSize, chunks, given, code] of [
      [6, ['BDAT 6 LAST\r\nabcd\r\n'], 6, '250'],
      [5, ['BDAT 6 LAST\r\nabcd\r\n'], 0, '552'],
      [9, ['BDAT 6\r\nabcd\r\n', 'BDAT 4 LAST\r\nef\r\n'], 6, '552'],
      [10, ['BDAT 6\r\nabcd\r\n', 'BDAT 4 LAST\r\nef\r\n'], 10, '250'],
      [0, ['BDAT 6 LAST\r\nabcd\r\n'], 6, '250'],
    ] as const) {
      const session = ready({ messageSize });
      say(session, envelope);
      let octets = 0;
      for (const octet of chunks.join('')) {
        session.receive(Buffer.from(octet));
        for (let event = session.next(); event.kind !== 'need-input'; event = session.next()) {
          if (event.kind === 'content') octets += event.bytes.length;
          else if (isQuestion(event)) session.answer(answer(event) as Reply);
        }
      }
      const last = session.output().trimEnd().split('\r\n').at(-1);
      assert.deepEqual([octets, last?.slice(0, 3)], [given, code]);
    }
  });

  it('RFC 1870 §6.3: refuses content above the limit, at its end, and gives no more of it out', () => {
    const session = ready({ messageSize: 100_000 });
    const heard = say(session, `${envelope}DATA\r\n`);
    const line = Buffer.from(`${'x'.repeat(98)}\r\n`);
    let given = 0;
    for (let i = 0; i < 100_000; i += 1) {
      session.receive(line);
      for (;;) {
        const event = session.next();
        if (event.kind !== 'content') break;
        given += event.bytes.length;
      }
    }
    assert.ok(given <= 100_000);
    assert.match(say(session, '.\r\nNOOP\r\n').output, /^552 5\.3\.4 .*\r\n250 2\.0\.0 OK\r\n$/);
    assert.deepEqual(heard.messages, []);
  });

  const refused: readonly (readonly [string, Partial<SessionLimits>, string, Reply])[] = [
    [
      'RFC 5321 §4.5.3.1.6: a text line over 998 octets',
      {},
      `short\r\n${'x'.repeat(999)}\r\n`,
      textLineTooLong(2, 998),
    ],
    ['2 MiB of header', {}, 'X-Field: value\r\n'.repeat(2 ** 17), replies.headerTooBig],
    [
      'a header without end in one line',
      { textLine: 0 },
      'x'.repeat(2 ** 21),
      replies.headerTooBig,
    ],
  ];
  for (const [title, limits, content, because] of refused)
    it(`refuses ${title}`, () => {
      const session = ready(limits);
      const heard = say(session, `${envelope}DATA\r\n`, `${content}\r\n.\r\n`);
      assert.equal(lastLine(heard), `${because.code} 5.${because.detail} ${because.lines[0]}`);
      assert.deepEqual(heard.messages, []);
      assert.deepEqual(heard.events, ['reset']);
    });

  it('RFC 5321 §4.5.3.1.1: a local part above the limit is 501 and names it, below it is taken', () => {
    const say2 = (local: string, limits: Partial<SessionLimits> = {}) =>
      say(
        new ServerSession(facts({ limits })),
        'EHLO a\r\n',
        `MAIL FROM:<${local}@b.org>\r\nRCPT TO:<${local}@b.org>\r\n`,
        `MAIL FROM:<>\r\nRCPT TO:<${local}@b.org>\r\n`,
      )
        .output.trimEnd()
        .split('\r\n')
        .slice(-4);
    const path = 'Path too long: a local part has at most';
    for (const local of ['x'.repeat(65), 'x'.repeat(256)])
      assert.match(say2(local).join(), /^250 .*250 .*503 .*250 /);
    for (const local of ['x'.repeat(257), `"${'x'.repeat(256)} "`])
      assert.deepEqual(say2(local), [
        `501 5.1.7 ${path} 256 octets here`,
        '503 5.5.1 MAIL comes first',
        '250 2.1.0 Sender OK',
        `501 5.1.3 ${path} 256 octets here`,
      ]);
    assert.match(say2('x'.repeat(65), { localPart: 64 })[0]!, /^501 5\.1\.7 .* 64 octets/);
  });

  it('takes a text line of 998 octets, its stuffed dot not counted, and any length when told to', () => {
    const long = `.${'.'.repeat(998)}\r\n`;
    assert.equal(say(ready(), `${envelope}DATA\r\n`, `${long}.\r\n`).messages[0]?.length, 1000);
    const any = ready({ textLine: 0 });
    assert.equal(
      say(any, `${envelope}DATA\r\n\r\n`, `${'x'.repeat(9999)}\r\n.\r\n`).messages.length,
      1,
    );
  });
});

describe('smtp/server: what it tells its owner', () => {
  const after = (options: Options, line: string) => {
    const session = new ServerSession(facts(options));
    say(session, 'EHLO c.example\r\n');
    session.takeRefused();
    session.receive(Buffer.from(`${line}\r\n`));
    return { event: session.next(), refused: session.takeRefused() };
  };

  it('of a line that is no command only where somebody wants to see it', () => {
    assert.equal(after({}, 'WHATEVER').event.kind, 'need-input');
    assert.equal(after({ asksUnknown: true }, '').event.kind, 'need-input');
    const { event } = after({ asksUnknown: true }, 'WHATEVER');
    assert.deepEqual(event, { kind: 'unknown', line: 'WHATEVER' });
  });

  it('nobody of the RCPT or the transaction before; and what a line that is no command was about', () => {
    const session = new ServerSession(facts());
    const mail = (to: string) => `MAIL FROM:<a@b>\r\nRCPT TO:<${to}@b>\r\n`;
    const content = (bytes: string) => `DATA\r\n${bytes}.\r\n`;
    say(session, `EHLO a\r\n${mail('first')}`, content('x\r\n'));
    say(session, mail('second'), content('bare\n\r\n'));
    say(session, 'MAIL FROM:<a@b>\r\nRCPT TO:<green@b>\r\nRCPT TO:<broken\r\n');
    assert.deepEqual(
      session
        .takeRefused()
        .map(({ stage, recipients }) => [stage, recipients.map(({ local }) => local)]),
      [
        ['content', ['second']],
        ['rcpt', ['green']],
        ['rcpt', []],
      ],
    );
  });

  it('whom a RCPT that is refused was for, also before MAIL; of other commands nobody', () => {
    const named = (line: string) => after({}, line).refused.map(({ recipients }) => recipients);
    assert.deepEqual(named('RCPT TO:<b@c.example>'), [[{ local: 'b', domain: 'c.example' }]]);
    assert.deepEqual(named('DATA'), [[]]);
  });
});

describe('smtp/server: its owner’s mistakes', () => {
  it('are asserted', () => {
    const session = new ServerSession(facts());
    assert.throws(() => session.answer(replies.ok), /question/);
    session.next();
    assert.throws(() => session.next(), /answered/);
    assert.throws(() => session.challenge(new Uint8Array()), /AUTH/);
    assert.throws(
      () => new ServerSession(facts()).tlsStarted({ mechanisms: [], trusted: false }),
      /STARTTLS/,
    );
    const another = new ServerSession(facts());
    another.next();
    const nobody = { trusted: false, xclient: false, authenticated: false, introduced: undefined };
    assert.throws(() => another.clientTold(nobody), /proxy/);
    another.next();
    assert.throws(() => another.timedOut(), /answered/);
    assert.throws(() => another.fetched(new Uint8Array()), /URL/);
    for (const [options, line, complaint] of [
      [{ xclient: true }, 'XCLIENT ADDR=192.0.2.1', /next greeting/],
      [{ asksUnknown: true }, 'WHATEVER', /nobody knows/],
    ] as const) {
      const asked = new ServerSession(facts(options));
      say(asked, 'EHLO c.example\r\n');
      asked.receive(Buffer.from(`${line}\r\n`));
      asked.next();
      assert.throws(() => asked.answer(replies.ok), complaint);
    }
  });
});
