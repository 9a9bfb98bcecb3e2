import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Reply } from './reply.ts';
import { enhancedStatus, formatReply, replies, reply } from './reply.ts';
import { localError, replyFor, SmtpError } from './smtp-error.ts';

describe('smtp/reply', () => {
  it('RFC 5321 §4.2.1: a hyphen on every line but the last; RFC 2034 §4: the status on all', () => {
    assert.equal(formatReply(reply(250, '0.0', 'OK')), '250 2.0.0 OK\r\n');
    assert.equal(formatReply(reply(214, '0.0', 'a', 'b')), '214-2.0.0 a\r\n214 2.0.0 b\r\n');
    assert.equal(formatReply(reply(354, undefined, 'Go on')), '354 Go on\r\n');
  });

  it('RFC 3463 §2: the class is the code’s', () => {
    assert.equal(enhancedStatus(reply(451, '7.1', 'x')), '4.7.1');
    assert.equal(enhancedStatus(reply(220, undefined, 'x')), undefined);
  });

  it('refuses what cannot be a reply', () => {
    assert.throws(() => reply(199, '0.0', 'x'));
    assert.throws(() => reply(600, '0.0', 'x'));
    assert.throws(() => reply(354, '0.0', 'x'));
    assert.throws(() => reply(250, '0.0', 'x\r\n250 y'));
    const given = reply as (...given: unknown[]) => Reply;
    assert.throws(() => given(550), /has a text/);
    assert.throws(() => given(550, 'Not here'), /'7\.1'/);
    assert.throws(() => given(550, '5.7.1', 'Not here'), /'7\.1'/);
  });

  for (const [name, one] of Object.entries(replies) as [string, Reply][])
    it(`RFC 5321 §4.5.3.1.5: ${name} fits in 512 octets and is ASCII`, () => {
      assert.match(formatReply(one), /^[ -~]+\r\n$/);
      assert.ok(formatReply(one).length <= 512);
      // RFC 2034 §4: none in the greeting and in 3yz.
      assert.equal(one.detail === undefined, one.code === 354 || name === 'greeting');
    });

  it('unknown failures are transient and tell nothing', () => {
    assert.equal(replyFor(new Error('/var/lib/secret')), localError);
    assert.equal(replyFor(new SmtpError(replies.badSequence)), replies.badSequence);
    assert.equal(replyFor(undefined), localError);
  });
});
