// Operations where no server runs: over the stores of a data directory, opened for one command.

import { join } from 'node:path';
import { audited } from '../admin/audited.ts';
import type { Operations } from '../admin/operations.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { addressesOf } from '../compose/in-force.ts';
import { createOperations } from '../compose/operations.ts';
import type { Config } from '../config/config.ts';
import { becomeOwner, becomeUser } from '../net/privileges.ts';
import { AuditLog } from '../policy/administration/audit-log.ts';
import { openHistory, openStores } from '../store/open-stores.ts';
import type { OpenStoresOptions } from '../store/stores.ts';
import { CliError } from './context.ts';

/** Runs `use` with the stores of a data directory that no server has. */
export async function withStores<T>(config: Config, use: (operations: Operations) => Promise<T>) {
  const { dataDirectory: directory, user, store, history: settings } = config;
  // Files that root makes here would be closed to the server.
  if (user === undefined) becomeOwner(directory);
  else becomeUser(user, directory);
  const clock = systemClock();
  const log = silentLog;
  await using stores = await openOwn({ directory, store }, clock);
  const place = { stores, directory: join(directory, 'history'), settings };
  const opened = openHistory({ ...place, clock, log, brief: true });
  await using search = opened.search;
  await using history = opened.history;
  const addresses = addressesOf(config, { accounts: stores.accounts, log });
  const audit = new AuditLog({ records: stores.records, clock, log });
  const own = { stores, history, search, addresses: () => addresses, audit, clock, log };
  const operations = audited(createOperations(own), audit, { who: 'command line', client: '' });
  const result = await use(operations);
  await audit.flush();
  return result;
}

async function openOwn(place: Pick<OpenStoresOptions, 'directory' | 'store'>, clock: Clock) {
  const { directory } = place;
  try {
    return await openStores({ ...place, log: silentLog, clock, brief: true });
  } catch (error) {
    if ((error as { readonly problem?: unknown }).problem !== 'in-use') throw error;
    throw new CliError(
      1,
      `a server on ${directory} is just starting or stopping, or has lost its control.sock and makes a new one: try again in ten seconds`,
    );
  }
}
