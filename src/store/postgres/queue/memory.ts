// What accounts remember, for a time and within bounds: whom they answered, which messages they have seen. Written
// with settlements only, so that it is true of what was settled.

import type { RememberEffect } from '../../queue-store.ts';
import { rememberedMax } from '../../queue-store.ts';
import { rememberedKey } from '../../queue-texts.ts';
import type { Queries } from '../database.ts';

export async function remembers(
  queries: Queries,
  account: string,
  key: string,
  now: number,
): Promise<boolean> {
  const rows = await queries.rows(
    'SELECT 1 FROM remembered WHERE account = $1 AND key = $2 AND until > $3',
    [account, octets(key), now],
  );
  return rows.length > 0;
}

export async function remember(
  queries: Queries,
  effects: readonly RememberEffect[],
  now: number,
): Promise<void> {
  const accounts = new Map<string, Map<string, RememberEffect>>();
  for (const effect of effects) {
    const keys = accounts.get(effect.account) ?? new Map<string, RememberEffect>();
    accounts.set(effect.account, keys.set(effect.key, effect));
  }
  for (const [account, keys] of [...accounts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const list = [...keys.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    await queries.run('DELETE FROM remembered WHERE account = $1 AND until <= $2', [account, now]);
    await queries.run(
      `INSERT INTO remembered (account, key, until)
       SELECT $1, * FROM unnest($2::bytea[], $3::bigint[])
       ON CONFLICT (account, key) DO UPDATE SET until = excluded.until`,
      [account, list.map(({ key }) => octets(key)), list.map(({ until }) => Math.floor(until))],
    );
    await queries.run(
      `DELETE FROM remembered WHERE account = $1 AND key IN (
         SELECT key FROM remembered WHERE account = $1 ORDER BY until DESC OFFSET $2)`,
      [account, rememberedMax],
    );
  }
}

/** Whoever has the address next remembers nothing. */
export async function forgetRemembered(queries: Queries, account: string): Promise<void> {
  await queries.run('DELETE FROM remembered WHERE account = $1', [account]);
}

const octets = (key: string): Buffer => Buffer.from(rememberedKey(key));
