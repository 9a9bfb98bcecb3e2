// The door to stores as a move sees them, without being opened as a server opens them.

import type { Clock } from '../base/clock.ts';
import type { MoveSource, MoveTarget } from './moving/places.ts';
import { openSqliteMoveSource } from './sqlite/moving/move-source.ts';
import { openSqliteMoveTarget } from './sqlite/moving/move-target.ts';
import type { StoreSettings } from './stores.ts';

export interface MovingStore {
  readonly store: StoreSettings;
  /** The data directory. */
  readonly directory: string;
  readonly clock: Clock;
}

/** @throws MoveError, StoreOpenError, StorageError */
export async function openMoveSource({
  store,
  directory,
  clock,
}: MovingStore): Promise<MoveSource> {
  if (store.kind === 'sqlite') return openSqliteMoveSource({ directory, clock });
  const { openPostgresMoveSource } = await import('./postgres/moving/move-source.ts');
  return openPostgresMoveSource(postgresOptions(store, clock));
}

/** With `replace` a store that everything was moved from makes room. @throws MoveError, StoreOpenError, StorageError */
export async function openMoveTarget({
  store,
  directory,
  clock,
  replace,
}: MovingStore & { readonly replace: boolean }): Promise<MoveTarget> {
  if (store.kind === 'sqlite') return openSqliteMoveTarget({ directory, clock, replace });
  const { openPostgresMoveTarget } = await import('./postgres/moving/move-target.ts');
  return openPostgresMoveTarget({ ...postgresOptions(store, clock), replace });
}

type PostgresSettings = Extract<StoreSettings, { readonly kind: 'postgres' }>;

const postgresOptions = (
  { url, notify, content, nodeTimeout }: PostgresSettings,
  clock: Clock,
) => ({
  ...{ url, notify, objects: content?.s3, clock, nodeTimeoutMs: nodeTimeout },
});
