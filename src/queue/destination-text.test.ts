import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { destinationText } from './destination-text.ts';

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
