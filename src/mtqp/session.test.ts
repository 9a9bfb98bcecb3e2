// Dialogues of MTQP (RFC 3887): whole, octet by octet, and all at once.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { MtqpFacts } from './session.ts';
import { MtqpSession } from './session.ts';

const facts: MtqpFacts = {
  ...{ hostname: 'mx.example.net', secure: false, startTls: true },
  isCertified: (domain) => domain.toLowerCase() === 'mx.example.net',
};
const greeting = '+OK+/MTQP mx.example.net MTQP server ready\r\nSTARTTLS\r\n.\r\n';

/** What is said to these pieces; the envelope id `known` is known. */
function talk(session: MtqpSession, ...pieces: (string | Uint8Array)[]) {
  const asked: string[] = [];
  let over = false;
  const drain = () => {
    for (;;) {
      const event = session.next();
      if (event.kind === 'track') {
        asked.push(`${event.envid} ${Buffer.from(event.secret).toString()}`);
        if (event.envid === 'fails') session.unavailable();
        else session.answer(event.envid === 'known@x' ? ['A: b', '', '.dot', '--x--'] : undefined);
      } else if (event.kind === 'starttls') session.tlsStarted();
      else {
        over = event.kind === 'close';
        return;
      }
    }
  };
  drain();
  for (const piece of pieces) {
    session.receive(Buffer.from(piece));
    drain();
  }
  return { said: session.output(), asked, over };
}

const secret = Buffer.from('abcdefgh').toString('base64');

describe('MTQP', () => {
  for (const [command, expected] of [
    // RFC 3887 §4, §2.3: a multi-line response with its dots doubled.
    [
      `TRACK <known@x> ${secret}`,
      '+OK+ Tracking information follows\r\nA: b\r\n\r\n..dot\r\n--x--\r\n.\r\n',
    ],
    [
      `track\tknown@x \t${secret} `,
      '+OK+ Tracking information follows\r\nA: b\r\n\r\n..dot\r\n--x--\r\n.\r\n',
    ],
    [`TRACK other@x ${secret}`, '-ERR/noinfo Nothing is known of it here\r\n'],
    [`TRACK fails ${secret}`, '-TEMP/unavailable Try again later\r\n'],
    ['TRACK known@x', '-BAD Syntax: TRACK envelope-id secret\r\n'],
    ['TRACK known@x a_b', '-BAD Syntax: TRACK envelope-id secret\r\n'],
    ['COMMENT whatever it is', '+OK\r\n'],
    ['COMMENT', '+OK\r\n'],
    ['QUIT', '+OK Bye\r\n'],
    ['QUIT now', '-BAD QUIT stands alone\r\n'],
    ['MAIL FROM:<>', '-BAD Command not recognized\r\n'],
    ['', '-BAD Command not recognized\r\n'],
    [`COMMENT ${'x'.repeat(1000)}`, '-BAD Bad line\r\n'],
    ['STARTTLS', '-BAD/bad-fqdn Syntax: STARTTLS domain\r\n'],
    // RFC 3887 §6
    ['STARTTLS mx.example.org', '-BAD/bad-fqdn No certificate here has this name\r\n'],
  ] as const)
    it(`RFC 3887 §2.2: ${command.slice(0, 40)} is answered by ${expected.split(' ')[0]}`, () => {
      assert.equal(talk(new MtqpSession(facts), `${command}\r\n`).said, greeting + expected);
      const octets = [...`${command}\r\n`];
      assert.equal(talk(new MtqpSession(facts), ...octets).said, greeting + expected);
    });

  it('RFC 3887 §8: commands in one piece are answered in order', () => {
    const group = `COMMENT\r\nTRACK known@x ${secret}\r\nTRACK a@x ${secret}\r\nQUIT\r\nCOMMENT\r\n`;
    const { said, asked, over } = talk(new MtqpSession(facts), group);
    assert.match(said, /\r\n\+OK\r\n\+OK\+ .*\r\n-ERR\/noinfo .*\r\n\+OK Bye\r\n$/s);
    assert.deepEqual(asked, ['known@x abcdefgh', 'a@x abcdefgh']);
    assert.ok(over);
  });

  it('RFC 3887 §6.2: after TLS it greets anew and offers none; what came before it is gone', () => {
    const session = new MtqpSession(facts);
    const { said } = talk(session, 'STARTTLS mx.example.net\r\nCOMMENT injected\r\n');
    const again = '+OK/MTQP mx.example.net MTQP server ready\r\n';
    assert.equal(said, `${greeting}+OK Begin TLS\r\n${again}`);
    const { said: more } = talk(session, 'STARTTLS mx.example.net\r\n');
    assert.equal(more, '-BAD/tls-in-progress TLS is active already\r\n');
  });

  it('RFC 3887 §3, §6: where there is no TLS it is not offered', () => {
    const { said } = talk(new MtqpSession({ ...facts, startTls: false }), 'STARTTLS a.example\r\n');
    const plain = '+OK/MTQP mx.example.net MTQP server ready\r\n';
    assert.equal(said, `${plain}-ERR/unsupported There is no TLS here\r\n`);
  });

  it('RFC 3887 §2.5: whoever guesses is sent away', () => {
    const { said, over } = talk(new MtqpSession(facts), `TRACK a@x ${secret}\r\n`.repeat(50));
    assert.equal(said.split('/noinfo').length - 1, 20);
    assert.match(said, /-ERR\/admin Too many of these\r\n$/);
    assert.ok(over);
  });

  it('answers anything, and never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), (pieces) => {
        const { said } = talk(new MtqpSession(facts), ...pieces);
        assert.ok(said.startsWith(greeting));
      }),
    );
  });
});
