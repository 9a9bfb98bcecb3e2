// Operations over the stores of this process: those of a server that runs in it, for its control socket,
// or stores that are opened for one command.

import { join } from 'node:path';
import { localOperations } from '../admin/local-operations.ts';
import type { Operations } from '../admin/operations.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { createRouter } from '../deliver/route.ts';
import { parseMailbox } from '../mail/address.ts';
import { becomeOwner, becomeUser } from '../net/privileges.ts';
import { createDirectory } from '../policy/directory.ts';
import type { CancelParts } from '../queue/cancellation.ts';
import { cancelMessage } from '../queue/cancellation.ts';
import { createMessageIds } from '../queue/message-id.ts';
import { storiesOf } from '../queue/story.ts';
import { FileHistory } from '../store/files/history.ts';
import type { HistoryStore } from '../store/history.ts';
import { openSqliteStores } from '../store/sqlite/stores.ts';
import type { RunningServer } from './context.ts';
import { CliError } from './context.ts';

interface Parts {
  readonly stores: RunningServer['stores'];
  readonly history: HistoryStore;
  /** A reload may change it. */
  readonly config: () => Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly wake?: () => void;
}

/** For the control socket of a server in this process. */
export function serverOperations(
  { stores, history, runner }: RunningServer,
  parts: Pick<Parts, 'config' | 'clock' | 'log'>,
): Operations {
  return operationsOver({ ...parts, stores, history, wake: () => runner.wake() });
}

/** Runs `use` with the stores of a data directory that no server has. */
export async function withStores<T>(config: Config, use: (operations: Operations) => Promise<T>) {
  const { dataDirectory: directory, user } = config;
  // Files that root makes here would be closed to the server.
  if (user === undefined) becomeOwner(directory);
  else becomeUser(user, directory);
  const clock = systemClock();
  const log = silentLog;
  await using stores = await openOwn(directory, clock);
  await using history = new FileHistory({ directory: join(directory, 'history'), clock, log });
  return await use(operationsOver({ stores, history, config: () => config, clock, log }));
}

async function openOwn(directory: string, clock: Clock) {
  try {
    return await openSqliteStores({ directory, log: silentLog, clock });
  } catch (error) {
    if ((error as { readonly problem?: unknown }).problem !== 'in-use') throw error;
    throw new CliError(
      1,
      `a server on ${directory} is just starting or stopping, or has lost its control.sock and makes a new one: try again in ten seconds`,
    );
  }
}

function operationsOver(parts: Parts): Operations {
  const { stores, history, clock, log } = parts;
  const directory = () => {
    const { domains, relayDomains, aliases, recipientDelimiter, dev, hostname } = parts.config();
    return createDirectory({
      accounts: stores.accounts,
      domains,
      relayDomains,
      aliases,
      recipientDelimiter,
      acceptAll: dev,
      hostname,
      log,
    });
  };
  const router = () => {
    const { domains, routes, localDelivery, dev } = parts.config();
    return createRouter({ domains, routes, localDelivery, catchAll: dev });
  };
  const cancelParts: CancelParts = {
    store: stores.queue,
    history,
    log,
    clock,
    get hostname() {
      return parts.config().hostname;
    },
    ids: createMessageIds({ clock, random: systemRandom }),
    // Where the notification of a cancelled message goes: aliases count as for other mail.
    resolve: async (address) => {
      const mailbox = parseMailbox(address);
      if (mailbox === undefined) return [];
      const resolution = await directory().resolve(mailbox, { mayRelay: true });
      if (resolution.kind === 'refuse') return [];
      const { wayOf } = router();
      return resolution.recipients.map((recipient) => ({
        address: recipient.address,
        params: [],
        ...wayOf(recipient.address),
      }));
    },
  };
  return localOperations({
    ...stores,
    clock,
    accountOf: (address) => directory().accountOf(address),
    isOurs: (domain) => directory().isOurs(domain),
    dev: () => parts.config().dev,
    cancel: (id, options) => cancelMessage(cancelParts, id, options),
    storiesOf: (id) => storiesOf({ store: stores.queue, history }, id),
    wake: parts.wake ?? (() => {}),
  });
}
