import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { destinationNamed, destinationText } from './destination-text.ts';

describe('destinationText', () => {
  for (const [destination, text] of [
    ['local', 'local delivery'],
    ['discard', "route that says 'discard'"],
    ['mx:example.net', 'MX of example.net'],
    ['mx:[192.0.2.1]', '[192.0.2.1]'],
    ['mx:[IPv6:2001:db8::1]', '[IPv6:2001:db8::1]'],
    ['host:127.0.0.1:2126#0', 'route to 127.0.0.1:2126 (routes[0])'],
    ['host:mail.example.net:587#12', 'route to mail.example.net:587 (routes[12])'],
    ['host:::1:25#0', 'route to [::1]:25 (routes[0])'],
    ['host:[::1]:25#0', 'route to [::1]:25 (routes[0])'],
    ['host:mail.example.net:587', 'route to mail.example.net:587'],
    ['lmtp:/run/dovecot/lmtp', 'LMTP at /run/dovecot/lmtp'],
    ['lmtp:/run/a:b#1', 'LMTP at /run/a:b#1'],
    ['lmtp:127.0.0.1:24', 'LMTP at 127.0.0.1:24'],
    ['something else', 'something else'],
  ] as const)
    it(`shows ${destination} as people know it`, () =>
      assert.equal(destinationText(destination), text));
});

describe('destinationNamed', () => {
  for (const destination of [
    ...['local', 'discard', 'mx:example.net', 'mx:[192.0.2.1]', 'mx:[IPv6:2001:db8::1]'],
    ...['host:127.0.0.1:2126#0', 'host:mail.example.net:587', 'host:2001:db8::1:25#3'],
    ...['lmtp:/run/dovecot/lmtp', 'lmtp:::1:24', 'atrn:example.net'],
    ...['by-hand:192.0.2.1:25', 'by-hand:[::1]:25', 'by-hand:mx:example.com'],
  ])
    it(`knows ${destination} by its text and by itself`, () => {
      assert.equal(destinationNamed(destinationText(destination)), destination);
      assert.equal(destinationNamed(destination), destination);
    });

  it('takes a domain for its MX', () => {
    assert.equal(destinationNamed('example.net'), 'mx:example.net');
    assert.equal(destinationNamed('anything else'), 'anything else');
  });
});
