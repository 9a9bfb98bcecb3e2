import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { testCluster, withoutPostgres } from '../test-cluster.ts';

/** Messages with one recipient for each fence, all of session 7. */
async function open(messages: readonly (readonly number[])[]) {
  const url = await (await testCluster()).database();
  const connect = async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  };
  const client = await connect();
  const leave = (one: pg.Client, given: readonly (readonly number[])[], session = 7) =>
    one.query('SELECT key, stays FROM queue_leave($1, $2, $3, $4) ORDER BY key', [
      ...[0, 1, 2].map((column) => given.map((row) => row[column])),
      session,
    ]);
  for (const [i, fences] of messages.entries()) {
    await client.query(
      `INSERT INTO message (key, id, received, sender, params, origin, prefix, size)
       VALUES ($1::bigint, $1::bigint::text, 0, '', '', '{}', '', 0)`,
      [i + 1],
    );
    await client.query(
      `INSERT INTO recipient (message, idx, address, params, delivery, destination, at, owner, fence, attempts)
       SELECT $1, idx - 1, 'bob@far.test', '', 'relay', 'mx:far.test', 0, 7, fence, 1
       FROM unnest($2::bigint[]) WITH ORDINALITY AS f (fence, idx)`,
      [i + 1, fences],
    );
  }
  return {
    ...{ client, connect, leave },
    left: async () =>
      (
        await client.query(
          'SELECT (SELECT count(*) FROM message) AS m, count(*) AS r FROM recipient',
        )
      ).rows[0],
  };
}

const said = ({ rows }: pg.QueryResult) => rows.map(({ key, stays }) => [Number(key), stays]);

describe('queue_leave', { skip: withoutPostgres() }, () => {
  it('takes the message away with its last recipient, and nothing of another fence or session', async () => {
    const { client, leave, left } = await open([[1], [1, 1], [4], [1]]);
    assert.deepEqual(
      said(
        await leave(client, [
          ...[
            [1, 0, 1],
            [2, 0, 1],
            [3, 0, 3],
          ],
        ]),
      ),
      [
        [1, false],
        [2, true],
      ],
    );
    assert.deepEqual(said(await leave(client, [[4, 0, 1]], 8)), []);
    assert.deepEqual(await left(), { m: '3', r: '3' });
    assert.deepEqual(said(await leave(client, [[2, 1, 1]])), [[2, false]]);
    await client.end();
  });

  it('of two nodes that take the last two at once each says that the message may be there', async () => {
    const { client, connect, leave } = await open([[1, 1]]);
    const other = await connect();
    for (const one of [client, other]) await one.query('BEGIN');
    assert.deepEqual(said(await leave(client, [[1, 0, 1]])), [[1, true]]);
    assert.deepEqual(said(await leave(other, [[1, 1, 1]])), [[1, true]]);
    for (const one of [client, other]) await one.query('COMMIT');
    for (const one of [client, other]) await one.end();
  });

  it('goes by the indexes, although its plan was made while the tables were empty', async () => {
    const { client, leave } = await open([]);
    await leave(client, [[1, 0, 1]]);
    await client.query(
      `INSERT INTO message (key, id, received, sender, params, origin, prefix, size)
       SELECT n, n, 0, '', '', '{}', '', 0 FROM generate_series(1, 2000) n`,
    );
    await leave(client, [[1, 0, 1]]);
    await client.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await client.query(
      `SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('message', 'recipient') ORDER BY 1`,
    );
    assert.deepEqual(
      rows.map(({ relname, seq_scan }) => [relname, Number(seq_scan)]),
      [
        ['message', 0],
        ['recipient', 0],
      ],
    );
    await client.end();
  });
});
