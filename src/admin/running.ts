// What only a server that runs can do.

import { OperationError } from './operation.ts';
import type { OperationParts, RunningParts } from './operation-parts.ts';

const noServer =
  'no server runs on this data directory; start it with `postrider serve`, or `postrider dev`';

/** @throws OperationError where none runs. */
export function running({ server }: Pick<OperationParts, 'server'>): RunningParts {
  if (server === undefined) throw new OperationError(noServer);
  return server;
}
