import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { memory, withoutRanges } from '../header/header-cut.ts';
import { forgedResults } from './authentication-results.ts';

const ours = 'mx.bücher.example';

function kept(message: string): string | undefined {
  const bytes = Buffer.from(message);
  const ranges = forgedResults(bytes, ours);
  if (ranges === undefined) return undefined;
  return Buffer.from(withoutRanges(memory(bytes), ranges).bytes!).toString();
}

describe('RFC 8601 §5: Authentication-Results in our name', () => {
  for (const value of [
    'mx.bücher.example; spf=pass',
    'MX.xn--bcher-kva.Example; none',
    'mx.xn--bcher-kva.example.; none',
    '\r\n mx.xn--bcher-kva.example\r\n\t;\r\n dkim=pass',
    '(a (nested) comment) mx.xn--bcher-kva.example (another) 1; none',
    '"mx.xn--bcher-kva.example"; none',
    '"mx.xn--bcher\\-kva.example" 1; none',
    'mx.xn--bcher-kva.example',
    'relay.example.net 2; spf=pass',
    'relay.example.net (next) 10 ; none',
  ])
    it(`takes out ${JSON.stringify(value)}`, () => {
      const rest = 'A: b\r\n\r\nAuthentication-Results: mx.bücher.example; none\r\n';
      assert.equal(kept(`authentication-RESULTS:${value}\r\n${rest}`), rest);
    });

  for (const value of [
    'relay.example.net; spf=pass smtp.mailfrom=mx.bücher.example',
    'relay.example.net 1; none',
    'relay.example.net 01; none',
    'spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.net; dkim=none',
    'sub.mx.bücher.example; none',
    'mx.bücher.example.evil; none',
    'relay.example.net (mx.bücher.example); none',
    '',
  ])
    it(`leaves ${JSON.stringify(value)}`, () => {
      const message = `Authentication-Results: ${value}\r\nA: b\r\n\r\n`;
      assert.equal(kept(message), message);
    });

  for (const [what, between] of [
    ['a comment', `(${'x'.repeat(5_000)})`],
    ['comments', '(x)\r\n '.repeat(1_000)],
    ['white space', `\r\n${' '.repeat(5_000)}`],
  ] as const)
    it(`takes out one with ${what} of some thousand octets before the name`, () => {
      const rest = 'A: b\r\n\r\n';
      assert.equal(kept(`Authentication-Results: ${between} ${ours}; spf=pass\r\n${rest}`), rest);
      const long = `Authentication-Results: relay.example.net; spf=pass ${between}\r\n${rest}`;
      assert.equal(kept(long), long);
    });

  const field = `Authentication-Results: ${ours}; spf=pass\r\n`;

  /** Each that is taken out brings the next line astray within the bound, and a field behind it to light. */
  const nested = (times: number) => {
    const long = `Authentication-Results: ${ours}; x=${'x'.repeat(400)}\r\n`;
    const filler = 'X: y\r\n'.repeat((2 ** 16 + 30 - Buffer.byteLength(long)) / 6);
    return `${long}${filler}${`astray\r\n${long}`.repeat(times)}\r\nbody\r\n`;
  };

  it('one that is a field only without the one before it goes, too', () => {
    const rest = kept(nested(3))!;
    assert.ok(rest.endsWith('\r\nastray\r\nastray\r\nastray\r\n\r\nbody\r\n'));
    assert.doesNotMatch(rest, /Authentication-Results/);
  });

  it('one after the other without end has no answer', () => {
    assert.equal(kept(nested(20)), undefined);
  });

  it('whatever the header, what is left has none', () => {
    const line = fc.constantFrom(
      field,
      'A: b\r\n',
      'astray\r\n',
      ' folded\r\n',
      '\r\n',
      'Date: x\r\n',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const rest = kept(lines.join(''));
        if (rest !== undefined) assert.deepEqual(forgedResults(Buffer.from(rest), ours), []);
      }),
    );
  });

  it('hostile fields are read in linear time', () => {
    for (const piece of ['(', '"\\', ' 1', '\r\n (', field])
      assertLinear(
        (octets: Buffer) => forgedResults(octets, ours),
        (times) => Buffer.from(field + `Authentication-Results: ${piece}`.repeat(times)),
      );
  });
});
