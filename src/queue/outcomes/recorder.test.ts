import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { Settlement } from '../../store/queue-store.ts';
import { Recorder } from './recorder.ts';

const settlement = (message: string): Settlement => ({
  ...{ message, outcomes: [], effects: [] },
});

function world() {
  const clock = new FakeClock();
  const tried: string[] = [];
  const done: string[] = [];
  const store = { answer: async (): Promise<boolean> => true };
  let probes = 0;
  const recorder: Recorder = new Recorder({
    ...{ clock, log: silentLog },
    store: {
      settle: ({ message }) => {
        tried.push(message);
        return store.answer();
      },
    },
    onDone: ({ message }) => void done.push(message),
    onProbe: () => {
      probes += 1;
    },
  });
  return { clock, tried, done, store, recorder, probes: () => probes };
}
const full = async () => {
  throw new StorageError('disk full');
};

describe('Recorder', () => {
  it('keeps outcomes while the disk is full, tries one alone, then records all', async () => {
    const { clock, tried, done, store, recorder } = world();
    store.answer = full;
    for (const id of ['a', 'b', 'c']) recorder.record(settlement(id), undefined);
    await clock.advance(0);
    await clock.advance(10_000);
    assert.deepEqual([recorder.failing, recorder.pending, done.length], [true, 3, 0]);
    assert.deepEqual(tried.slice(0, 3), ['a', 'b', 'c']);
    assert.equal(tried.length, 6, 'one try after 1, 3 and 7 seconds');
    store.answer = async () => true;
    await clock.advance(10_000);
    assert.deepEqual([recorder.failing, recorder.pending], [false, 0]);
    assert.deepEqual([...done].sort(), ['a', 'b', 'c']);
  });

  it('asks again and again when nothing waits, until it is told that the store works', async () => {
    const { clock, recorder, probes } = world();
    recorder.failed(new StorageError('disk full'));
    await clock.advance(10_000);
    assert.equal(probes(), 3);
    recorder.worked();
    await clock.advance(100_000);
    assert.equal(probes(), 3);
  });

  it('waits twice as long each time, half a minute at most', async () => {
    const { clock, recorder, probes } = world();
    recorder.failed(new StorageError('disk full'));
    const after: number[] = [];
    for (let seconds = 1; seconds <= 121; seconds += 1) {
      const before = probes();
      await clock.advance(1000);
      if (probes() > before) after.push(seconds);
    }
    assert.deepEqual(after, [1, 3, 7, 15, 31, 61, 91, 121]);
  });

  it('looks at once when somebody has heard the store, one at a time, and then as if it had just failed', async () => {
    const { clock, tried, store, recorder, probes } = world();
    recorder.failed(new StorageError('away'));
    await clock.advance(40_000);
    const before = probes();
    recorder.hurry();
    assert.equal(probes(), before + 1);
    await clock.advance(2000);
    assert.equal(probes(), before + 2);
    store.answer = full;
    for (const id of ['a', 'b']) recorder.record(settlement(id), undefined);
    await clock.advance(100);
    let fail = () => {};
    store.answer = () =>
      new Promise((_, reject) => (fail = () => reject(new StorageError('away'))));
    const asked = tried.length;
    recorder.hurry();
    recorder.hurry();
    assert.deepEqual(tried.slice(asked), ['a'], 'one is under way');
    store.answer = async () => true;
    fail();
    await clock.advance(0);
    await clock.advance(2000);
    assert.equal(recorder.failing, false);
    recorder.hurry();
  });

  it('recovers from a second failure right after the first', async () => {
    const { clock, recorder, probes } = world();
    recorder.failed(new StorageError('disk full'));
    recorder.worked();
    recorder.failed(new StorageError('disk full'));
    await clock.advance(1000);
    assert.equal(probes(), 1);
  });

  it('gives up on an outcome that is refused for another reason than the disk', async () => {
    const { clock, tried, done, store, recorder } = world();
    store.answer = async () => {
      throw new TypeError('a bug');
    };
    recorder.record(settlement('a'), undefined);
    await clock.advance(0);
    await clock.advance(120_000);
    assert.deepEqual([tried.length, done, recorder.pending], [5, ['a'], 0]);
  });

  it('takes a lost lease for the end of it', async () => {
    const { clock, done, store, recorder } = world();
    store.answer = async () => false;
    recorder.record(settlement('a'), undefined);
    await clock.advance(0);
    assert.deepEqual([done, recorder.pending], [['a'], 0]);
  });
});
