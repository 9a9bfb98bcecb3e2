// Content that comes by its URL: RFC 4468, as the session sees it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultLimits } from '../limits.ts';
import { replies, reply } from '../reply.ts';
import type { SessionEvent } from './event.ts';
import { isQuestion } from './event.ts';
import { ServerSession } from './session.ts';

/** A session that is logged in, and what was said and asked since. */
function open(messageSize = 0) {
  const session = new ServerSession({
    ...{ protocol: 'submission', hostname: 'mx.example.net', secure: true, startTls: false },
    ...{ mechanisms: ['EXTERNAL'], trusted: false, authRequired: true, bareNewlines: 'refuse' },
    ...{ burl: 'mx.example.net', limits: { ...defaultLimits, messageSize } },
  });
  const messages: string[] = [];
  const asked: string[] = [];
  let content = '';
  const answer = (event: SessionEvent) => {
    if (event.kind === 'content') content += Buffer.from(event.bytes).toString();
    if (event.kind === 'reset') content = '';
    if (!isQuestion(event)) return;
    if (event.kind === 'burl') {
      asked.push(`${event.url}${event.last ? ' LAST' : ''}`);
      if (event.url.endsWith('gone')) session.answer(reply(554, '6.6', 'Gone'));
      else session.fetched(Buffer.from('From: url\r\n\r\nHi\r\n'));
      return;
    }
    if (event.kind === 'message') messages.push(content);
    if (event.kind === 'message') content = '';
    session.answer(event.kind === 'auth' ? replies.authenticated : replies.ok);
  };
  const say = (text: string): string => {
    session.receive(Buffer.from(text));
    for (;;) {
      const event = session.next();
      if (event.kind === 'need-input' || event.kind === 'close') return session.output();
      answer(event);
    }
  };
  say('');
  say('EHLO c.example\r\nAUTH EXTERNAL =\r\n');
  return { say, messages, asked };
}

const envelope = 'MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.net>\r\n';
const codes = (said: string): string =>
  [...said.matchAll(/^(\d{3} \d\.\d\.\d)/gm)].map(([, code]) => code).join(', ');

describe('BURL', () => {
  it('RFC 4468 §3.1 (3), §3.3: says after the login of which server', () => {
    const { say } = open();
    assert.match(say('EHLO c.example\r\n'), /^250-BURL imap imap:\/\/mx\.example\.net\r$/m);
  });

  it('RFC 4468 §3.2: is the whole message, pipelined with what comes before and after it', () => {
    const { say, messages, asked } = open();
    const said = say(`${envelope}BURL imap://x/y;UID=1 LAST\r\nNOOP\r\n${envelope}RSET\r\n`);
    assert.equal(
      codes(said),
      '250 2.0.0, 250 2.0.0, 250 2.0.0, 250 2.0.0, 250 2.0.0, 250 2.0.0, 250 2.0.0',
    );
    assert.deepEqual(messages, ['From: url\r\n\r\nHi\r\n']);
    assert.deepEqual(asked, ['imap://x/y;UID=1 LAST']);
  });

  it('RFC 4468 §3.2: interleaves with BDAT', () => {
    const { say, messages } = open();
    say(`${envelope}BDAT 6\r\nA: b\r\nBURL imap://x/y\r\nBDAT 3 LAST\r\nend`);
    assert.deepEqual(messages, ['A: b\r\nFrom: url\r\n\r\nHi\r\nend']);
  });

  it('RFC 4468 §3.2: what cannot be fetched ends the transaction', () => {
    const { say, messages } = open();
    const said = say(`${envelope}BDAT 6\r\nA: b\r\nBURL imap://x/gone\r\nBURL imap://x/y LAST\r\n`);
    assert.match(codes(said), /250 2\.0\.0, 554 5\.6\.6, 503 5\.5\.1$/);
    assert.deepEqual(messages, []);
    assert.match(codes(say(envelope)), /^250 .*, 250/);
  });

  it('RFC 4468 §3.2: resolves nothing without a recipient, and out of order', () => {
    const { say, asked } = open();
    assert.equal(codes(say('BURL imap://x/y LAST\r\n')), '503 5.5.1');
    assert.equal(
      codes(say('MAIL FROM:<a@example.net>\r\nBURL imap://x/y LAST\r\n')),
      '250 2.0.0, 503 5.5.1',
    );
    assert.deepEqual(asked, []);
  });

  it('RFC 1870 §6.3: what is fetched counts for the size', () => {
    const { say, messages } = open(20);
    assert.match(
      codes(say(`${envelope}BURL imap://x/y\r\nBURL imap://x/y LAST\r\n`)),
      /552 5\.3\.4$/,
    );
    assert.deepEqual(messages, []);
  });

  for (const bad of ['BURL', 'BURL x', 'BURL imap://x/y FIRST', 'BURL imap://x/a#b LAST'])
    it(`RFC 4468 §3.5: ${bad} is no command`, () => {
      const { say } = open();
      assert.match(codes(say(`${envelope}${bad}\r\n`)), /501 5\.5\.4$/);
    });
});
