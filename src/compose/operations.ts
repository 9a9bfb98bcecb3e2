// The operations of this process: over the stores of the server that runs in it, or over stores that are
// opened for one command.

import type { OperationParts } from '../admin/operation-parts.ts';
import type { Operations } from '../admin/operations.ts';
import { OperationError, operationsOver } from '../admin/operations.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import { RuleBook } from '../policy/rules/rule-book.ts';
import { cancelMessage } from '../queue/cancellation.ts';
import { createMessageIds } from '../queue/message-id.ts';
import { storiesOf } from '../queue/story/story.ts';
import type { WaitingLine } from '../queue/taking-out.ts';
import { noLine } from '../queue/taking-out.ts';
import type { HistoryStore } from '../store/history.ts';
import type { HistorySearch } from '../store/history-search.ts';
import type { Stores } from '../store/stores.ts';
import type { Addresses } from './in-force.ts';
import { recipientsOf } from './in-force.ts';

export interface OperationsParts {
  readonly stores: Omit<Stores, keyof AsyncDisposable>;
  readonly history: HistoryStore;
  readonly search?: HistorySearch | undefined;
  /** A reload may change them. */
  readonly addresses: () => Addresses;
  readonly audit: AuditLog;
  /** Those by which mail is delivered, where it is in this process. */
  readonly rules?: RuleBook;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the queue's runner, if one is in this process. */
  readonly wake?: () => void;
  readonly line?: WaitingLine;
  readonly server?: OperationParts['server'];
}

/** The operations of this process. */
export const createOperations = (parts: OperationsParts): Operations =>
  operationsOver(operationParts(parts));

export function operationParts(parts: OperationsParts): OperationParts {
  const { stores, history, addresses, audit, clock, log, line = noLine } = parts;
  const cancellation = {
    ...{ store: stores.queue, history, log, clock, line },
    get hostname() {
      return addresses().config.hostname;
    },
    ids: createMessageIds({ clock, random: systemRandom, node: stores.nodes.number }),
    resolve: (address: string) => recipientsOf(addresses(), address),
  };
  return {
    ...stores,
    ...{ audit, clock, line },
    rules: parts.rules ?? new RuleBook({ records: stores.records, clock }),
    hostname: () => addresses().config.hostname,
    accountOf: (address) => addresses().addressMap.accountOf(address),
    isOurs: (domain) => addresses().addressMap.isOurs(domain),
    dev: () => addresses().config.dev,
    cancel: (id, options) => cancelMessage(cancellation, id, options),
    wayTo: (named) => wayTo(addresses(), named),
    search: parts.search,
    storiesOf: (id) => storiesOf({ store: stores.queue, history }, id),
    wake: parts.wake ?? (() => {}),
    server: parts.server,
  };
}

function wayTo({ router }: Addresses, named: string | undefined) {
  if (named === undefined) return (address: string) => router.wayOf(address);
  const way = router.wayByHand(named);
  if (way === undefined)
    throw new OperationError(
      `${named} is no way: name a host and a port (192.0.2.1:25), or the MX of a domain (mx:example.net)`,
    );
  return () => way;
}
