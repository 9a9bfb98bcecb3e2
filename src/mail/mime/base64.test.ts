import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { Base64LineEncoder, decodeBase64 } from './base64.ts';

function encodeBase64Lines(bytes: Uint8Array): Buffer {
  const encoder = new Base64LineEncoder();
  const encoded = [encoder.push(bytes), encoder.end()];
  return Buffer.concat(bytes.length === 0 ? encoded : [...encoded, Buffer.from('\r\n')]);
}

describe('Base64LineEncoder', () => {
  it('RFC 2045 §6.8: lines of at most 76 characters that decode to the same octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const encoded = encodeBase64Lines(bytes);
        assert.match(encoded.toString('latin1'), /^(?:[A-Za-z0-9+/=]{1,76}\r\n)*$/);
        assert.deepEqual([...decodeBase64(encoded)], [...bytes]);
      }),
    );
  });

  it('how the octets are cut does not matter', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const encoder = new Base64LineEncoder();
        const encoded = Buffer.concat([...parts.map((part) => encoder.push(part)), encoder.end()]);
        const once = encodeBase64Lines(Buffer.concat(parts)).toString('latin1');
        assert.equal(encoded.toString('latin1'), once.replace(/\r\n$/, ''));
      }),
    );
  });
});

describe('decodeBase64', () => {
  it('RFC 2045 §6.8: ignores what is not of the alphabet', () => {
    assert.equal(decodeBase64(Buffer.from(' aGVs\r\n!b\xe9G8=\r\nxx')).toString(), 'hello');
    assert.equal(decodeBase64(Buffer.from('a')).length, 0);
  });
});
