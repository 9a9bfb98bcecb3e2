import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { latin1 } from '../../base/transcript.ts';
import { ImapInput } from './input.ts';

describe('input of a session', () => {
  it('keeps no more of a line that is too long than its ends', () => {
    const input = new ImapInput();
    for (let i = 0; i < 50; i += 1) {
      input.push(latin1('x'.repeat(1000)));
      assert.equal(input.takeLine(100, 1e6), undefined);
      input.hold();
    }
    input.push(latin1(`${'y'.repeat(40)}\r\n`));
    assert.deepEqual(input.takeLine(100, 1e6), {
      ...{ kind: 'too-long', octets: 50_040 },
      ...{ start: 'x'.repeat(64), end: 'y'.repeat(32) },
    });
  });

  it('does not add the end of one such line to the next', () => {
    const input = new ImapInput();
    input.push(latin1(`${'x'.repeat(40)} {3+\r\n}\r\n`));
    assert.equal(input.takeLine(0, 1000)?.kind, 'too-long');
    assert.deepEqual(input.takeLine(0, 1000), {
      kind: 'too-long',
      octets: 1,
      start: '}',
      end: '}',
    });
  });

  it('takes a line of as many octets as are allowed, however it comes', () => {
    for (const pieces of [['abc\r\n'], ['abc\r', '\n'], ['abc', '\r\n'], [...'abc\r\n']]) {
      const input = new ImapInput();
      const lines = pieces.map((piece) => {
        input.push(latin1(piece));
        const line = input.takeLine(3, 100);
        input.hold();
        return line;
      });
      assert.deepEqual(lines.at(-1), { kind: 'line', text: 'abc' });
    }
  });

  it('RFC 9051 §2.2: gives a line that ends in LF alone at once, and marks it and the next as no commands', () => {
    for (const pieces of [['a\nb\r\nc\r\n'], [...'a\nb\r\nc\r\n'], ['a', '\n', 'b\r', '\nc\r\n']]) {
      const input = new ImapInput();
      const lines = pieces.flatMap((piece) => {
        input.push(latin1(piece));
        const found: unknown[] = [];
        for (let line = input.takeLine(9, 99); line !== undefined; line = input.takeLine(9, 99))
          found.push(line);
        input.hold();
        return found;
      });
      const texts = ['a\n', 'b\n', 'c'];
      assert.deepEqual(
        lines,
        texts.map((text) => ({ kind: 'line', text })),
      );
    }
    const input = new ImapInput();
    input.push(latin1('a {3}\n'));
    assert.deepEqual(input.takeLine(9, 99), { kind: 'line', text: 'a {3}\n' });
    input.push(latin1(`${'x'.repeat(20)}\n`));
    assert.equal(input.takeLine(9, 99)?.kind, 'too-long');
    input.clear();
    input.push(latin1('b\r\n'));
    assert.deepEqual(input.takeLine(9, 99), { kind: 'line', text: 'b' });
  });

  it('has a copy of what is left, for received octets are their owner’s again', () => {
    const input = new ImapInput();
    input.push(latin1('ab'));
    input.push(latin1('c\r\n'));
    assert.deepEqual(input.takeLine(10, 100), { kind: 'line', text: 'abc' });
    const received = latin1('secret');
    input.push(received);
    input.hold();
    received.fill(0);
    input.push(latin1('\r\n'));
    assert.deepEqual(input.takeLine(10, 100), { kind: 'line', text: 'secret' });
  });
});
