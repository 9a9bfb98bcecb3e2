import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import { fc } from '../../base/test-properties.ts';
import { MemoryPeer } from '../../net/memory-peer.ts';
import { DeflatePeer } from './deflate-peer.ts';

const flushed = { finishFlush: constants.Z_SYNC_FLUSH };
const compressed = (text: string | Uint8Array) => deflateRawSync(text, flushed);

function setUp() {
  const inner = new MemoryPeer();
  return { inner, peer: new DeflatePeer(inner) };
}

async function readAll(peer: DeflatePeer, octets: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  while (size < octets) {
    const piece = await peer.read(1000);
    assert.ok(piece !== undefined);
    assert.ok(piece.length <= 64 * 1024, 'pieces are small');
    pieces.push(piece);
    size += piece.length;
  }
  return Buffer.concat(pieces);
}

describe('DeflatePeer', () => {
  it('RFC 4978 §3: what was written is there at once, to its last octet', async () => {
    const { inner, peer } = setUp();
    let wire = '';
    for (const text of ['* 1 EXISTS\r\n', 'a OK done\r\n']) {
      await peer.write(text);
      void peer.read(1000).catch(() => {});
      wire += await inner.hear();
      const plain = inflateRawSync(Buffer.from(wire, 'latin1'), flushed).toString();
      assert.ok(plain.endsWith(text));
    }
    peer.destroy();
  });

  it('RFC 4978: reads what is cut anywhere, as a stream', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 1, max: 50 }),
        async (parts, step) => {
          const { inner, peer } = setUp();
          const deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
          const wire: Buffer[] = [];
          deflate.on('data', (chunk: Buffer) => wire.push(chunk));
          for (const part of parts)
            await new Promise<void>((resolve) => {
              deflate.write(part, () => resolve());
            });
          const bytes = Buffer.concat(wire);
          for (let i = 0; i < bytes.length; i += step) void inner.say(bytes.subarray(i, i + step));
          const plain = Buffer.concat(parts);
          assert.deepEqual(await readAll(peer, plain.length), plain);
          peer.destroy();
          deflate.destroy();
        },
      ),
      { numRuns: 50 },
    );
  });

  it('a bomb is read in small pieces and waits for its reader', async () => {
    const { inner, peer } = setUp();
    const size = 64 * 2 ** 20;
    void inner.say(compressed(Buffer.alloc(size)));
    const before = process.memoryUsage().arrayBuffers;
    assert.ok(await peer.read(1000));
    // zlib works in another thread: let it do what it would do unasked.
    for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 2 ** 20);
    peer.destroy();
  });

  it('what is no DEFLATE breaks the connection; so does its end', async () => {
    const garbage = setUp();
    void garbage.inner.say(Buffer.from([0x07, 0xff, 0xff]));
    await assert.rejects(garbage.peer.read(1000));
    garbage.peer.destroy();
    const over = setUp();
    void over.inner.say(deflateRawSync('a NOOP\r\n'));
    assert.equal((await readAll(over.peer, 8)).toString(), 'a NOOP\r\n');
    void over.inner.say(Buffer.from('more'));
    assert.equal(await over.peer.read(1000), undefined);
    over.peer.destroy();
  });

  it('chunks that hold nothing do not keep a reader waiting: it looks at its clock', async () => {
    const { inner, peer } = setUp();
    void inner.say(compressed(''));
    assert.equal((await peer.read(1000))?.length, 0);
    peer.destroy();
  });

  it('a reader or writer that waits hears of the end', async () => {
    const { inner, peer } = setUp();
    const reading = peer.read(1000);
    inner.destroy();
    await assert.rejects(reading);
    await assert.rejects(peer.write('x'));
    peer.destroy();
    await assert.rejects(peer.read(1000));
  });
});
