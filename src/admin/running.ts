// What only a server that runs can do.

import { OperationError } from './operation.ts';
import type { OperationParts, RunningParts } from './operation-parts.ts';

/** @throws OperationError where none runs. */
export function running({ server }: Pick<OperationParts, 'server'>): RunningParts {
  if (server === undefined) throw new OperationError('no server runs here');
  return server;
}
