// The operator's requests find their way: to the server that runs on the data directory, or, when
// none does, to the stores themselves, opened here for as long as the command takes.

import type { Operations } from '../admin/operations.ts';
import { assert } from '../base/assert.ts';
import type { Context } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { reach } from './settings.ts';

/** Runs `use` with whatever answers for the data directory. */
export async function withOperations<T>(
  context: Context,
  options: CommonOptions,
  use: (operations: Operations) => Promise<T>,
): Promise<T> {
  await using reached = await reach(options, context);
  const { server, config } = reached;
  if (server !== undefined) return await use(server);
  assert(config !== undefined, 'without a configuration there is a server');
  // Most commands find a server, and need none of what a store is made of.
  const { withStores } = await import('./offline.ts');
  return await withStores(config, use);
}
