import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { latin1 } from '../../base/transcript.ts';
import type { Answer, Completion, ImapFacts, Question } from '../event.ts';
import { defaultImapLimits } from '../limits.ts';
import type { LoginState } from './phases.ts';
import { refusesState } from './phases.ts';
import { ImapSession } from './session.ts';
import type { Answers, World } from './transcript.ts';
import { drain, nothingPlayed, transcripts } from './transcript.ts';

const facts: ImapFacts = {
  hostname: 'blurdybloop',
  secure: true,
  startTls: true,
  mechanisms: ['PLAIN', 'SCRAM-SHA-256'],
  limits: { ...defaultImapLimits, commandSize: 8192, messageSize: 10_000, messagesPerAppend: 2 },
};

type CommandName = Parameters<typeof refusesState>[0];

const ok = (text: string, more: Partial<Completion> = {}): Completion => ({
  kind: 'completion',
  status: 'OK',
  text,
  ...more,
});
const no = (text: string, code?: string): Completion => ({
  kind: 'completion',
  status: 'NO',
  code,
  text,
});

const sample: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'SELECT',
    [
      '18 EXISTS',
      'FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
      'OK [UIDVALIDITY 3857529045] UIDs valid',
    ],
  ],
  ['FETCH', ['12 FETCH (FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700")']],
  ['STORE', ['12 FETCH (FLAGS (\\Seen \\Deleted))']],
]);

/** The password is "secret". Appends to "Denied" are refused, URLs that have "bad" in them, too. */
const answers: Answers = (question, session) => {
  switch (question.kind) {
    case 'login':
      if (question.password === 'new')
        return ok('Welcome', { code: 'ALERT', state: 'authenticated' });
      if (question.password === 'odd') return { ...no('That is no password'), status: 'BAD' };
      if (question.password === 'gone') return { ...no('Gone'), bye: 'Gone for good' };
      return question.password === 'secret' || question.password === 'pässwort'
        ? ok('LOGIN completed', { state: 'authenticated' })
        : no('Wrong', 'AUTHENTICATIONFAILED');
    case 'authenticate':
      return question.initial === undefined
        ? { kind: 'challenge', bytes: new Uint8Array() }
        : ok('Success', { state: 'authenticated' });
    case 'auth-response':
      return question.response.length === 0
        ? no('Wrong', 'AUTHENTICATIONFAILED')
        : ok('Success', { state: 'authenticated' });
    case 'command':
      return answerCommand(question, session);
    case 'append':
      return question.target.mailbox === 'Denied' ? no('No', 'TRYCREATE') : proceed;
    case 'append-part':
      return question.part.kind === 'url' && question.part.url.includes('bad')
        ? no('No such part', 'BADURL /bad')
        : proceed;
    case 'append-end':
      return ok(`${question.target.name} completed`);
    case 'idle':
      session.untagged('4 EXISTS');
      return proceed;
  }
};
const proceed: Answer = { kind: 'proceed' };

function answerCommand(
  { command }: Extract<Question, { readonly kind: 'command' }>,
  session: ImapSession,
): Answer {
  for (const line of sample.get(command.name) ?? []) session.untagged(line);
  const text = `${command.name} completed`;
  switch (command.name) {
    case 'SELECT':
      return ok(text, { code: 'READ-WRITE', state: 'selected' });
    case 'CLOSE':
    case 'UNSELECT':
      return ok(text, { state: 'unselected' });
    case 'UNAUTHENTICATE':
      return ok(text, { state: 'unauthenticated' });
    default:
      return ok(text);
  }
}

const worldOf = (changes: Partial<ImapFacts> = {}): World => ({
  open: () => new ImapSession({ ...facts, ...changes }),
  answers,
  mechanismsUnderTls: facts.mechanisms,
});

/** With somebody logged in and what was said about it thrown away. */
const loggedIn = (changes: Partial<ImapFacts> = {}, ...commands: readonly string[]): World => ({
  ...worldOf(changes),
  open: () => {
    const session = new ImapSession({ ...facts, ...changes });
    session.receive(latin1(['x LOGIN a secret', ...commands, ''].join('\r\n')));
    drain(session, { open: () => session, answers }, nothingPlayed());
    return session;
  },
});

const before = 'IMAP4rev2 IMAP4rev1 SASL-IR ID ENABLE LITERAL-';
const greeting = `* OK [CAPABILITY ${before} AUTH=PLAIN AUTH=SCRAM-SHA-256] blurdybloop IMAP server ready`;
const inClear = { secure: false, mechanisms: [] };
const greetingInClear = `* OK [CAPABILITY ${before} STARTTLS LOGINDISABLED] blurdybloop IMAP server ready`;
const after =
  'IMAP4rev2 IMAP4rev1 SASL-IR ID ENABLE LITERAL+ IDLE NAMESPACE CHILDREN UIDPLUS MOVE UNSELECT ESEARCH SEARCHRES WITHIN SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES PARTIAL CONDSTORE QRESYNC UIDONLY UTF8=ACCEPT BINARY CATENATE URLAUTH MULTIAPPEND REPLACE LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LIST-METADATA SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE OBJECTID SAVEDATE PREVIEW ACL RIGHTS=texk QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE METADATA METADATA-SERVER NOTIFY INPROGRESS APPENDLIMIT=10000';
const loginOk = `OK [CAPABILITY ${after} COMPRESS=DEFLATE UNAUTHENTICATE]`;

const play = transcripts(worldOf());
const playInClear = transcripts(worldOf(inClear));
const playLoggedIn = transcripts(loggedIn());
const playSelected = transcripts(loggedIn({}, 'x SELECT INBOX'));

describe('RFC 9051: sessions', () => {
  play(`
    RFC 9051 §8: the sample connection
    S: ${greeting}
    C: a001 login mrc secret
    S: a001 ${loginOk} LOGIN completed
    C: a002 select inbox
    S: * 18 EXISTS
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
    S: * OK [UIDVALIDITY 3857529045] UIDs valid
    S: a002 OK [READ-WRITE] SELECT completed
    C: a003 fetch 12 full
    S: * 12 FETCH (FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700")
    S: a003 OK FETCH completed
    C: a005 store 12 +flags \\deleted
    S: * 12 FETCH (FLAGS (\\Seen \\Deleted))
    S: a005 OK STORE completed
    C: a006 logout
    S: * BYE logging out
    S: a006 OK LOGOUT completed
    E: close logout
  `);

  play(`
    RFC 9051 §3: commands in the wrong state
    S: ${greeting}
    C: a SELECT INBOX
    S: a BAD [CLIENTBUG] Log in first
    C: b APPEND INBOX {3}
    S: b BAD [CLIENTBUG] Log in first
    C: c NOOP
    S: c OK NOOP completed
    C: d LOGIN x secret
    S: d ${loginOk} LOGIN completed
    C: e LOGIN x secret
    S: e BAD [CLIENTBUG] LOGIN comes before login, and somebody is logged in
    C: f FETCH 1 FLAGS
    S: f BAD [CLIENTBUG] SELECT or EXAMINE a mailbox first
    C: g STARTTLS
    S: g BAD [CLIENTBUG] STARTTLS comes before login, and somebody is logged in
    C: h REPLACE 4 INBOX {3}
    S: h BAD [CLIENTBUG] SELECT or EXAMINE a mailbox first
  `);

  play(`
    RFC 9051 §2.2.1: what cannot be read is BAD, with its tag where there is one
    S: ${greeting}
    C: a
    S: a BAD Which command?
    C: a FROBNICATE
    S: a BAD That command is not known
    C: a UID FROBNICATE
    S: a BAD That UID command is not known
    C: +a NOOP
    S: * BAD A command begins with a tag
    C: a NOOP x
    S: a BAD Expected the end of the command at character 8
    C: a NOOP<LF>b NOOP
    S: a BAD Expected the end of the command at character 7
    S: b BAD Expected the end of the command at character 7
    C: a NOOP<CR>
    S: a BAD Expected the end of the command at character 7
    C: a LOGIN "x<NUL>" y
    S: a BAD Expected a user name at character 9
    C:
    C: b noop 
    S: b OK NOOP completed
  `);

  play(`
    RFC 9051 §6.1.1: CAPABILITY before and after login
    S: ${greeting}
    C: a CAPABILITY
    S: * CAPABILITY ${before} AUTH=PLAIN AUTH=SCRAM-SHA-256
    S: a OK CAPABILITY completed
    C: b LOGIN x secret
    S: b ${loginOk} LOGIN completed
    C: c CAPABILITY
    S: * CAPABILITY ${after} COMPRESS=DEFLATE UNAUTHENTICATE
    S: c OK CAPABILITY completed
  `);
});

describe('a line that ends in LF alone', () => {
  const said = (input: string, world = loggedIn()) => {
    const session = world.open();
    session.receive(latin1(input));
    const played = nothingPlayed();
    drain(session, { ...world, open: () => session }, played);
    return played.output;
  };

  it('RFC 9051 §2.2: is answered at once, and no command is obeyed that stands right behind it', () => {
    assert.equal(said('a NOOP\n'), 'a BAD Expected the end of the command at character 7\r\n');
    const output = said('a NOOP\nb LOGOUT\r\nc NOOP\r\n');
    assert.match(output, /^a BAD [^\n]+\nb BAD [^\n]+\nc OK NOOP completed\r\n$/);
  });

  it('ends IDLE and AUTHENTICATE, whose other lines it is as little', () => {
    assert.match(said('a IDLE\r\nDONE\n'), /\na BAD \[CLIENTBUG\] Expected DONE\r\n$/);
    assert.match(
      said('a AUTHENTICATE PLAIN\r\neA==\n', worldOf()),
      /\na BAD The response is no base64\r\n$/,
    );
  });

  it('announces no literal', () => {
    assert.match(said('a LIST "" {3}\nabc\r\n'), /^a BAD [^\n]+\n(abc|\*) BAD [^\n]+\n$/);
    assert.match(
      said('a APPEND x {3+}\nabc\r\nb NOOP\r\n'),
      /^a BAD [^\n]+\n.* BAD [^\n]+\nb OK [^\n]+\n$/,
    );
  });
});

describe('logging in', () => {
  play(`
    RFC 7888 §3: the example, with literals that wait and some that do not
    S: ${greeting}
    C: A001 LOGIN {11}
    S: + Ready for the literal
    C: FRED FOOBAR {6}
    S: + Ready for the literal
    C: secret
    S: A001 ${loginOk} LOGIN completed
  `);

  play(`
    RFC 7888 §3: non-synchronizing literals, and UTF-8 in a password
    S: ${greeting}
    C: A001 LOGIN {11+}
    C: FRED FOOBAR {9+}
    C: p<xc3><xa4>sswort
    S: A001 ${loginOk} LOGIN completed
  `);

  play(`
    RFC 9051 §6.2.2: AUTHENTICATE with a challenge
    S: ${greeting}
    C: a AUTHENTICATE PLAIN
    S: +
    C: AGEAYg==
    S: a ${loginOk} Success
  `);

  play(`
    RFC 4959 §3: an initial response, and one of no octets
    S: ${greeting}
    C: a AUTHENTICATE PLAIN =
    S: a ${loginOk} Success
    C: b UNAUTHENTICATE
    S: b OK UNAUTHENTICATE completed
    C: c authenticate plain AGEAYg==
    S: c ${loginOk} Success
  `);

  play(`
    RFC 9051 §6.2.2: an exchange is cancelled, and broken off for what is no base64 or too long
    S: ${greeting}
    C: a AUTHENTICATE PLAIN
    S: +
    C: *
    E: auth-cancelled
    S: a BAD The exchange was cancelled
    C: b AUTHENTICATE PLAIN
    S: +
    C: not base64
    E: auth-cancelled
    S: b BAD The response is no base64
    C: c AUTHENTICATE PLAIN
    S: +
    C: <x12289>
    E: auth-cancelled
    S: c BAD The response is too long
    C: d AUTHENTICATE PLAIN !
    S: d BAD The initial response is no base64
    C: e AUTHENTICATE GSSAPI
    S: e NO [CANNOT] That way to log in is not offered
  `);

  playInClear(`
    RFC 9051 §6.2.3: no passwords in the clear
    S: ${greetingInClear}
    C: a LOGIN x secret
    S: a NO [PRIVACYREQUIRED] Begin TLS first
    C: b AUTHENTICATE PLAIN AGEAYg==
    S: b NO [PRIVACYREQUIRED] Begin TLS first
  `);

  transcripts(worldOf({ ...inClear, startTls: false }))(`
    RFC 9051 §6.2.1: TLS that is not offered does not begin
    S: * OK [CAPABILITY ${before} LOGINDISABLED] blurdybloop IMAP server ready
    C: a STARTTLS
    S: a BAD TLS is not offered
    C: b LOGIN x secret
    S: b NO [CANNOT] That way to log in is not offered
    C: c CAPABILITY
    S: * CAPABILITY ${before} LOGINDISABLED
    S: c OK CAPABILITY completed
  `);

  transcripts(worldOf({ limits: { ...facts.limits, failedLogins: 1 } }))(`
    only a login that failed counts among failed logins
    S: ${greeting}
    C: a LOGIN x odd
    S: a BAD That is no password
    C: b LOGIN x secret
    S: b ${loginOk} LOGIN completed
    C: c NOOP
    S: c OK NOOP completed
  `);

  it('lines of an exchange are limited, and counted', () => {
    const world = worldOf();
    const session = world.open();
    const played = nothingPlayed();
    session.receive(latin1('a AUTHENTICATE PLAIN\r\n*\r\nb AUTHENTICATE PLAIN\r\n'));
    drain(session, world, played);
    assert.equal(session.commands, 3);
    const piece = latin1('x'.repeat(1000));
    for (let i = 0; i < 100 && !played.events.includes('close errors'); i += 1) {
      session.receive(piece);
      drain(session, world, played);
    }
    assert.deepEqual(played.events, ['auth-cancelled', 'close errors']);
    assert.match(played.output, /\* BYE \[TOOBIG\] That is too much\r\n$/);
  });

  transcripts(worldOf({ limits: { ...facts.limits, failedLogins: 2 } }))(`
    failed logins are limited
    S: ${greeting}
    C: a LOGIN x wrong
    S: a NO [AUTHENTICATIONFAILED] Wrong
    C: b AUTHENTICATE PLAIN
    S: +
    C:
    S: b NO [AUTHENTICATIONFAILED] Wrong
    S: * BYE Too many failed logins
    E: close errors
  `);

  play(`
    a login that is refused for good ends the conversation
    S: ${greeting}
    C: a LOGIN x gone
    S: * BYE Gone for good
    S: a NO Gone
    E: close refused
  `);

  play(`
    RFC 9051 §7.1: capabilities are said before a login whose completion says something else
    S: ${greeting}
    C: a LOGIN x new
    S: * CAPABILITY ${after} COMPRESS=DEFLATE UNAUTHENTICATE
    S: a OK [ALERT] Welcome
  `);

  transcripts(worldOf({ limits: { ...facts.limits, commandsBeforeLogin: 2 } }))(`
    commands before login are limited
    S: ${greeting}
    C: a NOOP
    S: a OK NOOP completed
    C: b NOOP
    S: b OK NOOP completed
    C: c NOOP
    S: * BYE Too many commands without a login
  `);

  transcripts(worldOf({ limits: { ...facts.limits, commandsBeforeLogin: 2 } }))(`
    messages that strangers announce are commands, too
    S: ${greeting}
    C: a APPEND INBOX {3}
    S: a BAD [CLIENTBUG] Log in first
    C: b APPEND INBOX {3}
    S: b BAD [CLIENTBUG] Log in first
    C: c APPEND INBOX {3}
    S: * BYE Too many commands without a login
    E: close errors
  `);

  transcripts(loggedIn({ limits: { ...facts.limits, errorsPerConnection: 2 } }))(`
    only errors in a row count, for a connection may last for days
    C: a X
    S: a BAD That command is not known
    C: b ENABLE NOTHING
    S: * ENABLED
    S: b OK ENABLE completed
    C: c X
    S: c BAD That command is not known
    C: d ENABLE NOTHING
    S: * ENABLED
    S: d OK ENABLE completed
  `);

  transcripts(worldOf({ limits: { ...facts.limits, errorsPerConnection: 2 } }))(`
    errors of strangers are limited, and what is right between them changes nothing
    S: ${greeting}
    C: a X
    S: a BAD That command is not known
    C: b NOOP
    S: b OK NOOP completed
    C: c X
    S: c BAD That command is not known
    S: * BYE Too many errors
    E: close errors
  `);

  transcripts(
    worldOf({
      limits: {
        ...{ ...facts.limits, errorsPerConnection: 2 },
        ...{ failedLogins: 2, commandsBeforeLogin: 3 },
      },
    }),
  )(`
    a login forgives what came before it, once more for who becomes a stranger again
    S: ${greeting}
    C: a X
    S: a BAD That command is not known
    C: b LOGIN x wrong
    S: b NO [AUTHENTICATIONFAILED] Wrong
    C: c LOGIN x secret
    S: c ${loginOk} LOGIN completed
    C: d X
    S: d BAD That command is not known
    C: e UNAUTHENTICATE
    S: e OK UNAUTHENTICATE completed
    C: f NOOP
    S: f OK NOOP completed
    C: g LOGIN x wrong
    S: g NO [AUTHENTICATIONFAILED] Wrong
    C: h LOGIN x secret
    S: h ${loginOk} LOGIN completed
  `);

  transcripts(loggedIn({ limits: { ...facts.limits, errorsPerConnection: 2 } }))(`
    errors are limited
    C: a X
    S: a BAD That command is not known
    C: b X
    S: b BAD That command is not known
    S: * BYE Too many errors
  `);

  play(`
    RFC 8437 §3: UNAUTHENTICATE makes a stranger of the client
    S: ${greeting}
    C: a LOGIN x secret
    S: a ${loginOk} LOGIN completed
    C: b ENABLE IMAP4rev2
    S: * ENABLED IMAP4rev2
    S: b OK ENABLE completed
    C: c UNAUTHENTICATE
    S: c OK UNAUTHENTICATE completed
    C: d SELECT INBOX
    S: d BAD [CLIENTBUG] Log in first
    C: e LOGIN x secret
    S: e ${loginOk} LOGIN completed
    C: f ENABLE IMAP4rev2
    S: * ENABLED IMAP4rev2
    S: f OK ENABLE completed
  `);
});

describe('STARTTLS', () => {
  playInClear(`
    RFC 9051 §6.2.1: TLS begins, and is not offered again
    S: ${greetingInClear}
    C: a STARTTLS
    S: a OK Begin TLS now
    T:
    C: b CAPABILITY
    S: * CAPABILITY ${before} AUTH=PLAIN AUTH=SCRAM-SHA-256
    S: b OK CAPABILITY completed
    C: c STARTTLS
    S: c BAD [CLIENTBUG] TLS is active
    C: d LOGIN x secret
    S: d ${loginOk} LOGIN completed
  `);

  for (const [id, injected] of [
    ['CVE-2011-0411', 'b LOGIN x secret\r\n'],
    ['CVE-2011-1926', 'b LOGIN x secret\r\nc SELECT INBOX\r\n'],
    ['CVE-2021-33515', 'b LOGIN {8+}\r\nattacker {6+}\r\nsecret\r\nc NOOP'],
  ] as const)
    it(`${id}: what came in the clear behind STARTTLS is forgotten`, () => {
      const world = worldOf(inClear);
      const session = world.open();
      const played = nothingPlayed();
      drain(session, world, played);
      session.receive(latin1(`a STARTTLS\r\n${injected}`));
      drain(session, world, played);
      session.receive(latin1('d NOOP\r\n'));
      drain(session, world, played);
      assert.deepEqual(played.events, ['starttls']);
      session.tlsStarted(['PLAIN']);
      played.output = '';
      session.receive(latin1('e NOOP\r\n'));
      drain(session, world, played);
      assert.equal(played.output, 'e OK NOOP completed\r\n');
      assert.equal(session.loggedIn, false);
    });

  it('CVE-2021-33515: a command that was begun in the clear does not go on under TLS', () => {
    const world = worldOf(inClear);
    const session = world.open();
    const played = nothingPlayed();
    session.receive(latin1('a STARTTLS\r\nb LOGIN x {40+}\r\nse'));
    drain(session, world, played);
    session.tlsStarted(['PLAIN']);
    played.output = '';
    session.receive(latin1('c NOOP\r\n'));
    drain(session, world, played);
    assert.equal(played.output, 'c OK NOOP completed\r\n');
  });
});

describe('ENABLE, IDLE and COMPRESS', () => {
  playLoggedIn(`
    RFC 5161 §3.1: what is new is said, what is not known is ignored
    C: a ENABLE CONDSTORE X-GOOD-IDEA utf8=accept
    S: * ENABLED CONDSTORE UTF8=ACCEPT
    S: a OK ENABLE completed
    C: b ENABLE CONDSTORE
    S: * ENABLED
    S: b OK ENABLE completed
  `);

  for (const extension of ['IMAP4rev2', 'UTF8=ACCEPT'])
    it(`RFC 9051 §5.1, RFC 6855 §3: names are no longer modified UTF-7 with ${extension}`, () => {
      const session = loggedIn().open();
      const nameOf = (line: string) => {
        session.receive(latin1(line));
        const event = session.next();
        assert.equal(event.kind, 'command');
        session.answer(ok('done'));
        return 'mailbox' in event.command ? event.command.mailbox : undefined;
      };
      assert.equal(nameOf('a CREATE K&AOQ-se\r\n'), 'Käse');
      session.receive(latin1(`b ENABLE ${extension}\r\n`));
      assert.equal(session.next().kind, 'need-input');
      assert.equal(nameOf('c CREATE K&AOQ-se\r\n'), 'K&AOQ-se');
    });

  playLoggedIn(`
    RFC 7162 §3.2.5: QRESYNC is enabled before it is used
    C: a SELECT INBOX (QRESYNC (67890007 20050715194045000))
    S: a BAD [CLIENTBUG] ENABLE QRESYNC first
    C: b ENABLE QRESYNC
    S: * ENABLED QRESYNC
    S: b OK ENABLE completed
    C: c SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211))
    S: * 18 EXISTS
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
    S: * OK [UIDVALIDITY 3857529045] UIDs valid
    S: c OK [READ-WRITE] SELECT completed
    C: d FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
    S: d BAD VANISHED goes with UID FETCH
    C: e UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
    S: * 12 FETCH (FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700")
    S: e OK FETCH completed
  `);

  playSelected(`
    RFC 7162 §3.2.6: VANISHED is asked for by who has enabled QRESYNC
    C: a UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
    S: a BAD [CLIENTBUG] ENABLE QRESYNC first
  `);

  playLoggedIn(`
    RFC 9586 §3.3: QRESYNC names no message numbers with UIDONLY
    C: a ENABLE QRESYNC UIDONLY
    S: * ENABLED QRESYNC UIDONLY
    S: a OK ENABLE completed
    C: b SELECT INBOX (QRESYNC (1 2 1:5 (1,2 1,2)))
    S: b BAD [UIDREQUIRED] Message numbers are not used with UIDONLY
    C: c SELECT INBOX (QRESYNC (1 2 1:5))
    S: * 18 EXISTS
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
    S: * OK [UIDVALIDITY 3857529045] UIDs valid
    S: c OK [READ-WRITE] SELECT completed
  `);

  playSelected(`
    RFC 9586 §3: with UIDONLY there are no message numbers
    C: a ENABLE UIDONLY
    S: * ENABLED UIDONLY
    S: a OK ENABLE completed
    C: b FETCH 1 FLAGS
    S: b BAD [UIDREQUIRED] Message numbers are not used with UIDONLY
    C: c UID SEARCH NOT 1:3
    S: c BAD [UIDREQUIRED] Message numbers are not used with UIDONLY
    C: d UID SEARCH NOT UID 1:3
    S: d OK SEARCH completed
    C: e REPLACE 4 INBOX {5}
    S: e BAD [UIDREQUIRED] Message numbers are not used with UIDONLY
    C: f UID EXPUNGE 3
    S: f OK EXPUNGE completed
  `);

  it('RFC 7162 §3.2.3: QRESYNC is CONDSTORE, too, and nothing else is', () => {
    const world = loggedIn();
    const session = world.open();
    session.receive(latin1('a ENABLE UIDONLY UTF8=ACCEPT\r\n'));
    drain(session, world, nothingPlayed());
    assert.equal(session.isEnabled('CONDSTORE'), false);
    session.receive(latin1('b ENABLE QRESYNC\r\n'));
    drain(session, world, nothingPlayed());
    assert.equal(session.isEnabled('CONDSTORE'), true);
  });

  it('RFC 7162 §3.1.2: the owner tells HIGHESTMODSEQ when CONDSTORE is enabled while a mailbox is selected', () => {
    const asked = (session: ImapSession, line: string) => {
      session.receive(latin1(line));
      const { kind } = session.next();
      if (kind === 'command') session.answer(ok('ENABLE completed'));
      return kind === 'command';
    };
    const selected = loggedIn({}, 'x SELECT INBOX').open();
    assert.equal(asked(selected, 'a ENABLE UIDONLY\r\n'), false);
    assert.equal(asked(selected, 'b ENABLE CONDSTORE\r\n'), true);
    assert.equal(asked(selected, 'c ENABLE QRESYNC\r\n'), false);
    assert.equal(asked(loggedIn().open(), 'a ENABLE CONDSTORE\r\n'), false);
  });

  const enabling = [
    'SELECT x (CONDSTORE)',
    'STATUS x (HIGHESTMODSEQ)',
    'FETCH 1 MODSEQ',
    'FETCH 1 FLAGS (CHANGEDSINCE 5)',
    'STORE 1 (UNCHANGEDSINCE 5) FLAGS ()',
    'SEARCH NOT (MODSEQ 5)',
  ];
  for (const command of enabling)
    it(`RFC 7162 §3.1: CONDSTORE is enabled by ${command}`, () => {
      const world = loggedIn({}, 'x SELECT INBOX');
      const session = world.open();
      assert.equal(session.isEnabled('CONDSTORE'), false);
      session.receive(latin1(`a ${command}\r\n`));
      drain(session, world, nothingPlayed());
      assert.equal(session.isEnabled('CONDSTORE'), true);
    });

  playLoggedIn(`
    RFC 2177 §3, RFC 9051 §6.3.13: IDLE until DONE
    C: a IDLE
    S: * 4 EXISTS
    S: + idling
    C: done
    E: idle-done
    S: a OK IDLE completed
    C: b IDLE
    S: * 4 EXISTS
    S: + idling
    C: c NOOP
    E: idle-done
    S: b BAD [CLIENTBUG] Expected DONE
    C: d NOOP
    S: d OK NOOP completed
  `);

  it('RFC 2177 §3: a line that ends IDLE is counted, and limited', () => {
    const world = loggedIn({ limits: { ...facts.limits, messageSize: 5000 } });
    const session = world.open();
    const played = nothingPlayed();
    const { commands } = session;
    session.receive(latin1('a IDLE\r\nDONE\r\nb IDLE\r\n'));
    drain(session, world, played);
    assert.equal(session.commands - commands, 3);
    const piece = latin1('x'.repeat(1000));
    for (let i = 0; i < 100 && !played.events.includes('close errors'); i += 1) {
      session.receive(piece);
      drain(session, world, played);
    }
    assert.deepEqual(played.events, ['idle-done', 'close errors']);
  });

  it('RFC 9051 §6.3.13: news are told while IDLE goes on', () => {
    const world = loggedIn();
    const session = world.open();
    const played = nothingPlayed();
    session.receive(latin1('a IDLE\r\n'));
    drain(session, world, played);
    assert.equal(session.idle, false);
    session.untagged('5 EXISTS');
    session.raw('* 5 FETCH (BODY[] {2}\r\n');
    session.raw(latin1('ab'));
    session.raw(')\r\n');
    drain(session, world, played);
    assert.match(
      played.output,
      /\+ idling\r\n\* 5 EXISTS\r\n\* 5 FETCH \(BODY\[\] \{2\}\r\nab\)\r\n$/,
    );
  });

  it('RFC 4978 §3: compression begins behind the OK, once', () => {
    const world = loggedIn();
    const session = world.open();
    const played = nothingPlayed();
    session.receive(latin1('a COMPRESS DEFLATE\r\n'));
    drain(session, world, played);
    assert.deepEqual(played, { output: 'a OK DEFLATE active\r\n', events: ['compress'] });
    played.output = '';
    session.receive(latin1('b COMPRESS DEFLATE\r\nc CAPABILITY\r\nd UNAUTHENTICATE\r\n'));
    drain(session, world, played);
    assert.equal(
      played.output,
      `b NO [COMPRESSIONACTIVE] DEFLATE is active\r\n* CAPABILITY ${after}\r\nc OK CAPABILITY completed\r\nd BAD Not while the connection is compressed\r\n`,
    );
  });
});

describe('APPEND', () => {
  playLoggedIn(`
    RFC 9051 §6.3.12: a message that waits for leave
    C: A003 APPEND saved-messages (\\Seen) {6}
    S: + Ready for the message
    C: abcd
    E: content:abcd<CR><LF>
    E: append-message-end
    C:
    S: A003 OK APPEND completed
    C: b NOOP
    S: b OK NOOP completed
  `);

  playLoggedIn(`
    RFC 9051 §6.3.12: names in literals, dates, literal8 without leave
    C: a APPEND {5}
    S: + Ready for the literal
    C: Saved () " 7-Feb-1994 21:52:25 -0800" ~{3+}
    C: a<NUL>b
    E: content:a<NUL>b
    E: append-message-end
    S: a OK APPEND completed
  `);

  playLoggedIn(`
    RFC 3502 §6.3.11: several messages, up to the limit
    C: a APPEND Saved (\\Seen) {3+}
    C: abc (\\Draft) {3+}
    C: def
    E: content:abc
    E: append-message-end
    E: content:def
    E: append-message-end
    S: a OK APPEND completed
    C: b APPEND Saved {3+}
    C: abc {3+}
    C: def {3+}
    E: content:abc
    E: append-message-end
    E: content:def
    E: append-message-end
    E: append-aborted
    S: b NO [LIMIT] Too many messages at once
    C: ghi
    C: c APPEND Saved {3+}
    C: abc {0}
    E: content:abc
    E: append-message-end
    E: append-aborted
    S: c NO Cancelled: a message is empty
  `);

  playLoggedIn(`
    RFC 4469 §5: a message of texts and URLs
    C: a APPEND Drafts (\\Seen $MDNSent) CATENATE (URL "/Drafts;UID=20/;section=HEADER" TEXT {4}
    S: + Ready for the message
    C: abcd URL {3}
    S: + Ready for the literal
    C: /x/ TEXT {2+}
    C: ef)
    E: content:abcdef
    E: append-message-end
    S: a OK APPEND completed
    C: b APPEND Drafts CATENATE (TEXT {2+}
    C: ab URL /bad TEXT {3+}
    E: content:ab
    S: b NO [BADURL /bad] No such part
    C: cde)
    C: c NOOP
    S: c OK NOOP completed
  `);

  playLoggedIn(`
    RFC 7889 §3: the limit is that of each message, however many come at once
    C: a APPEND Drafts CATENATE (TEXT {6000+}
    C: <x6000>) CATENATE (TEXT {6000+}
    C: <x6000>)
    E: content:<x6000>
    E: append-message-end
    E: content:<x6000>
    E: append-message-end
    S: a OK APPEND completed
  `);

  playLoggedIn(`
    RFC 9051 §2.2.1: without arguments it is known all the same
    C: a APPEND
    S: a BAD Expected a space at the end
    C: b UID REPLACE
    S: b BAD [CLIENTBUG] SELECT or EXAMINE a mailbox first
  `);

  playLoggedIn(`
    RFC 4469 §5, RFC 6855 §4: what is no message, and no part of one
    C: a APPEND Saved x
    S: a BAD Expected a literal at character 16
    C: b APPEND Saved UTF8 ({2+}
    S: b BAD Expected a literal8 at the end
    C: ab)
    C: c APPEND Saved CATENATE ( TEXT {2+}
    E: append-aborted
    S: c BAD Expected TEXT or URL at character 26
    C: ab)
    C: d APPEND Saved CATENATE (PART {2+}
    E: append-aborted
    S: d BAD A part is TEXT or URL
    C: ab)
    C: e APPEND Saved CATENATE (TEXT x)
    E: append-aborted
    S: e BAD Expected a literal at character 31
    C: f APPEND Saved CATENATE (URL /x )
    E: append-message-end
    S: f OK APPEND completed
  `);

  playLoggedIn(`
    RFC 6855 §4: the data item UTF8, alone and in a CATENATE
    C: a APPEND Saved UTF8 (~{2+}
    C: ab)
    E: content:ab
    E: append-message-end
    S: a OK APPEND completed
    C: b APPEND Saved CATENATE (UTF8 (~{2+}
    C: ab) URL /x)
    E: content:ab
    E: append-message-end
    S: b OK APPEND completed
    C: c APPEND Saved CATENATE (UTF8 (~{2+}
    C: ab) URL {2+}
    C: /x)
    E: content:ab
    E: append-message-end
    S: c OK APPEND completed
  `);

  playSelected(`
    RFC 8508 §3.2 and §3.3: REPLACE and UID REPLACE
    C: a REPLACE 4 Drafts (\\Seen \\Draft) {3}
    S: + Ready for the message
    C: abc
    E: content:abc
    E: append-message-end
    S: a OK REPLACE completed
    C: b UID REPLACE 2000 Drafts {3+}
    C: abc {3+}
    E: content:abc
    E: append-message-end
    E: append-aborted
    S: b BAD Expected the end of the command at character 2
    C: def
  `);

  playLoggedIn(`
    RFC 7889 §3: a message over the limit is refused before it comes, and skipped if it comes
    C: a APPEND Saved {10001}
    S: a NO [TOOBIG] A message has at most 10000 octets
    C: b APPEND Saved {10001+}
    S: b NO [TOOBIG] A message has at most 10000 octets
    C: <x10001>
    C: c APPEND Denied {3}
    S: c NO [TRYCREATE] No
    C: d APPEND Denied {3+}
    S: d NO [TRYCREATE] No
    C: abc {5+}
    C: abcde
    C: e APPEND Saved CATENATE (TEXT {9000+}
    C: <x9000> TEXT {1001+}
    E: content:<x9000>
    E: append-aborted
    S: e NO [TOOBIG] A message has at most 10000 octets
    C: <x1001>)
    C: f APPEND Saved {10000+}
    C: <x10000>
    E: content:<x10000>
    E: append-message-end
    S: f OK APPEND completed
  `);

  playLoggedIn(`
    what cannot be read between messages ends the command
    C: a APPEND Saved {3+}
    C: abc)
    E: content:abc
    E: append-message-end
    E: append-aborted
    S: a BAD Expected a space at character 1
    C: b APPEND Saved "no date" {3+}
    S: b BAD That is no date-time: "17-Jul-1996 02:44:25 -0700" would be one
    C: abc
    C: c APPEND Saved
    S: c BAD Expected a space at the end
    C: d NOOP
    S: d OK NOOP completed
  `);
});

describe('literals and lines', () => {
  play(`
    RFC 7888 §5: strangers send no more than 4096 octets unasked
    S: ${greeting}
    C: a LOGIN {4097+}
    S: a BAD [TOOBIG] That literal is too long
    C: <x4097> {3+}
    C: abc
    C: b LOGIN {4097}
    S: + Ready for the literal
    C: <x4097> x
    S: b NO [AUTHENTICATIONFAILED] Wrong
    C: c LOGIN {2147483648}
    S: c BAD [TOOBIG] That literal is too long
    C: d LOGIN {4096+}
    C: <x4096> x
    S: d NO [AUTHENTICATIONFAILED] Wrong
    C: e LOGIN {2147483648+}
    S: e BAD [TOOBIG] That literal is too long
    S: * BYE [TOOBIG] That is too much
  `);

  playLoggedIn(`
    RFC 7162 §4: a command has its limit, lines and literals together
    C: a SELECT <x8191>
    S: a BAD [TOOBIG] That command is too long
    C: b RENAME <x4000> {5000}
    S: b BAD [TOOBIG] That literal is too long
    C: c RENAME {4000+}
    C: <x4000> <x5000>
    S: c BAD [TOOBIG] That command is too long
    C: d RENAME <x8191> {3+}
    S: d BAD [TOOBIG] That command is too long
    C: abc
    C: e NOOP
    S: e OK NOOP completed
  `);

  playSelected(`
    RFC 9051 §4.3: octets of a literal are counted, whatever they are
    C: a UID SEARCH TEXT {6+}
    C: ab
    C: cd TEXT {0+}
    C:
    S: a OK SEARCH completed
    C: b UID SEARCH TEXT {4+}
    C: {9+} TEXT x
    S: b OK SEARCH completed
  `);

  play(`
    what was skipped of one command is not held against the next
    S: ${greeting}
    C: a LOGIN {9000+}
    S: a BAD [TOOBIG] That literal is too long
    C: <x9000>
    C: b LOGIN {9000+}
    S: b BAD [TOOBIG] That literal is too long
    C: <x9000>
    C: c NOOP
    S: c OK NOOP completed
  `);

  for (const begun of ['', `a LOGIN {5000+}\r\n${'x'.repeat(5000)}`])
    it(`ends the conversation when a line does not end${begun && ', behind what was refused'}`, () => {
      const world = worldOf();
      const session = world.open();
      const played = nothingPlayed();
      session.receive(latin1(begun));
      drain(session, world, played);
      const piece = latin1('x'.repeat(1000));
      for (let i = 0; i < 1000; i += 1) {
        session.receive(piece);
        drain(session, world, played);
        if (played.events.length > 0) break;
      }
      assert.deepEqual(played.events, ['close errors']);
      assert.match(played.output, /\* BYE \[TOOBIG\] That is too much\r\n$/);
    });

  it('asks for a flush when there is much to send', () => {
    const world = loggedIn();
    const session = world.open();
    session.receive(latin1('a IDLE\r\n'));
    drain(session, world, nothingPlayed());
    for (let i = 0; i < 7000; i += 1) session.untagged(`${i} EXISTS`);
    assert.equal(session.next().kind, 'flush');
    assert.ok(session.outputSize > 65_536);
    assert.equal([...session.output()].length, 1);
    assert.equal(session.outputSize, 0);
    assert.equal(session.next().kind, 'need-input');
  });
});

describe('what may come when', () => {
  const before = ['CAPABILITY', 'NOOP', 'LOGOUT', 'ID', 'STARTTLS', 'LOGIN', 'AUTHENTICATE'];
  const once = before.slice(-3);
  const inMailbox =
    'CLOSE UNSELECT CHECK EXPUNGE SEARCH SORT THREAD FETCH STORE COPY MOVE REPLACE'.split(' ');
  const anyMailbox =
    'UNAUTHENTICATE ENABLE COMPRESS SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB NAMESPACE STATUS APPEND IDLE NOTIFY GETQUOTA GETQUOTAROOT SETQUOTA GETACL SETACL DELETEACL LISTRIGHTS MYRIGHTS GETMETADATA SETMETADATA GENURLAUTH URLFETCH RESETKEY'.split(
      ' ',
    );
  const allowed = (names: readonly string[], state: LoginState) =>
    names.filter((name) => refusesState(name as CommandName, state) === undefined);
  const all = [...before, ...anyMailbox, ...inMailbox];

  it('RFC 9051 §6.1 and §6.2: strangers may log in, and nothing that concerns mail', () => {
    assert.deepEqual(allowed(all, 'not-authenticated'), before);
  });

  it('RFC 9051 §6.3 and §6.4: who is logged in does not log in again, and selects before messages are named', () => {
    const others = before.filter((name) => !once.includes(name));
    assert.deepEqual(allowed(all, 'authenticated'), [...others, ...anyMailbox]);
    assert.deepEqual(allowed(all, 'selected'), [...others, ...anyMailbox, ...inMailbox]);
  });
});

describe('the end', () => {
  it('is said once, and for the first reason', () => {
    const world = loggedIn();
    const session = world.open();
    const played = nothingPlayed();
    session.shuttingDown();
    session.timedOut();
    session.untagged('1 EXISTS');
    session.raw('* 2 EXISTS\r\n');
    drain(session, world, played);
    assert.deepEqual(played.events, ['close shutdown']);
    assert.equal(played.output, '* BYE Shutting down, come back soon\r\n');
  });

  it('has nothing to say of an APPEND that was completed', () => {
    const world = loggedIn();
    const session = world.open();
    const played = nothingPlayed();
    session.receive(latin1('a APPEND Saved {3+}\r\nabc\r\n'));
    drain(session, world, played);
    session.shuttingDown();
    drain(session, world, played);
    assert.deepEqual(played.events, ['content:abc', 'append-message-end', 'close shutdown']);
  });

  it('waits for the answer to a question', () => {
    const session = worldOf().open();
    session.receive(latin1('a LOGIN x secret\r\n'));
    assert.equal(session.next().kind, 'login');
    assert.throws(() => session.next(), /the last question was answered/);
    assert.throws(() => session.shuttingDown(), /questions are answered first/);
    assert.throws(() => session.tlsStarted([]), /STARTTLS comes before TLS/);
  });

  for (const [method, text, reason] of [
    ['shuttingDown', 'Shutting down, come back soon', 'shutdown'],
    ['timedOut', 'Nothing was said for too long', 'timeout'],
  ] as const)
    it(`RFC 9051 §7.1.5: ${method} says BYE, and an append comes to nothing`, () => {
      const world = loggedIn();
      const session = world.open();
      const played = nothingPlayed();
      session.receive(latin1('a APPEND Saved {100+}\r\nabc'));
      drain(session, world, played);
      session[method]();
      drain(session, world, played);
      assert.deepEqual(played.events, ['content:abc', 'append-aborted', `close ${reason}`]);
      assert.equal(played.output, `* BYE ${text}\r\n`);
      session.receive(latin1('b NOOP\r\n'));
      assert.equal(session.next().kind, 'close');
    });

  it('RFC 9051 §5.4: waits longer for who is logged in', () => {
    const world = worldOf();
    const session = world.open();
    assert.equal(session.timeoutMs, 3 * 60_000);
    assert.equal(session.idle, true);
    assert.equal(session.commands, 0);
    assert.equal(session.phase, 'not-authenticated');
    session.receive(latin1('a LOGIN x secret\r\nb'));
    drain(session, world, nothingPlayed());
    assert.equal(session.timeoutMs, 30 * 60_000);
    assert.equal(session.commands, 1);
    assert.equal(session.idle, false);
    assert.equal(session.phase, 'authenticated');
    session.receive(latin1(' IDLE\r\n'));
    drain(session, world, nothingPlayed());
    assert.equal(session.phase, 'idle');
  });
});
