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
    const entry = { ...by, what: name, input };
    if (answer instanceof Promise) noteEnd(audit, entry, answer);
    else audit.note({ ...entry, outcome: 'begun' });
    return answer;
  });
}

/** Notes what came of it, once that is known. */
export function noteEnd(
  audit: Pick<AuditLog, 'note'>,
  entry: Caller & { readonly what: string; readonly input: unknown },
  answer: Promise<unknown>,
): void {
  answer.then(
    () => audit.note({ ...entry, outcome: 'done' }),
    (error: unknown) => audit.note({ ...entry, outcome: messageOf(error) }),
  );
}
