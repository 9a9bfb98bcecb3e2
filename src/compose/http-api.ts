// The operations as the HTTP interface offers them, and who may ask.

import type { Operations } from '../admin/operations.ts';
import { OperationError, operations, requested } from '../admin/operations.ts';
import { version } from '../base/version.ts';
import { isLoopback } from '../net/network.ts';
import { findApiToken } from '../policy/accounts/api-tokens.ts';
import type { ApiParts } from '../web/api.ts';
import type { ApiOperation } from '../web/api-operation.ts';
import type { ServiceParts } from './service-parts.ts';

export interface HttpApiParts extends Pick<ServiceParts, 'inForce' | 'stores' | 'log'> {
  readonly operations: Operations;
}

/** It has no end, and holds the store for as long as it is read. */
const notOffered: ReadonlySet<string> = new Set(['backupHold']);

export function apiParts({ inForce, stores, operations: ours, log }: HttpApiParts): ApiParts {
  const offered = Object.entries(operations).flatMap(
    ([name, { run: _, ...one }]): ApiOperation[] =>
      notOffered.has(name) ? [] : [{ name, ...one }],
  );
  return {
    ...{ version, operations: offered, log },
    call(name, given) {
      const { name: known, input } = requested(name, given);
      return (ours[known] as (input: unknown) => ReturnType<ApiParts['call']>)(input);
    },
    isRefusal: (error) => error instanceof OperationError,
    bearer: (token) => findApiToken(stores, token),
    // Loopback is trusted in `dev` alone: elsewhere it may be anybody's proxy.
    needsNoToken: (address) => inForce().config.dev && isLoopback(address),
    isLoopback,
  };
}
