// The operations as the HTTP interface offers them, each call that changes something on record.

import { audited } from '../admin/audited.ts';
import { importedMax } from '../admin/importing.ts';
import type { Operations } from '../admin/operations.ts';
import { OperationError, operationNamed, operations } from '../admin/operations.ts';
import { version } from '../base/version.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import type { ApiParts } from '../web/api.ts';
import type { ApiOperation } from '../web/api-operation.ts';

export interface HttpApiParts extends Pick<ApiParts, 'asking' | 'large'> {
  readonly operations: Operations;
  readonly audit: AuditLog;
}

/** They have no end: one holds the store for as long as it is read, the other is /postrider/events. */
const notOffered: ReadonlySet<string> = new Set(['backupHold', 'serverEnd', 'watch']);

/** Limit: a message in JSON, with its attachments in base64; the configuration's limit is for the message itself. */
const submittedMax = 100 * 2 ** 20;
const wholes: ReadonlyMap<string, Pick<ApiOperation, 'bodyMax' | 'wholeMessage'>> = new Map([
  ['submit', { bodyMax: submittedMax, wholeMessage: 'raw' }],
  ['mailImport', { bodyMax: importedMax, wholeMessage: 'message' }],
]);

export function apiParts({ asking, large, operations: ours, audit }: HttpApiParts): ApiParts {
  const offered = Object.entries(operations).flatMap(
    ([name, { run: _, ...one }]): ApiOperation[] =>
      notOffered.has(name) ? [] : [{ name, ...one, ...wholes.get(name) }],
  );
  return {
    ...{ version, operations: offered, asking, large },
    call(name, given, by) {
      const called = audited(ours, audit, by)[operationNamed(name)];
      return (called as (input: unknown) => ReturnType<ApiParts['call']>)(given);
    },
    isRefusal: (error) => error instanceof OperationError,
  };
}
