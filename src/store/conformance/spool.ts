// What every Spool must do. The implementations' own tests call this and add nothing to it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { inlineBytesMax, pieceBytesMax, storedSize } from '../content.ts';
import type { Spool } from '../spool.ts';
import { collected } from './harness.ts';

export interface TestSpool extends AsyncDisposable {
  readonly spool: Spool;
  /** How many files, or whatever stands for them, there are. */
  files(): Promise<number>;
  /** It has no memory to keep small content in. */
  readonly memoryIsShort?: boolean;
}

export function testSpool(name: string, open: () => Promise<TestSpool>): void {
  describe(`Spool: ${name}`, () => {
    it('small content comes back in memory, larger content as a file', async () => {
      await using test = await open();
      for (const [size, kind] of [
        [0, 'inline'],
        [1, 'inline'],
        [inlineBytesMax, 'inline'],
        [inlineBytesMax + 1, 'file'],
        [3_000_000, 'file'],
      ] as const) {
        const writer = test.spool.create();
        await writer.write(Buffer.alloc(size, 'x'));
        assert.equal(writer.size, size);
        const stored = await writer.commit();
        if (kind === 'file' || !test.memoryIsShort) assert.equal(stored.kind, kind);
        assert.equal(storedSize(stored), size);
        assert.equal(test.spool.open(stored).size, size);
      }
    });

    it('stores in a file what came back in memory, when it is asked to', async () => {
      await using test = await open();
      for (const size of [1, 10, inlineBytesMax + 1]) {
        const before = await test.files();
        const stored = await test.spool.store(Buffer.alloc(size, 'y'));
        assert.deepEqual([stored.kind, storedSize(stored)], ['file', size]);
        assert.equal(await test.files(), before + 1);
        const pieces = await collected(test.spool.open(stored).read());
        assert.equal(Buffer.compare(Buffer.concat(pieces), Buffer.alloc(size, 'y')), 0);
      }
    });

    it('content out is content in, however it was cut, as often as it is read', async () => {
      await using test = await open();
      const piece = fc.oneof(
        fc.uint8Array({ maxLength: 20 }),
        fc.integer({ min: 1, max: 200_000 }).map((size) => Buffer.alloc(size, `${size} `)),
      );
      const fraction = fc.double({ min: 0, max: 1, noNaN: true });
      await fc.assert(
        fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fraction, async (pieces, share) => {
          const writer = test.spool.create();
          for (const bytes of pieces) {
            const copy = Buffer.from(bytes);
            const wait = writer.write(copy);
            copy.fill(0); // the writer keeps its own
            await wait;
          }
          const stored = await writer.commit();
          const content = test.spool.open(stored);
          const expected = Buffer.concat(pieces);
          for (let times = 0; times < 2; times += 1) {
            const read = await collected(content.read());
            assert.ok(read.every(({ length }) => length <= pieceBytesMax));
            assert.equal(Buffer.compare(Buffer.concat(read), expected), 0);
          }
          const from = Math.floor(expected.length * share);
          const copies: Buffer[] = [];
          for await (const bytes of content.read({ from, reuse: true }))
            copies.push(Buffer.from(bytes));
          assert.equal(Buffer.compare(Buffer.concat(copies), expected.subarray(from)), 0);
          if (stored.kind === 'file') await test.spool.remove(stored.key);
        }),
        { numRuns: 40 },
      );
      assert.equal(await test.files(), 0);
    });

    it('abort leaves nothing behind', async () => {
      await using test = await open();
      for (const size of [10, 200_000, 2_000_000]) {
        const writer = test.spool.create();
        void writer.write(Buffer.alloc(size))?.catch(() => {});
        await writer.abort();
        await writer.abort();
      }
      assert.equal(await test.files(), 0);
    });

    it('removed content is gone, and says so', async () => {
      await using test = await open();
      const writer = test.spool.create();
      await writer.write(Buffer.alloc(1_000_000));
      const stored = await writer.commit();
      assert.ok(stored.kind === 'file');
      await test.spool.remove(stored.key);
      await test.spool.remove(stored.key);
      assert.equal(await test.files(), 0);
      await assert.rejects(collected(test.spool.open(stored).read()), StorageError);
    });
  });
}
