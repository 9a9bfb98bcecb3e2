// Every operation there is, in one table: an entry here is a request on the control socket, something
// that commands can use whether a server runs or not, and a call of the HTTP API.

import { accountRulesOperations } from './account-rules.ts';
import { accountOperations } from './accounts.ts';
import { administratorOperations } from './administrators.ts';
import { catcherOperations } from './catching.ts';
import { certificateOperations } from './certificates.ts';
import { destinationOperations } from './destinations.ts';
import { deviceOperations } from './devices.ts';
import { importOperations } from './importing.ts';
import { mailCheckOperations } from './mail-checks.ts';
import { mailOperations } from './mailboxes.ts';
import { messageOperations } from './messages.ts';
import { nodeOperations } from './nodes.ts';
import type { Called, Operation } from './operation.ts';
import { checkedInput, OperationError } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';
import { publishedOperations } from './published.ts';
import { queueOperations } from './queue.ts';
import { readingOperations } from './reading.ts';
import { reportOperations } from './reports.ts';
import { serverOperations } from './server.ts';
import { sessionOperations } from './sessions.ts';
import { statisticsOperations } from './statistics.ts';
import { submissionOperations } from './submission.ts';
import { suppressionOperations } from './suppressions.ts';
import { tokenOperations } from './tokens.ts';
import { watchOperations } from './watch.ts';
import { webhookOperations } from './webhooks.ts';

export { OperationError } from './operation.ts';

export const operations = {
  ...accountOperations,
  ...accountRulesOperations,
  ...administratorOperations,
  ...catcherOperations,
  ...certificateOperations,
  ...destinationOperations,
  ...deviceOperations,
  ...importOperations,
  ...mailCheckOperations,
  ...mailOperations,
  ...messageOperations,
  ...nodeOperations,
  ...publishedOperations,
  ...queueOperations,
  ...readingOperations,
  ...reportOperations,
  ...serverOperations,
  ...sessionOperations,
  ...statisticsOperations,
  ...submissionOperations,
  ...suppressionOperations,
  ...tokenOperations,
  ...watchOperations,
  ...webhookOperations,
};

type Table = typeof operations;
export type OperationName = keyof Table;

/** All of them, ready to be called: done here, or by a server that is asked to. */
export type Operations = { readonly [Name in OperationName]: Called<Table[Name]> };

/** A Map: names come from outside. */
const byName: ReadonlyMap<string, Operation> = new Map<string, Operation>(
  Object.entries(operations),
);

/** Makes each of them with `make`. */
export function eachOperation(
  make: (name: OperationName, one: Operation) => (input?: unknown) => unknown,
): Operations {
  const made = [...byName].map(([name, one]) => [name, make(name as OperationName, one)] as const);
  return Object.fromEntries(made) as unknown as Operations;
}

/** Over the stores of this process. What goes in is checked here, whoever asks. @throws OperationError where it is not right */
export const operationsOver = (parts: OperationParts): Operations =>
  eachOperation((_, { run, input: schema, empowers }) => (input) => {
    const checked = checkedInput(schema, input);
    if (empowers) checkRights(checked as Rights);
    return run(parts, checked as never);
  });

interface Rights {
  readonly allows?: readonly string[] | undefined;
}

/** @throws OperationError for a right that there is not, or that would be one to everything. */
export function checkRights({ allows = [] }: Rights): void {
  for (const one of allows) {
    // `/postrider/events` is beside the table.
    if (['read', 'all', 'events'].includes(one)) continue;
    const operation = byName.get(one);
    if (operation === undefined)
      throw new OperationError(
        `there is no operation ${one === '' ? "''" : one}; see /postrider/openapi.json`,
      );
    if (operation.empowers)
      throw new OperationError(`${one} gives rights: only who may do everything (all) may do that`);
  }
}

/** The operation that somebody asks for by its name. @throws OperationError where there is none */
export function operationNamed(name: string): OperationName {
  if (!byName.has(name)) throw new OperationError(`unknown request: ${name}`);
  return name as OperationName;
}
