import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Connection } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';

class TestConnection {
  usable = true;
  transactions = 1;
  state: 'open' | 'quit' | 'destroyed' = 'open';
  /** It says goodbye, too. */
  answers = true;
  closed = () => {};

  rest(closed: () => void): void {
    this.closed = closed;
  }

  async quit(): Promise<void> {
    this.state = 'quit';
    if (!this.answers) await new Promise(() => {});
  }

  destroy(): void {
    this.state = 'destroyed';
  }
}

function opened() {
  const clock = new FakeClock();
  const limits = { idleTimeout: 5000, idleMax: 3, messagesPerConnection: 2 };
  const pool = new ConnectionPool(clock, limits);
  const add = (key: string, given: Partial<TestConnection> = {}) => {
    const connection = Object.assign(new TestConnection(), given);
    pool.add(key, connection as unknown as Connection);
    return connection;
  };
  const release = (...all: TestConnection[]) => {
    for (const one of all) pool.release(one as unknown as Connection);
  };
  const take = (key: string) => pool.take(key) as unknown as TestConnection | undefined;
  return { clock, pool, add, release, take };
}

describe('the pool of connections', () => {
  it('counts those at work, and gives the one that was used last', () => {
    const { pool, add, release, take } = opened();
    const [one, two] = [add('a'), add('a')];
    assert.deepEqual([pool.activeCount('a'), pool.activeCount('b')], [2, 0]);
    release(one);
    release(one);
    assert.equal(pool.activeCount('a'), 1, 'it is done once');
    release(two);
    assert.equal(pool.activeCount('a'), 0);
    assert.equal(take('b'), undefined);
    assert.equal(take('a'), two);
    assert.equal(pool.activeCount('a'), 1);
    assert.equal(take('a'), one);
    assert.deepEqual([pool.activeCount('a'), take('a')], [2, undefined]);
  });

  it('sees off what carried enough, or can carry nothing more, and knows nothing of it then', () => {
    const { clock, pool, add, release, take } = opened();
    const all = [add('a', { transactions: 2 }), add('a', { usable: false })];
    release(...all);
    release(...all);
    assert.deepEqual(
      all.map(({ state }) => state),
      ['quit', 'quit'],
    );
    assert.deepEqual([take('a'), pool.activeCount('a')], [undefined, 0]);
    const other = add('a');
    release(...all);
    assert.equal(pool.activeCount('a'), 1, 'they are gone');
    release(other);
    assert.equal(take('a'), other);
    assert.ok(clock.nextTimer() !== undefined);
  });

  it('keeps so many, of all places together: the one idle for longest goes', async () => {
    const { clock, add, release, take } = opened();
    const [a, b, c, d] = [add('a'), add('b'), add('b'), add('c')];
    for (const one of [b, a, c]) {
      release(one);
      await clock.advance(1);
    }
    take('a');
    release(a);
    await clock.advance(1);
    assert.equal(b.state, 'open', 'three are not too many');
    release(d);
    assert.deepEqual([a.state, b.state, c.state, d.state], ['open', 'quit', 'open', 'open']);
    assert.equal(take('b'), c);
    assert.equal(take('b'), undefined);
  });

  it('keeps one between one and two times as long as it may lie idle', async () => {
    const { clock, add, release, take } = opened();
    for (let round = 0; round < 2; round += 1) {
      const [a, b] = [add('a'), add('b')];
      release(a);
      await clock.advance(1);
      release(b);
      await clock.advance(4998);
      assert.equal(a.state, 'open');
      await clock.advance(1);
      assert.deepEqual([a.state, b.state], ['quit', 'open']);
      assert.equal(take('a'), undefined);
      await clock.advance(5000);
      assert.equal(b.state, 'quit');
      assert.equal(clock.nextTimer(), undefined, 'nothing is idle');
    }
  });

  it('notices what was closed meanwhile', async () => {
    const { clock, add, release, take } = opened();
    const [a, b] = [add('a'), add('a')];
    release(a, b);
    b.closed();
    assert.deepEqual([a.state, b.state], ['open', 'destroyed']);
    assert.equal(take('a'), a);
    a.closed();
    assert.equal(a.state, 'open', 'whoever uses it notices himself');
    await clock.advance(10_000);
    assert.equal(clock.nextTimer(), undefined);
  });

  it('waits for no goodbye longer than a moment', async () => {
    const { clock, add, release } = opened();
    const mute = add('a', { transactions: 2, answers: false });
    const polite = add('a', { transactions: 2 });
    release(mute, polite);
    await clock.advance(4999);
    assert.equal(mute.state, 'quit');
    await clock.advance(1);
    assert.deepEqual([mute.state, polite.state], ['destroyed', 'quit']);
  });

  it('closed, sees off the idle at once, and those at work when they are done', async () => {
    const { clock, pool, add, release, take } = opened();
    const [idle, busy] = [add('a'), add('a')];
    release(idle);
    await pool.close();
    assert.deepEqual([idle.state, busy.state, clock.nextTimer()], ['quit', 'open', undefined]);
    assert.equal(take('a'), undefined);
    release(busy);
    assert.deepEqual([busy.state, pool.activeCount('a')], ['quit', 0]);
  });
});
