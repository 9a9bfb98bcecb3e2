import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DailyCounts, dayOf } from './daily-counts.ts';

const at = Date.UTC(2026, 0, 1, 12);
const begin = dayOf(at);
const limits = { rowsMax: 5, rowsPerDomain: 3, charactersMax: 100 };
const rowsOf = (counts: DailyCounts, domain = 'a.example') =>
  counts.day({ begin, domain })?.rows.map(({ row, count }) => `${row} ${count}`);

describe('what is counted for a day', () => {
  it('the same row again is counted, and what changed since is told once', () => {
    const counts = new DailyCounts(limits);
    counts.note(at, 'a.example', 'x', 'record');
    counts.note(at, 'a.example', 'x', 'record');
    assert.deepEqual(rowsOf(counts), ['x 2']);
    assert.equal(counts.changes().length, 2);
    assert.equal(counts.changes().length, 0);
    counts.note(at, 'a.example', 'x', 'another record');
    const changes = counts.changes();
    assert.deepEqual(
      changes.map(({ value }) => JSON.parse(value)),
      [{ about: 'another record' }, { row: 'x', count: 3 }],
    );
    counts.notKept(changes);
    assert.deepEqual(counts.changes(), changes);
  });

  it('comes back as it was kept, whatever else is there', () => {
    const counts = new DailyCounts(limits);
    counts.note(at, 'a.example', 'x', 'record');
    counts.note(at, 'b.example', 'y');
    const again = new DailyCounts(limits);
    for (const record of counts.changes()) again.restore(record);
    for (const value of ['', '{', '[]', 'null', '{"row":5}', '{"count":5}'])
      again.restore({ key: `${begin} c.example`, value });
    again.restore({ key: 'nonsense', value: '{"row":"x","count":1}' });
    assert.deepEqual(again.days, counts.days);
    assert.equal(again.day({ begin, domain: 'a.example' })!.about, 'record');
    again.note(at, 'a.example', 'x', 'record');
    assert.deepEqual(rowsOf(again), ['x 2']);
  });

  it('days of UTC are apart', () => {
    const counts = new DailyCounts(limits);
    counts.note(Date.UTC(2026, 0, 1, 23, 59, 59, 999), 'a.example', 'x');
    counts.note(Date.UTC(2026, 0, 2), 'a.example', 'x');
    assert.equal(counts.days.length, 2);
    assert.equal(counts.day({ begin, domain: 'a.example' })!.end, begin + 86_399);
  });

  it('days that are over are forgotten once they are kept', () => {
    const counts = new DailyCounts(limits);
    counts.note(at, 'a.example', 'x');
    counts.forgetBefore(begin + 86_400);
    assert.equal(counts.days.length, 1, 'not before');
    const kept = counts.changes();
    counts.forgetBefore(begin);
    assert.equal(counts.days.length, 1, 'it is not over');
    counts.notKept(kept.slice(0, 1));
    counts.forgetBefore(begin + 86_400);
    assert.equal(counts.days.length, 1, 'one was not kept');
    counts.changes();
    counts.forgetBefore(begin + 86_400);
    assert.equal(counts.days.length, 0);
  });

  it('of several nodes each knows its own, and all are added up', () => {
    const sum = new DailyCounts(limits);
    const nodes = [0, 1, 11].map((node) => Object.assign(new DailyCounts(limits), { node }));
    for (const counts of nodes) {
      counts.note(at, 'a.example', 'x', 'record');
      const kept = counts.changes();
      for (const { key } of kept)
        assert.deepEqual(
          nodes.map((one) => one.isOwn(key)),
          nodes.map((one) => one === counts),
        );
      counts.notKept(kept);
      assert.deepEqual(counts.changes(), kept);
      for (const record of kept) sum.restore(record);
    }
    assert.deepEqual(rowsOf(sum), ['x 3']);
  });

  it('is bounded in rows, for a domain and in all, and in characters; and makes room again', () => {
    const counts = new DailyCounts(limits);
    const note = (domain: string, row: string) => counts.note(at, domain, row);
    assert.deepEqual(
      ['1', '2', '3', '4', '1'].map((row) => note('a.example', row)),
      [true, true, true, false, true],
    );
    assert.deepEqual(
      ['1', '2', '3'].map((row) => note('b.example', row)),
      [true, true, false],
    );
    counts.changes();
    counts.forgetBefore(begin + 86_400);
    assert.equal(note('c.example', 'x'.repeat(101)), false);
    assert.equal(note('c.example', 'x'.repeat(100)), true);
    assert.equal(note('c.example', 'y'), false);
  });
});
