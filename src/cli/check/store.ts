// `check`, the mail store: whose content is not there as it was stored.

import { firstLineOf } from '../../base/error-text.ts';
import type { Finding } from '../../compose/published/finding.ts';
import { failure, ok } from '../../compose/published/finding.ts';
import { inspectMove, inspectStore } from '../../store/at-rest.ts';
import type { StoreFault } from '../../store/inspection.ts';
import { counted } from '../table.ts';
import { moveFindings } from './move.ts';

/** Limit: findings of one kind; `verify` has them all. */
const shownMax = 50;

/** Only looks, beside a running server or without one; `verify` reads everything. */
export async function storeFindings(directory: string): Promise<Finding[]> {
  try {
    const found = await inspectStore({ directory, depth: 'names' });
    if (found === undefined) return [];
    const moved = moveFindings('store', inspectMove(directory));
    const { messages, queued } = found.counts;
    if (found.faults.length === 0)
      return [
        ok('', `mail store: ${counted(messages, 'message')}, ${queued} in the queue, all there`),
        ...moved,
      ];
    const lines = found.faults.flatMap(faultLines);
    const more = lines.length > shownMax ? [`and ${lines.length - shownMax} more`] : [];
    return [
      ...moved,
      ...[...lines.slice(0, shownMax), ...more].map((text) => failure('', text)),
      failure(
        '',
        'put these files back from a backup, or give them up: `postrider verify --repair`',
      ),
    ];
  } catch (error) {
    return [failure('', `the mail store could not be looked at: ${firstLineOf(error)}`)];
  }
}

/** Each message by itself: account, folder, UID. */
export function faultLines(fault: StoreFault): readonly string[] {
  if (fault.kind !== 'content') return [fault.text];
  const { mails, queued, text } = fault;
  const advice =
    fault.problem === 'unreadable' ? '; whom the server runs as must be able to read it' : '';
  return [
    ...mails.map(({ account, folder, uid, id }) => `${account} ${folder} UID ${uid} (${id})`),
    ...queued.map((id) => `queue ${id}`),
  ].map((where) => `${where}: ${text}${advice}`);
}
