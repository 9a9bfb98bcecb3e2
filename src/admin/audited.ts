// The operations as somebody calls them: what changes something is noted, with what came of it.

import { messageOf } from '../base/error-text.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import type { Operations } from './operations.ts';
import { eachOperation } from './operations.ts';

/** Who calls, for the record. */
export interface Caller {
  /** `administrator ann`, `command line` */
  readonly who: string;
  /** Its address, '' on this machine. */
  readonly client: string;
}

export function audited(
  operations: Operations,
  audit: Pick<AuditLog, 'note'>,
  by: Caller,
): Operations {
  return eachOperation((name, one) => (input = {}) => {
    const answer = (operations[name] as (input: unknown) => unknown)(input);
    if (!one.changes) return answer;
    const note = (outcome: string) => audit.note({ ...by, what: name, input, outcome });
    if (answer instanceof Promise)
      answer.then(
        () => note('done'),
        (error: unknown) => note(messageOf(error)),
      );
    else note('begun');
    return answer;
  });
}
