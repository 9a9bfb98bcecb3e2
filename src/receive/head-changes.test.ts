import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { HeadChange } from '../policy/policy.ts';
import { StorageError } from '../smtp/smtp-error.ts';
import type { StoredContent } from '../store/content.ts';
import { inlineBytesMax } from '../store/content.ts';
import { MemorySpool } from '../store/files/memory-spool.ts';
import { arrivalOf, fieldsInFront, withoutDropped } from './head-changes.ts';

/** As the spool gives it back: what is small in memory, what is large as a file. */
async function stored(spool: MemorySpool, text: string): Promise<StoredContent> {
  const writer = spool.create();
  await writer.write(Buffer.from(text, 'latin1'));
  return writer.commit();
}

async function read(spool: MemorySpool, content: StoredContent): Promise<string> {
  const pieces = await Array.fromAsync(spool.open(content).read());
  return Buffer.concat(pieces).toString('latin1');
}

const largeBody = 'x'
  .repeat(70)
  .concat('\r\n')
  .repeat(2 * (inlineBytesMax / 72));

describe('the head of a message', () => {
  it('is without what was dropped, in memory and in a file; the rest stays to the octet', async () => {
    const field = fc.constantFrom(
      'A: b\r\n',
      'Subject:\r\n x\r\n',
      'B: \xff\xe9\r\n',
      'Message-ID: <1>\r\n',
    );
    const world = fc.record({
      fields: fc.array(fc.record({ field, by: fc.constantFrom('', 'one', 'other', 'both') })),
      body: fc.constantFrom('', 'A: b\r\n', largeBody),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ fields, body }) => {
        const changes: HeadChange[] = ['one', 'other'].map((policy) => {
          let at = 0;
          const ranges = fields.map(({ field: { length }, by }) => {
            at += length;
            return { start: at - length, end: at, dropped: by === policy || by === 'both' };
          });
          return { dropped: ranges.filter(({ dropped }) => dropped) };
        });
        const whole = (all: typeof fields) => `${all.map((one) => one.field).join('')}\r\n${body}`;
        const spool = new MemorySpool();
        const arrival = await arrivalOf(await stored(spool, whole(fields)), spool);
        const kept = await withoutDropped(arrival, changes, spool);
        const rest = fields.filter(({ by }) => by === '');
        assert.equal(await read(spool, kept.content), whole(rest));
        assert.equal(kept.header.end, whole(rest).length - body.length);
        assert.equal(kept.header.hasMessageId, whole(rest).includes('Message-ID'));
        assert.equal(spool.files, body === largeBody ? 1 : 0, 'nothing else is left');
        if (rest.length === fields.length) assert.equal(kept, arrival, 'nothing is copied');
      }),
      { numRuns: 60 },
    );
  });

  it('may be all there is, and end with the message', async () => {
    const spool = new MemorySpool();
    const arrival = await arrivalOf(await stored(spool, 'A: b\r\nC: d\r\n'), spool);
    assert.ok(arrival.header.complete, 'what is in memory is the whole message');
    const kept = await withoutDropped(arrival, [{ dropped: [{ start: 6, end: 12 }] }], spool);
    assert.equal(await read(spool, kept.content), 'A: b\r\n');
  });

  it('its body is not ours to change', async () => {
    const spool = new MemorySpool();
    const arrival = await arrivalOf(await stored(spool, 'A: b\r\n\r\nbody\r\n'), spool);
    for (const range of [
      { start: 8, end: 9 },
      { start: 0, end: 9 },
      { start: -1, end: 6 },
    ])
      await assert.rejects(withoutDropped(arrival, [{ dropped: [range] }], spool), /not ours/);
  });

  it('a disk that is full leaves the content as it was, and nothing else', async () => {
    const spool = new MemorySpool();
    const content = await stored(spool, `A: b\r\n\r\n${largeBody}`);
    const arrival = await arrivalOf(content, spool);
    const drop = [{ dropped: [{ start: 0, end: 6 }] }];
    const create = () => {
      throw new StorageError('disk full');
    };
    const open: MemorySpool['open'] = (one) => {
      if (one !== content) throw new StorageError('unreadable');
      return spool.open(one);
    };
    for (const broken of [{ create }, { open }]) {
      const parts = {
        create: () => spool.create(),
        open: (one: StoredContent) => spool.open(one),
        remove: (key: string) => spool.remove(key),
        ...broken,
      };
      await assert.rejects(withoutDropped(arrival, drop, parts), StorageError);
      assert.equal(spool.files, 1);
      assert.ok((await read(spool, content)).startsWith('A: b\r\n'));
    }
  });

  it('what is put in front last stands first', () => {
    const changes = [{ front: 'A: 1\r\n' }, { dropped: [] }, { front: 'B: 2\r\nC: 3\r\n' }];
    assert.equal(fieldsInFront(changes), 'B: 2\r\nC: 3\r\nA: 1\r\n');
    assert.equal(fieldsInFront([]), '');
  });
});
