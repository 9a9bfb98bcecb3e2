import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { FrameReader, formatFrame, formatNumber, formatTexts, MilterError } from './frame.ts';
import type { MilterEvent } from './session.ts';
import { MilterSession } from './session.ts';
import { actions, steps } from './terms.ts';

const macros = new Map([
  ['j', 'mx.example.org'],
  ['i', 'q1'],
  ['{mail_addr}', 'ann@example.net'],
  ['{rcpt_addr}', 'bob@example.org'],
]);
const macro = (name: string) => macros.get(name);
const none = () => undefined;
const client = { name: 'client.example.net', address: '192.0.2.1', port: 4711 };
const allActions = 0x1ff;

/** What was sent, a line for each frame: its code and its data, NUL shown as `|`. */
function sent(session: MilterSession): string[] {
  const reader = new FrameReader();
  reader.receive(session.output());
  const frames: string[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next())
    frames.push(`${frame.code} ${frame.data.toString('latin1').replaceAll('\0', '|')}`.trim());
  return frames;
}

const terms = (answered: number, wanted = allActions, version = 6) =>
  formatFrame('O', formatNumber(version), formatNumber(wanted), formatNumber(answered));

function agreed(answered = 0, wanted = allActions, version = 6): MilterSession {
  const session = new MilterSession({ changesBytesMax: 1000 });
  session.negotiate();
  session.output();
  session.receive(terms(answered, wanted, version));
  assert.deepEqual(session.next(), { kind: 'agreed' });
  return session;
}

/** The filter says this; gives what comes of it. */
function hears(session: MilterSession, ...frames: readonly Buffer[]): MilterEvent {
  for (const frame of frames) session.receive(frame);
  return session.next();
}

const verdict = (event: MilterEvent) => (event.kind === 'verdict' ? event.verdict : event);
const goOn = formatFrame('c');
const yes = { kind: 'continue' };

/** As far as the end of the message, which is not shown yet. */
function upToEnd(answered = 0, wanted = allActions): MilterSession {
  const session = agreed(answered, wanted);
  const shows = [
    () => session.connect(client, none),
    () => session.hello('client.example.net', none),
    () => session.mail('<ann@example.net>', [], none),
    () => session.rcpt('<bob@example.org>', [], none),
    () => session.data(none),
    () => session.header('Subject', Buffer.from(' hello')),
    () => session.endOfHeader(none),
    () => session.body(Buffer.from('text\r\n')),
  ];
  for (const show of shows) {
    show();
    const event = session.next();
    if (event.kind === 'need-input') assert.deepEqual(verdict(hears(session, goOn)), yes);
  }
  session.output();
  return session;
}

describe('MilterSession', () => {
  it('offers version 6, all changes and all steps', () => {
    const session = new MilterSession({ changesBytesMax: 0 });
    session.negotiate();
    assert.deepEqual(
      Buffer.from(session.output()),
      Buffer.from('0000000d4f00000006000001ff001fffff', 'hex'),
    );
  });

  it('shows a client and its message, with macros, one thing at a time', () => {
    const session = agreed();
    const shown: [() => void, string[]][] = [
      [
        () => session.connect(client, macro),
        ['D Cj|mx.example.org|', 'C client.example.net|4\x12g192.0.2.1|'],
      ],
      [() => session.hello('client.example.net', macro), ['H client.example.net|']],
      [
        () => session.mail('<ann@example.net>', ['SIZE=3', 'BODY=8BITMIME'], macro),
        ['D Mi|q1|{mail_addr}|ann@example.net|', 'M <ann@example.net>|SIZE=3|BODY=8BITMIME|'],
      ],
      [
        () => session.rcpt('<bob@example.org>', [], macro),
        ['D Ri|q1|{rcpt_addr}|bob@example.org|', 'R <bob@example.org>|'],
      ],
      [() => session.data(macro), ['D Ti|q1|', 'T']],
      [() => session.header('Subject', Buffer.from('  a\r\n\tb')), ['L Subject| a\n\tb|']],
      [() => session.endOfHeader(macro), ['D Ni|q1|', 'N']],
      [() => session.body(Buffer.from('x\0y\r\n')), ['B x|y']],
      [() => session.endOfMessage(macro), ['D Ei|q1|', 'E']],
    ];
    for (const [show, frames] of shown) {
      show();
      assert.deepEqual(
        sent(session).map((line) => line.trim()),
        frames,
      );
      assert.deepEqual(session.next(), { kind: 'need-input' });
      assert.deepEqual(verdict(hears(session, goOn)), yes);
    }
    session.mail('<>', [], none);
    assert.deepEqual(sent(session), ['M <>|']);
    hears(session, goOn);
    session.quit();
    assert.deepEqual(sent(session), ['Q']);
  });

  it('IPv6 addresses have a family of their own; who is on no network is unknown', () => {
    const session = agreed(steps.silentConnect);
    session.connect({ ...client, address: '2001:db8::1' }, none);
    assert.deepEqual(sent(session), ['C client.example.net|6\x12g2001:db8::1|']);
    session.next();
    session.quitKeepOpen();
    session.connect({ name: 'localhost', address: undefined, port: 0 }, none);
    assert.deepEqual(sent(session), ['K', 'C localhost|U']);
  });

  it('leaves out what the filter does not want to see, but not the macros that go with it', () => {
    const session = agreed(steps.noHello | steps.noConnect | steps.noHeader | steps.noBody);
    session.connect(client, macro);
    assert.deepEqual(sent(session), ['D Cj|mx.example.org|']);
    assert.deepEqual(verdict(session.next()), yes);
    assert.equal(session.wants('header'), false);
    assert.equal(session.wants('mail'), true);
  });

  it('waits for no answer where the filter gives none', () => {
    const session = agreed(steps.silentConnect | steps.silentHello);
    session.connect(client, none);
    assert.deepEqual(verdict(session.next()), yes);
    session.hello('x', none);
    assert.deepEqual(verdict(session.next()), yes);
    assert.deepEqual(sent(session), ['C client.example.net|4\x12g192.0.2.1|', 'H x|']);
  });

  it('sends the macros that the filter asked for, and the usual ones with other steps', () => {
    const session = new MilterSession({ changesBytesMax: 0 });
    session.negotiate();
    session.output();
    const lists = [
      formatNumber(0),
      formatTexts(''),
      formatNumber(2),
      formatTexts('{mail_addr}, j'),
    ];
    session.receive(formatFrame('O', formatNumber(6), formatNumber(0), formatNumber(0), ...lists));
    session.next();
    session.connect(client, macro);
    assert.deepEqual(sent(session), ['C client.example.net|4\x12g192.0.2.1|']);
    hears(session, goOn);
    session.mail('<ann@example.net>', [], macro);
    assert.equal(sent(session)[0], 'D M{mail_addr}|ann@example.net|j|mx.example.org|');
    hears(session, goOn);
    session.rcpt('<bob@example.org>', [], macro);
    assert.equal(sent(session)[0], 'D Ri|q1|{rcpt_addr}|bob@example.org|');
  });

  it('knows what older filters have never heard of', () => {
    const session = agreed(0, 0, 2);
    assert.equal(session.wants('data'), false);
    assert.equal(session.wants('unknown'), false);
  });

  it('keeps the space behind the colon for who wants it', () => {
    const session = agreed(
      steps.leadingSpace | steps.noData | steps.silentMail | steps.silentConnect,
    );
    session.connect(client, none);
    session.next();
    session.mail('<>', [], none);
    session.next();
    session.data(none);
    session.next();
    session.output();
    session.header('Subject', Buffer.from(' hello'));
    assert.deepEqual(sent(session), ['L Subject| hello|']);
  });

  it('accepting a message ends it for the filter; accepting a client ends everything', () => {
    const session = agreed();
    session.connect(client, none);
    hears(session, goOn);
    session.mail('<ann@example.net>', [], none);
    assert.deepEqual(verdict(hears(session, formatFrame('a'))), { kind: 'accept' });
    session.output();
    session.rcpt('<bob@example.org>', [], none);
    assert.deepEqual(verdict(session.next()), { kind: 'accept' });
    assert.equal(session.wants('body'), false);
    assert.deepEqual(sent(session), []);
    session.abort();
    session.hello('again', none);
    assert.deepEqual(sent(session), ['A', 'H again|']);
    assert.deepEqual(verdict(hears(session, formatFrame('a'))), { kind: 'accept' });
    session.mail('<ann@example.net>', [], none);
    assert.deepEqual(verdict(session.next()), { kind: 'accept' });
    session.abort();
    assert.deepEqual(sent(session), []);
  });

  it('a client that was refused stays refused; one cannot be discarded', () => {
    const session = agreed();
    session.connect(client, none);
    assert.deepEqual(verdict(hears(session, formatFrame('d'))), yes);
    session.hello('bad', none);
    assert.deepEqual(verdict(hears(session, formatFrame('r'))), { kind: 'reject' });
    session.output();
    session.hello('other', none);
    assert.deepEqual(verdict(session.next()), { kind: 'reject' });
    assert.deepEqual(sent(session), []);
  });

  it('a recipient that is refused is not the message', () => {
    const session = agreed(steps.silentConnect | steps.silentMail);
    session.connect(client, none);
    session.next();
    session.mail('<>', [], none);
    session.next();
    session.rcpt('<bad@example.org>', [], none);
    assert.deepEqual(verdict(hears(session, formatFrame('t'))), { kind: 'tempfail' });
    session.output();
    session.rcpt('<bob@example.org>', [], none);
    assert.deepEqual(sent(session), ['R <bob@example.org>|']);
  });

  it('enough of the body is enough of it until the next message', () => {
    const session = upToEnd(steps.skip);
    session.body(Buffer.from('more'));
    assert.deepEqual(verdict(hears(session, formatFrame('s'))), yes);
    assert.equal(session.wants('body'), false);
    session.output();
    session.body(Buffer.from('most'));
    assert.deepEqual(verdict(session.next()), yes);
    assert.deepEqual(sent(session), []);
    session.endOfMessage(none);
    assert.deepEqual(sent(session), ['E']);
    hears(session, goOn);
    session.mail('<>', [], none);
    assert.equal(session.wants('body'), true);
  });

  it('"enough" of what comes once, or without having asked for it, is to go on, with what it changes', () => {
    const session = agreed();
    session.connect(client, none);
    assert.deepEqual(verdict(hears(session, formatFrame('s'))), yes);
    const late = upToEnd();
    late.body(Buffer.from('more'));
    assert.deepEqual(verdict(hears(late, formatFrame('s'))), yes);
    late.endOfMessage(none);
    const end = hears(late, formatFrame('h', formatTexts('X-A', 'b')), formatFrame('s'));
    assert.deepEqual(verdict(end), yes);
    assert.equal(end.kind === 'verdict' && end.changes.length, 1);
  });

  it('tells of progress, and goes on waiting', () => {
    const session = upToEnd();
    session.endOfMessage(none);
    assert.deepEqual(hears(session, formatFrame('p')), { kind: 'progress' });
    assert.deepEqual(session.next(), { kind: 'need-input' });
    assert.deepEqual(verdict(hears(session, goOn)), yes);
  });

  it('gives the changes of a message in order', () => {
    const session = upToEnd();
    session.endOfMessage(none);
    const event = hears(
      session,
      formatFrame('h', formatTexts('X-A', 'one\n\ttwo')),
      formatFrame('i', formatNumber(1), formatTexts('X-B', 'two')),
      formatFrame('m', formatNumber(2), formatTexts('Subject', 'new')),
      formatFrame('m', formatNumber(1), formatTexts('Subject', '')),
      formatFrame('b', Buffer.from('body\0\r\n')),
      formatFrame('e', formatTexts('<eve@example.net>', 'RET=HDRS ENVID=x')),
      formatFrame('+', formatTexts('<carl@example.org>')),
      formatFrame('2', formatTexts('dora@example.org', 'NOTIFY=NEVER')),
      formatFrame('-', formatTexts('<bob@example.org>')),
      formatFrame('q', formatTexts('looks\r\nodd')),
      goOn,
    );
    assert.equal(event.kind, 'verdict');
    const value = (text: string) => Buffer.from(text);
    assert.deepEqual(event.kind === 'verdict' && event.changes, [
      { kind: 'add-header', name: 'X-A', value: value('one\n\ttwo') },
      { kind: 'insert-header', index: 1, name: 'X-B', value: value('two') },
      { kind: 'change-header', index: 2, name: 'Subject', value: value('new') },
      { kind: 'change-header', index: 1, name: 'Subject', value: undefined },
      { kind: 'replace-body', bytes: value('body\0\r\n') },
      { kind: 'change-sender', address: 'eve@example.net', params: ['RET=HDRS', 'ENVID=x'] },
      { kind: 'add-recipient', address: 'carl@example.org', params: [] },
      { kind: 'add-recipient', address: 'dora@example.org', params: ['NOTIFY=NEVER'] },
      { kind: 'delete-recipient', address: 'bob@example.org' },
      { kind: 'quarantine', reason: 'looks odd' },
    ]);
  });

  it('reads replies of one line and of more, with and without a status', () => {
    const replies: [string, object][] = [
      ['550 5.7.1 No', { code: 550, detail: '7.1', lines: ['No'] }],
      ['451 Later', { code: 451, detail: undefined, lines: ['Later'] }],
      ['554-5.7.9 100%%\r\n554 5.7.9 sure', { code: 554, detail: '7.9', lines: ['100%', 'sure'] }],
      ['550', { code: 550, detail: undefined, lines: [''] }],
    ];
    for (const [text, expected] of replies) {
      const session = upToEnd();
      session.endOfMessage(none);
      const event = hears(session, formatFrame('y', formatTexts(text)));
      assert.deepEqual(verdict(event), { kind: 'reply', ...expected });
    }
  });

  it('what breaks the rules is an error', () => {
    const wrong: [string, Buffer, number?][] = [
      ['an unknown answer', formatFrame('?')],
      ['a change nobody asked for', formatFrame('h', formatTexts('X', 'y')), actions.changeBody],
      ['a field without a name', formatFrame('h', formatTexts('', 'y'))],
      ['a name that would be more fields', formatFrame('h', formatTexts('X: y\r\nZ', 'y'))],
      ['a reply that is none', formatFrame('y', formatTexts('250 2.0.0 fine'))],
      ['a frame without a code', formatNumber(0)],
      ['a frame that is too long', formatNumber(2 ** 30)],
      ['too many octets', formatFrame('b', Buffer.alloc(1001))],
      ['too many changes', Buffer.concat(Array(20_001).fill(formatFrame('q')))],
      ['half a number', formatFrame('i', Buffer.alloc(3))],
    ];
    for (const [why, frame, wanted] of wrong) {
      const session = upToEnd(0, wanted);
      session.endOfMessage(none);
      assert.throws(() => hears(session, frame), MilterError, why);
    }
    assert.throws(() => agreed(0x200000), MilterError, 'steps that were not offered');
    assert.throws(() => agreed(0, 0x200), MilterError, 'changes that were not offered');
    assert.throws(() => agreed(0, 0, 7), MilterError, 'a version that was not offered');
    const early = agreed();
    early.connect(client, none);
    assert.throws(() => hears(early, formatFrame('h', formatTexts('X', 'y'))), MilterError);
    assert.throws(() => hears(agreed(), goOn), MilterError, 'an answer nobody asked for');
  });

  it('pieces of the body are as large as the two agree on', () => {
    const session = new MilterSession({ changesBytesMax: 0, pieceBytes: 1_048_575 });
    session.negotiate();
    session.receive(terms(0x10000000));
    session.next();
    assert.equal(session.terms.bodyBytesMax, 262_143);
    assert.equal(agreed(0x20000000).terms.bodyBytesMax, 65_535, 'not without an offer');
  });

  it('octets may come in any pieces', () => {
    const answer = Buffer.concat([
      formatFrame('h', formatTexts('X-A', 'one')),
      formatFrame('p'),
      formatFrame('b', Buffer.from('text')),
      goOn,
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(answer.length), { maxLength: 6 }), (cuts) => {
        const session = upToEnd();
        session.endOfMessage(none);
        const events: MilterEvent[] = [];
        let from = 0;
        for (const cut of [...cuts.toSorted((a, b) => a - b), answer.length]) {
          session.receive(answer.subarray(from, cut));
          from = cut;
          for (let event = session.next(); event.kind !== 'need-input'; event = session.next()) {
            events.push(event);
            if (event.kind === 'verdict') break;
          }
        }
        assert.deepEqual(
          events.map(({ kind }) => kind),
          ['progress', 'verdict'],
        );
      }),
    );
  });

  it('whatever a filter says is an event or a MilterError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const session = upToEnd();
        session.endOfMessage(none);
        try {
          hears(session, Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof MilterError);
        }
      }),
    );
  });
});
