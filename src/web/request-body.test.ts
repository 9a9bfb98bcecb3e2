import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readBody } from './request-body.ts';

/** A body of so many pieces of so many octets; `length` is what its header says. */
function posted(pieces: number, octets: number, length?: number) {
  const read = { pieces: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (read.pieces === pieces) return controller.close();
        read.pieces += 1;
        controller.enqueue(new Uint8Array(octets));
      },
    },
    { highWaterMark: 0 },
  );
  const headers = length === undefined ? {} : { 'content-length': String(length) };
  const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
  return { request: new Request('http://x/', init), read };
}

const tooLarge = { status: 413 };

describe('a body', () => {
  for (const bytesMax of [100, 100_000])
    it(`of ${bytesMax} octets is read where there may be as many, one of more is not`, async () => {
      for (const length of [bytesMax, undefined]) {
        const { request } = posted(2, bytesMax / 2, length);
        assert.equal((await readBody(request, bytesMax)).length, bytesMax);
      }
      await assert.rejects(readBody(posted(1, bytesMax + 1).request, bytesMax), tooLarge);
    });

  it('that says that it is too large is not begun', async () => {
    const { request, read } = posted(9, 20, 101);
    await assert.rejects(readBody(request, 100), tooLarge);
    assert.equal(read.pieces, 0);
  });

  it('that does not say how long it is is read no further than it may go on', async () => {
    const { request, read } = posted(1_000, 10);
    await assert.rejects(readBody(request, 100), tooLarge);
    assert.equal(read.pieces, 11);
  });

  it('that is longer than it says is refused all the same', async () => {
    await assert.rejects(readBody(posted(11, 10, 10).request, 100), tooLarge);
  });

  it('that says it is long is not waited for as a whole', async () => {
    const { request, read } = posted(1_000, 1_000, 100_000);
    await assert.rejects(readBody(request, 100_000), tooLarge);
    assert.equal(read.pieces, 101);
  });

  it('that breaks off is the client’s affair, however it is read', async () => {
    for (const length of [undefined, '10', '100000']) {
      const body = new ReadableStream({ start: (one) => one.error(new Error('aborted')) });
      const headers = length === undefined ? {} : { 'content-length': length };
      const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
      const broken = new Request('http://x/', init);
      await assert.rejects(readBody(broken, 100_000), { name: 'Error', status: 400 });
    }
  });
});
