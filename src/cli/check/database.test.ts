import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MoveFound } from '../../store/database-facts.ts';
import { ask, testCluster, withoutPostgres } from '../../store/postgres/test-cluster.ts';
import { databaseFindings, findingsOf } from './database.ts';

const fine = {
  ...{ version: '15.18', isKnown: true, isFlushed: true, isStandby: false },
  ...{ standbys: 0, waitsForStandby: false, isLimited: true, seesAll: true },
};

describe('check of a database', () => {
  it('says what a 250 is worth', () => {
    const states = (changes: Partial<typeof fine>) =>
      findingsOf({ ...fine, ...changes }).map(({ state }) => state);
    assert.deepEqual(states({}), ['ok']);
    assert.deepEqual(states({ isKnown: false }), ['failure']);
    assert.deepEqual(states({ isStandby: true }), ['failure']);
    assert.deepEqual(states({ isFlushed: false }), ['ok', 'failure']);
    assert.deepEqual(states({ isLimited: false }), ['ok', 'warning']);
    assert.deepEqual(states({ seesAll: false }), ['ok', 'warning']);
    assert.deepEqual(states({ standbys: 1 }), ['ok', 'warning']);
    assert.deepEqual(states({ standbys: 1, waitsForStandby: true }), ['ok']);
    assert.deepEqual(states({ waitsForStandby: true }), ['ok', 'warning']);
    // Whether one is there cannot be seen.
    assert.deepEqual(states({ waitsForStandby: true, seesAll: false }), ['ok', 'warning']);
  });

  it('says what a move has left, and what to do', () => {
    const found = (move: MoveFound) => {
      const [, one, ...others] = findingsOf({ ...fine, move });
      assert.deepEqual(others, []);
      return [one?.state, one?.text];
    };
    const [unfinished, notes] = found({ kind: 'from', notes: 7 });
    assert.equal(unfinished, 'warning');
    assert.match(notes ?? '', /not finished.*\(7\).*store migrate` again.*--abandon/);
    assert.match(found({ kind: 'to' }).join(), /^failure,.*no server starts.*--abandon/);
    assert.match(found({ kind: 'left', to: '/var/x' }).join(), /^failure,.*was moved to \/var\/x/);
  });

  it('finds out that what others do there cannot be seen', {
    skip: withoutPostgres(),
  }, async () => {
    const url = await (await testCluster()).database();
    await ask(url, 'DROP ROLE IF EXISTS unseeing; CREATE ROLE unseeing LOGIN');
    const asOther = { url: url.replace(/\/\/[^@]*@/, '//unseeing@'), notify: true };
    const saysSo = async () =>
      (await databaseFindings(asOther)).some(({ text }) =>
        text.includes('GRANT pg_read_all_stats'),
      );
    assert.equal(await saysSo(), true);
    await ask(url, 'GRANT pg_read_all_stats TO unseeing');
    assert.equal(await saysSo(), false);
  });

  it('finds out that fsync is off, and that nobody answers', {
    skip: withoutPostgres(),
  }, async () => {
    const { url } = await testCluster();
    const found = await databaseFindings({ url, notify: true });
    assert.deepEqual(
      found.map(({ state }) => state),
      ['ok', 'failure'],
    );
    assert.match(found[0]?.text ?? '', /^PostgreSQL \d+\.\d+$/);
    const [away] = await databaseFindings({
      ...{ url: 'postgres://nobody@127.0.0.1:9/none', notify: true },
    });
    assert.deepEqual([away?.state, away?.path], ['failure', 'store.url']);
    assert.match(away?.text ?? '', /ECONNREFUSED/);
  });
});
