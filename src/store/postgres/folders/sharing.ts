// What is read of accounts beside their folders: who there is, subscriptions, rights, annotations.

import { blob, text } from '../../row.ts';
import type { Queries } from '../database.ts';

export async function ownersOf(queries: Queries): Promise<readonly string[]> {
  const rows = await queries.rows('SELECT address FROM mailbox ORDER BY address');
  return rows.map(({ address }) => text(address));
}

export async function subscriptionsOf(
  queries: Queries,
  account: string,
): Promise<readonly string[]> {
  const rows = await queries.rows(
    `SELECT path FROM subscription JOIN mailbox ON mailbox.id = subscription.mailbox
     WHERE mailbox.address = $1 ORDER BY path`,
    [account],
  );
  return rows.map(({ path }) => text(path));
}

export async function aclOf(
  queries: Queries,
  folder: number,
): Promise<ReadonlyMap<string, string>> {
  const rows = await queries.rows(
    'SELECT identifier, rights FROM acl WHERE folder = $1 ORDER BY identifier',
    [folder],
  );
  return new Map(rows.map(({ identifier, rights }) => [text(identifier), text(rights)]));
}

/** `folder` undefined: of the account itself. */
export async function annotationsOf(
  queries: Queries,
  account: string,
  folder: number | undefined,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await queries.rows(
    `SELECT entry, value FROM annotation JOIN mailbox ON mailbox.id = annotation.mailbox
     WHERE mailbox.address = $1 AND annotation.folder = $2 ORDER BY entry`,
    [account, folder ?? 0],
  );
  return new Map(rows.map(({ entry, value }) => [text(entry), new Uint8Array(blob(value))]));
}
