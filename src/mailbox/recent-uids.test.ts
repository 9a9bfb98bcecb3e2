import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { RecentUids } from './recent-uids.ts';

it('RFC 3501 §2.3.2: ranges are what a plain set of UIDs would be', () => {
  const steps = fc.array(fc.tuple(fc.nat(3), fc.nat(4)), { maxLength: 20 });
  fc.assert(
    fc.property(steps, fc.uniqueArray(fc.integer({ min: 1, max: 80 })), (gaps, found) => {
      const recent = new RecentUids();
      const plain = new Set<number>();
      let at = 1;
      for (const [gap, length] of gaps) {
        recent.add(at + gap, at + gap + length);
        for (let uid = at + gap; uid < at + gap + length; uid += 1) plain.add(uid);
        at += gap + length;
      }
      const uids = Uint32Array.from(found).sort();
      assert.deepEqual(
        [...uids].filter((uid) => recent.has(uid)),
        [...uids].filter((uid) => plain.has(uid)),
      );
      assert.equal(recent.countIn(uids), [...uids].filter((uid) => plain.has(uid)).length);
      assert.equal(recent.isEmpty, plain.size === 0);
    }),
  );
});

it('what is added again is there once: EXAMINE takes nothing, and sees it again', () => {
  const recent = new RecentUids();
  recent.add(3, 5);
  recent.add(3, 8);
  assert.equal(recent.countIn(Uint32Array.of(2, 3, 4, 7, 8)), 3);
});
