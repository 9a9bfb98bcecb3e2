// The server's half of a conversation in which the roles turn round. RFC 2645.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { defaultLimits } from '../limits.ts';
import { replies, reply } from '../reply.ts';
import type { Question } from './event.ts';
import { ServerSession } from './session.ts';
import type { Answer, Heard } from './transcript.ts';
import { drain } from './transcript.ts';

const open = (atrn: boolean | undefined = true) =>
  new ServerSession({
    ...{ protocol: 'submission', hostname: 'mx.example.net', secure: true, startTls: false },
    ...{ mechanisms: ['EXTERNAL'], trusted: false, authRequired: true, bareNewlines: 'refuse' },
    ...{ atrn, limits: defaultLimits },
  });

function talk(session: ServerSession, ...lines: string[]): Heard & { readonly asked: string[] } {
  const asked: string[] = [];
  const heard = { output: '', messages: [], events: [], asked };
  const answer = (question: Question): Answer => {
    if (question.kind === 'auth') return replies.authenticated;
    if (question.kind !== 'atrn')
      return question.kind === 'connect' ? replies.greeting : replies.ok;
    asked.push(question.domains.join(' '));
    return question.domains.includes('empty.example')
      ? reply(453, '0.0', 'You have no mail')
      : reply(250, '0.0', 'OK now reversing the connection');
  };
  drain(session, answer, heard);
  for (const line of lines) {
    session.receive(Buffer.from(`${line}\r\n`));
    drain(session, answer, heard);
  }
  return heard;
}

it('RFC 2645 §5.2.1: 530 before the login; the domains that are named, or none', () => {
  const session = open();
  const first = talk(session, 'EHLO example.org', 'ATRN example.org');
  assert.match(first.output, /^250-ATRN\r$/m);
  assert.match(first.output, /530 5\.7\.0 [^\n]*\r\n$/);
  const rest = talk(session, 'AUTH EXTERNAL =', 'ATRN a.example,empty.example', 'NOOP');
  assert.match(rest.output, /453 4\.0\.0 [^\n]*\r\n250 2\.0\.0 OK\r\n$/);
  const last = talk(session, 'ATRN');
  assert.deepEqual([...rest.asked, ...last.asked], ['a.example empty.example', '']);
});

it('RFC 2645 §5.3: after the 250 nothing is read as a command any more', () => {
  const session = open();
  talk(session, 'EHLO example.org', 'AUTH EXTERNAL =');
  session.receive(Buffer.from('ATRN example.org\r\nMAIL FROM:<x@example.org>\r\n'));
  const turned = talk(session);
  assert.match(turned.output, /^250 2\.0\.0 OK now reversing the connection\r\n$/);
  assert.deepEqual(turned.events, ['turned']);
});

it('RFC 2645 §5.4: 502 where nothing is kept to be fetched; 501 for what names no domains', () => {
  const none = talk(open(false), 'EHLO example.org', 'AUTH EXTERNAL =', 'ATRN');
  assert.doesNotMatch(none.output, /^250.ATRN/m);
  assert.match(none.output, /502 5\.5\.1 [^\n]*\r\n$/);
  const bad = talk(open(), 'EHLO example.org', 'AUTH EXTERNAL =', 'ATRN a.example b.example');
  assert.match(bad.output, /501 5\.5\.4 Syntax: ATRN [^\n]*\r\n$/);
});
