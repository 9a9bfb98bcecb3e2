// Everything that the owner of an account can ask for, in one table; each is a call of /postrider/account/v1.

import { checkedInput, OperationError } from '../operation.ts';
import type { OperationParts } from '../operation-parts.ts';
import { ownAccountOperations } from './own-account.ts';
import { ownMailOperations } from './own-mail.ts';
import type { AnyOwnOperation, OwnParts } from './own-operation.ts';
import { onlyFor } from './own-operation.ts';
import { ownSendingOperations } from './own-sending.ts';

export const ownOperations = {
  ...ownAccountOperations,
  ...ownMailOperations,
  ...ownSendingOperations,
};

/** A Map: names come from outside. */
const byName: ReadonlyMap<string, AnyOwnOperation> = new Map<string, AnyOwnOperation>(
  Object.entries(ownOperations),
);

/** @throws OperationError when there is no such operation, or it cannot be asked like this. */
export async function askOwn(
  parts: OperationParts & Pick<OwnParts, 'account' | 'prove'>,
  name: string,
  given: unknown,
): Promise<unknown> {
  const one = byName.get(name);
  if (one === undefined) throw new OperationError(`unknown request: ${name}`);
  const input = checkedInput(one.input, given);
  const { account, prove } = parts;
  return one.run({ ...onlyFor(parts, account), account, prove }, input as never);
}
