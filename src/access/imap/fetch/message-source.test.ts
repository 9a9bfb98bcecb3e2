import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryContent } from '../../../store/content.ts';
import { MessageSource } from './message-source.ts';
import { gather } from './pieces.ts';

const octets = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

describe('MessageSource.binary', () => {
  const message = octets(`Content-Type: multipart/mixed; boundary=a

--a
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAECA/8=
--a
Content-Transfer-Encoding: Quoted-Printable

=00=FF a=
b
--a
Content-Transfer-Encoding: x-uuencode

x
--a

plain \xff
--a--
`);
  const content = memoryContent(message);
  const source = new MessageSource({
    ...{ size: message.length, digest: undefined, header: undefined },
    content,
  });
  const binary = async (part: number[], offset?: number, length?: number) => {
    const partial = offset === undefined ? undefined : { offset, length: length! };
    const found = await source.binary(part, partial);
    if (found === undefined || typeof found === 'string') return found;
    const bytes = Buffer.from(await gather(found.pieces()));
    assert.equal(found.octets, bytes.length);
    assert.equal(found.hasNul, bytes.includes(0));
    return bytes.toString('latin1');
  };

  it('RFC 3516 §4.2: gives the octets that were encoded', async () => {
    assert.equal(await binary([1]), '\x00\x01\x02\x03\xff');
    assert.equal(await binary([2]), '\x00\xff ab');
    assert.equal(await binary([4]), 'plain \xff');
    assert.equal(await binary([5]), undefined);
  });

  it('RFC 3516 §4.2: a partial fetch counts decoded octets', async () => {
    assert.equal(await binary([1], 1, 2), '\x01\x02');
    assert.equal(await binary([1], 9, 2), '');
  });

  it('RFC 3516 §4.3: an unknown encoding is not decoded', async () =>
    assert.equal(await binary([3]), 'unknown-encoding'));

  it('RFC 3516 §4.2: without a part it is the message', async () =>
    assert.equal(await binary([]), message.toString('latin1')));
});
