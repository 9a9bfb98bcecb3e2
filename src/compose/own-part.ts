// What owners of accounts see and change in a browser, over the parts that operations have; on record like those.

import { noteEnd } from '../admin/audited.ts';
import type { OperationParts } from '../admin/operation-parts.ts';
import { OperationError } from '../admin/operations.ts';
import { onlyFor } from '../admin/own/own-operation.ts';
import { askOwn, ownOperations } from '../admin/own/own-operations.ts';
import { messageOf } from '../admin/reading.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import type { Asking } from '../web/asking.ts';
import type { LargeRequests } from '../web/large-requests.ts';
import type { AskedBy, OwnPartParts } from '../web/own-part.ts';
import type { SessionParts } from '../web/session/session.ts';

export interface OwnPartOf {
  readonly operationParts: OperationParts;
  readonly asking: Pick<Asking, 'account'>;
  readonly login: SessionParts['login'];
  readonly audit: Pick<AuditLog, 'note'>;
  readonly large: LargeRequests;
}

export function ownPart({ operationParts, asking, login, audit, large }: OwnPartOf): OwnPartParts {
  const offered = Object.entries(ownOperations).map(([name, { run: _, ...one }]) => ({
    ...one,
    ...{ name, kind: 'value' as const },
  }));
  const changes = new Set(offered.filter((one) => one.changes).map(({ name }) => name));
  return {
    operations: offered,
    ...{ asking, large },
    async call(name, given, by) {
      const prove = (password: string) => proveOwner(login, by, password);
      const asked = askOwn({ ...operationParts, account: by.who, prove }, name, given);
      if (!changes.has(name)) return asked;
      const { who, client } = by;
      noteEnd(audit, { who: `account ${who}`, client, what: `own ${name}`, input: given }, asked);
      return asked;
    },
    message: (account, ...asked) => messageOf(onlyFor(operationParts, account), account, ...asked),
    isRefusal: (error) => error instanceof OperationError,
  };
}

const whyNot = {
  credentials: 'the present password is wrong',
  blocked: 'too many failed logins from your network; try again in a quarter of an hour',
  temporary: 'not now; try again in a moment',
} as const;

/** As a login, so that guesses count. @throws OperationError */
async function proveOwner(
  login: OwnPartOf['login'],
  { who, client }: AskedBy,
  password: string,
): Promise<void> {
  const answer = await login({ name: who, password }, client);
  if (answer.kind === 'logged-in') return;
  throw new OperationError(whyNot[answer.kind === 'refused' ? answer.reason : 'credentials']);
}
