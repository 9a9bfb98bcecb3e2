// The composition root: configuration → entrance → storage → what is in force → subsystems → services. Constructs
// and connects; the logic is below.

import type { Reloaded } from '../admin/operation-parts.ts';
import { operationsOver } from '../admin/operations.ts';
import { changeAsked } from '../admin/queue-changes.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { Resolver } from '../dns/resolver.ts';
import { AuditLog } from '../policy/administration/audit-log.ts';
import { RuleBook } from '../policy/rules/rule-book.ts';
import type { Stores } from '../store/stores.ts';
import { keyDirectory } from '../trust/dkim-keys.ts';
import { openTelemetryTracer } from '../watch/tracing/open-telemetry.ts';
import { Acme } from './acme.ts';
import { authenticatorFor } from './admission.ts';
import type { Basics } from './basics.ts';
import type { Catcher, CatcherOptions } from './catcher.ts';
import { createConsole } from './console.ts';
import { createQueue } from './delivery.ts';
import { openEntrance } from './entrance.ts';
import { Happenings, watchedLog } from './happenings.ts';
import { createMetrics } from './metrics.ts';
import { operationParts } from './operations.ts';
import { createPublished } from './published/desk.ts';
import { createReports } from './reports.ts';
import type { RunningServer } from './running-server.ts';
import { Server } from './running-server.ts';
import { createServices } from './services.ts';
import type { SharedKeysParts } from './shared-keys.ts';
import { SharedKeys } from './shared-keys.ts';
import type { SmtpParts } from './smtp.ts';
import { createSpam } from './spam.ts';
import { State } from './state.ts';
import { openStorage } from './storage.ts';
import { createTracking } from './tracking.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolver?: Resolver;
  /** Where other servers are talked to. Default: in a thread of its own where processors are plenty. */
  readonly relayIn?: 'own-thread' | 'same-thread';
  /** Instead of the ones in the data directory; the server closes them at the end. */
  readonly stores?: Stores;
  /** Asked in order, after the rule whose address a sender is and before our others. */
  readonly policies?: SmtpParts['policies'];
  /** Called once the ports are bound, before the data directory is opened. */
  readonly dropPrivileges?: () => void | Promise<void>;
  /** Reads the configuration again: what the operation `reload` does. */
  readonly reload?: () => Promise<Reloaded>;
  /** What the operation `serverEnd` does. */
  readonly end?: () => void;
}

/** @throws ListenError, TlsError, StorageError with a message for the operator. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config } = options;
  const basics = await basicsOf(options);
  const { log } = basics;
  // What was opened before something failed is closed again, the last first.
  await using undo = new AsyncDisposableStack();
  const entrance = await openEntrance(options, basics, undo);
  const storage = await openStorage(options, basics, undo);
  entrance.admission.recordIn(storage.history, storage.stores.nodes);
  const acme = undo.use(new Acme(config, { ...basics, ...storage, ...entrance }));
  await acme.load();
  const state = undo.use(new State(options, { ...basics, ...storage }));

  const { inForce, resolver } = state;
  const catcher = undo.use(await catcherOf(config, { ...basics, ...storage }));
  const audit = new AuditLog({ ...storage.stores, ...basics });
  const rules = ruleBook(storage.stores, basics);
  const common = { ...basics, ...storage, ...{ inForce, resolver, audit, catcher, rules } };
  const reports = createReports({ ...common, queue: () => delivery });
  const spam = undo.use(createSpam(common));
  const delivery = await createQueue({ ...common, reports, spam });
  const tracking = createTracking(common);
  const console = createConsole({ ...common, ...entrance, delivery });
  const operating = operationParts({
    ...common,
    addresses: inForce,
    wake: () => delivery.runner.wake(),
    line: delivery.runner.line,
    server: {
      ...{ reload: options.reload ?? noFile, end: options.end ?? (() => {}) },
      metrics: () => basics.metrics.snapshot(),
      abuse: reports.abuse,
      sorted: (messages) => spam.learner.note(messages),
      ...{ published: createPublished(common), revokeCertificate: acme.revoke },
      ...console.desks,
    },
  });
  console.questions.answer('queue', (asked) => changeAsked(operating, asked));
  const operations = operationsOver(operating);
  const services = createServices({
    ...{ ...common, ...entrance, delivery, tracking, reports, spam, operations },
    operationParts: operating,
    questions: console.questions,
    authenticator: authenticatorFor(inForce, {
      ...{ accounts: storage.stores.accounts, ...basics, catcher },
    }),
    policies: options.policies ?? [],
    listening: () => entrance.listeners.list,
    acmeChallenges: acme.challenges,
  });
  console.handsInBy(services.handIn);
  const server = new Server({
    ...{ entrance, storage, acme, state, reports, spam, catcher, delivery, console },
    sharedKeys: sharedKeysOf(config, { ...basics, ...storage }),
    ...{ endWaits: services.endWaits, operations, audit, log },
  });
  await server.start(services.serviceFor);
  undo.move();
  return server;
}

/** In `dev`; elsewhere its program is not read. */
async function catcherOf(
  { catcher: settings, hostname }: Config,
  parts: Omit<CatcherOptions, 'settings' | 'hostname'>,
): Promise<Catcher | undefined> {
  if (settings === undefined) return undefined;
  const { Catcher } = await import('./catcher.ts');
  return new Catcher({ ...parts, settings, hostname });
}

/** Where there are other nodes. */
const sharedKeysOf = (
  { store, dataDirectory }: Config,
  parts: Omit<SharedKeysParts, 'directory'>,
): SharedKeys | undefined =>
  store.kind === 'sqlite'
    ? undefined
    : new SharedKeys({ ...parts, directory: keyDirectory(dataDirectory) });

/** Believed until another node changes some. */
function ruleBook({ records }: Stores, { clock }: Basics): RuleBook {
  const rules = new RuleBook({ records, clock });
  records.watch('account-rules', () => rules.forget());
  return rules;
}

async function basicsOf(options: ServerOptions): Promise<Basics> {
  const { clock = systemClock(), random = systemRandom, log } = options;
  const happenings = new Happenings();
  const watched = watchedLog(log, happenings.hub);
  const tracer = await openTelemetryTracer();
  return { clock, random, log: watched, metrics: createMetrics(), happenings, tracer };
}

const noFile = async (): Promise<Reloaded> => ({
  problems: ['there is no configuration file to read again'],
  later: [],
});
