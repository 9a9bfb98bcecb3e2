// `check`, a move to another store that was begun or done (`postrider store migrate`): what is unfinished, and what to do.

import type { Finding } from '../../compose/published/finding.ts';
import { failure, warning } from '../../compose/published/finding.ts';
import type { MoveFound } from '../../store/database-facts.ts';

export function moveFindings(path: string, move: MoveFound | undefined): readonly Finding[] {
  switch (move?.kind) {
    case undefined:
      return [];
    case 'from':
      return [
        warning(
          path,
          `a move of this store to another one is not finished, and notes of what changes grow until then (${move.notes}): ` +
            'call `postrider store migrate` again, or give it up with --abandon',
        ),
      ];
    case 'to':
      return [
        failure(
          path,
          'a move to this store is not finished, and no server starts on it: call `postrider store migrate` again, or give it up with --abandon',
        ),
      ];
    case 'left':
      return [
        failure(
          path,
          `everything here was moved to ${move.to}, and no server starts on it: put that store into the configuration`,
        ),
      ];
  }
}
