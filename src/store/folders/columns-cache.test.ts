import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import type { MailColumns } from '../folder-store.ts';
import { ColumnsCache, copyColumns, mergeColumns } from './columns-cache.ts';
import { mailColumns } from './mail-columns.ts';

interface Mail {
  readonly uid: number;
  readonly modseq: number;
  readonly words: string;
}

const columnsOf = (mails: readonly Mail[]): MailColumns => {
  const json = (value: (mail: Mail) => number | string) => JSON.stringify(mails.map(value));
  const [uid, modseq, words] = [json((m) => m.uid), json((m) => m.modseq), json((m) => m.words)];
  return mailColumns([uid, uid, modseq, json((m) => m.modseq % 32), uid, modseq, uid, words]);
};

/** Keywords as text: lists of them may stand in another order. */
const plain = ({ keywordSets, keywords, ...columns }: MailColumns) => ({
  ...columns,
  words: Array.from(keywords, (set) => keywordSets[set]),
});

describe('merging what changed', () => {
  it('gives what reading everything anew would', () => {
    const fate = fc.record({
      kind: fc.constantFrom('same', 'same', 'same', 'same', 'changed', 'gone'),
      words: fc.constantFrom('', 'todo', 'todo later', 'new'),
    });
    fc.assert(
      fc.property(fc.array(fate, { minLength: 1, maxLength: 60 }), fc.nat(5), (fates, more) => {
        const old = fates.map((_, i) => ({
          uid: 2 * i + 1,
          modseq: 1,
          words: i % 3 ? '' : 'todo',
        }));
        const changed = [
          ...old.flatMap((mail, i) =>
            fates[i]!.kind === 'changed' ? [{ ...mail, modseq: 2, words: fates[i]!.words }] : [],
          ),
          ...Array.from({ length: more }, (_, i) => ({ uid: 1000 + i, modseq: 3, words: 'new' })),
        ];
        const isGone = (_: Mail, i: number) => fates[i]!.kind === 'gone';
        const gone = old.filter(isGone).map(({ uid }) => uid);
        const merged = mergeColumns(columnsOf(old), columnsOf(changed), Uint32Array.from(gone));
        if (merged === undefined) {
          assert.ok(changed.length * 4 > old.length);
          return;
        }
        const now = [
          ...old.flatMap((mail, i) => {
            if (isGone(mail, i)) return [];
            return [changed.find(({ uid }) => uid === mail.uid) ?? mail];
          }),
          ...changed.filter(({ uid }) => uid >= 1000),
        ];
        assert.deepEqual(plain(merged), plain(columnsOf(now)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('folders in memory', () => {
  it('the one used longest ago goes when there are too many octets', () => {
    const cache = new ColumnsCache();
    const large = { ...columnsOf([]), length: 600_000 };
    for (const folder of [1, 2]) cache.set(folder, { modseq: 1, columns: large });
    cache.get(1);
    cache.set(3, { modseq: 1, columns: large });
    assert.deepEqual(
      [1, 2, 3].map((folder) => cache.get(folder)?.modseq),
      [1, undefined, 1],
    );
  });

  it('a copy shares nothing that is handed over', () => {
    const columns = columnsOf([{ uid: 1, modseq: 1, words: 'a' }]);
    const copy = copyColumns(columns);
    structuredClone(copy, { transfer: [copy.uid.buffer as ArrayBuffer] });
    assert.equal(columns.uid[0], 1);
  });
});
