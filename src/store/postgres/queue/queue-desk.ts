// What an operator does to the queue: tries again, holds, sends another way. Recipients that somebody attempts are
// left alone until he is done.

import { messageKey } from '../../message-key.ts';
import type { QueueStore, Way } from '../../queue-store.ts';
import type { Row } from '../../row.ts';
import { integer, text } from '../../row.ts';
import type { Database, Value } from '../database.ts';
import type { Ready } from './ready.ts';
import { dueRow, wayOf } from './recipient-row.ts';

// Limits: what one statement of a bulk change touches.
const messagesPerPage = 1000;
const routesPerPage = 2000;

export class QueueDesk {
  readonly #database: Database;
  readonly #ready: Ready;

  constructor(database: Database, ready: Ready) {
    this.#database = database;
    this.#ready = ready;
  }

  async retry(ids: readonly string[] | undefined, now: number): Promise<number> {
    if (ids !== undefined) return this.#due(retry('message = ANY($2::bigint[])'), [now, keys(ids)]);
    let recipients = 0;
    for (let after: number | undefined = -1; after !== undefined; ) {
      const [last]: readonly Row[] = await this.#database.rows(
        'SELECT key FROM message WHERE key > $1 ORDER BY key LIMIT 1 OFFSET $2',
        [after, messagesPerPage],
      );
      const until: number | undefined = last && integer(last.key);
      recipients += await this.#due(retry('message > $2 AND message <= $3'), [
        ...[now, after, until ?? Number.MAX_SAFE_INTEGER],
      ]);
      after = until;
    }
    return recipients;
  }

  async hold(ids: readonly string[]): Promise<number> {
    const held = await this.#database.run(
      'UPDATE recipient SET held = true WHERE message = ANY($1::bigint[]) AND NOT held',
      [keys(ids)],
    );
    if (held > 0) this.#ready.forget();
    return held;
  }

  unhold(ids: readonly string[], now: number): Promise<number> {
    return this.#due(
      `UPDATE recipient SET held = false,
         at = CASE WHEN owner IS NULL THEN greatest($1::bigint, coalesce(release, 0)) ELSE at END
       WHERE message = ANY($2::bigint[]) AND held
       RETURNING destination, priority, at, owner IS NOT NULL AS held`,
      [now, keys(ids)],
    );
  }

  async rerouteSome(
    ids: readonly string[],
    wayOfAddress: (address: string) => Way,
  ): Promise<number> {
    const rows = await this.#database.rows(
      'SELECT * FROM recipient WHERE message = ANY($1::bigint[]) AND owner IS NULL',
      [keys(ids)],
    );
    return this.#reroute(rows, ({ address }) => wayOfAddress(text(address)), 'r.owner IS NULL');
  }

  async reroute(wayOfAddress: Parameters<QueueStore['reroute']>[0]): Promise<number> {
    let changed = 0;
    for (let after: readonly [number, number] = [-1, -1]; ; ) {
      const rows = await this.#database.rows(
        `SELECT message, idx, address, delivery, destination FROM recipient
         WHERE (message, idx) > ($1, $2) ORDER BY message, idx LIMIT $3`,
        [...after, routesPerPage],
      );
      const last = rows.at(-1);
      if (last === undefined) return changed;
      after = [integer(last.message), integer(last.idx)];
      const moved = rows.filter((row) => {
        const { delivery, destination } = wayOfAddress(text(row.address), text(row.destination));
        return destination !== row.destination || delivery !== wayOf(row).delivery;
      });
      changed += await this.#reroute(moved, ({ address, destination }) =>
        wayOfAddress(text(address), text(destination)),
      );
    }
  }

  /** `only`: of which that must still be so, since another node may claim them meanwhile. */
  async #reroute(
    rows: readonly Row[],
    wayOfRow: (row: Row) => Way,
    only = 'true',
  ): Promise<number> {
    if (rows.length === 0) return 0;
    const ways = rows.map(wayOfRow);
    const changed = await this.#database.run(
      `UPDATE recipient r SET delivery = given.delivery, destination = given.destination
       FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[])
         AS given (message, idx, delivery, destination)
       WHERE r.message = given.message AND r.idx = given.idx AND ${only}`,
      [
        ...[rows.map(({ message }) => integer(message)), rows.map(({ idx }) => integer(idx))],
        ...[ways.map(({ delivery }) => delivery), ways.map(({ destination }) => destination)],
      ],
    );
    if (changed > 0) this.#ready.changed();
    return changed;
  }

  /** Returns how many; those that anybody may claim now are known to be due. */
  async #due(sql: string, values: readonly Value[]): Promise<number> {
    const rows = await this.#database.rows(sql, values);
    this.#ready.add(rows.flatMap(dueRow));
    return rows.length;
  }
}

const retry = (which: string): string => `
  UPDATE recipient SET at = greatest($1::bigint, coalesce(release, 0))
  WHERE ${which} AND owner IS NULL AND NOT held AND at > greatest($1::bigint, coalesce(release, 0))
  RETURNING destination, priority, at, held`;

const keys = (ids: readonly string[]): readonly number[] => [...new Set(ids.map(messageKey))];
