// What an operator sees and does beyond the stores: destinations, sessions, statistics, mail that is handed in,
// webhooks.

import type { RunningParts } from '../admin/operation-parts.ts';
import { OperationError } from '../admin/operations.ts';

export type Console = Omit<RunningParts, 'reload' | 'metrics' | 'abuse'>;

const later = (): never => {
  throw new OperationError('this is not to be had yet');
};

export function createConsole(): Console {
  return {
    destinations: { list: later, hold: later, release: later, forget: later, retry: later },
    sessions: { list: later, end: later },
    statistics: later,
    submit: later,
    webhooks: { list: later, test: later },
  };
}
