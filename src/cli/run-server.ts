// A server in this process from start to end: log, control socket, service manager, signals.
// SIGTERM and SIGINT stop it, a second one at once; SIGHUP reads the configuration again, and a bad
// one is reported while the old one stays in force.

import { audited } from '../admin/audited.ts';
import { startControlServer } from '../admin/control-server.ts';
import type { Reloaded } from '../admin/operation-parts.ts';
import { systemClock } from '../base/clock.ts';
import { firstLineOf, stackOf } from '../base/error-text.ts';
import { keepThreadMemory } from '../base/memory-keeper.ts';
import type { Advice } from '../config/advice.ts';
import type { Config } from '../config/config.ts';
import type { LoadResult } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import { becomeOwner, becomeUser, ownerOf, PrivilegeError, userName } from '../net/privileges.ts';
import { serviceManager } from '../net/systemd.ts';
import type { Context, RunningServer } from './context.ts';
import { CliError } from './context.ts';
import type { OperatorLog } from './log.ts';
import { createLog } from './log.ts';

export interface RunOptions {
  readonly config: Config;
  /** Reads the configuration again; undefined where there is no file. */
  readonly load?: () => Promise<LoadResult>;
  readonly onReady: (server: RunningServer) => Promise<void>;
  /** What `check` calls a failure, though the server can start with it: an open relay, for one. */
  readonly advice?: readonly Advice[];
}

/** Time for the message about a failed start to be written. */
const leftoverMs = 200;

/** Resolves when the server has stopped. @throws when it could not start. */
export async function runServer(context: Context, options: RunOptions): Promise<void> {
  const { config } = options;
  const log = createLog({ level: config.logLevel, pretty: process.stderr.isTTY === true });
  const stopAsked = stopSignals(log);
  const ignoreHangup = () => {}; // until there is something to reload
  process.on('SIGHUP', ignoreHangup);
  const crash = reportCrashes(log);
  let hasEnded = false;
  try {
    const reload = Promise.withResolvers<() => Promise<Reloaded>>();
    const end = Promise.withResolvers<'ended'>();
    const server = await context.actions.serve({
      ...{ config, log, dropPrivileges: dropFor(config) },
      reload: async () => (await reload.promise)(),
      end: () => end.resolve('ended'),
    });
    const attendance = { log, stopAsked, ended: end.promise, onReloadable: reload.resolve };
    if ((await attend(server, options, attendance)) === 'ended')
      throw new CliError(1, 'this server was told to end and to begin anew');
    hasEnded = true;
  } finally {
    await log.end();
    crash.stop();
    process.off('SIGHUP', ignoreHangup);
    stopAsked.stop();
    // Whatever a server that failed half-way has left open must not keep the process.
    if (!hasEnded) setTimeout(() => process.exit(), leftoverMs).unref();
  }
}

/** What root does once the ports are bound. @throws PrivilegeError */
function dropFor({ dataDirectory, user, dev }: Config): () => void {
  if (user !== undefined) return () => becomeUser(user, dataDirectory);
  if (dev) return () => becomeOwner(dataDirectory);
  const owner = ownerOf(dataDirectory);
  if (owner === undefined) return () => {};
  // Root would follow whatever links its owner puts there, and leave files that its owner cannot open.
  const name = userName(owner.uid);
  throw new PrivilegeError(
    `${dataDirectory} belongs to ${name}: start as ${name}, or set \`user: '${name}'\``,
  );
}

interface Attendance {
  readonly log: OperatorLog;
  readonly stopAsked: StopSignals;
  /** By the operation. */
  readonly ended: Promise<'ended'>;
  readonly onReloadable: (reload: () => Promise<Reloaded>) => void;
}

async function attend(
  server: RunningServer,
  options: RunOptions,
  { log, stopAsked, ended, onReloadable }: Attendance,
): Promise<string> {
  let { config } = options;
  const manager = serviceManager({
    environment: process.env,
    onProblem: (problem) => log.warn('service manager not told', { problem }),
  });
  const reload = once(async (): Promise<Reloaded> => {
    void manager.reloading();
    const loaded = await readAgain(options.load);
    const reloaded =
      'config' in loaded ? await tryReload(server, loaded.config) : { ...loaded, later: [] };
    const { problems } = reloaded;
    if (problems.length === 0 && 'config' in loaded) {
      config = loaded.config;
      log.setLevel(config.logLevel);
      log.info('configuration read again');
    } else log.error('configuration not changed', { problems });
    void manager.ready();
    return reloaded;
  });
  onReloadable(reload);
  const { dataDirectory } = options.config;
  const by = { who: 'command line', client: '' };
  const operations = audited(server.operations, server.audit, by);
  const control = await startControlServer({ dataDirectory, operations, log });
  const onHangup = () => void reload();
  process.on('SIGHUP', onHangup);
  const letGo = keepThreadMemory({ clock: systemClock(), collectsFirst: true });
  try {
    await options.onReady(server);
    void manager.ready();
    for (const { severity, path, message } of options.advice ?? [])
      if (severity === 'failure')
        log.warn('configuration is doubtful', { setting: path, problem: message });
    const drained = new Promise<'drained'>((resolve) =>
      server.stores.nodes.whenDrained(() => resolve('drained')),
    );
    const signal = await Promise.race([stopAsked.first, drained, ended]);
    log.info('stopping', { signal, graceMs: config.shutdownGrace });
    void manager.stopping();
    await Promise.race([server.stop({ graceMs: config.shutdownGrace }), stopAsked.second]);
    log.info('stopped');
    return signal;
  } finally {
    process.off('SIGHUP', onHangup);
    letGo();
    await control[Symbol.asyncDispose]();
  }
}

async function readAgain(
  load: RunOptions['load'],
): Promise<{ readonly config: Config } | { readonly problems: readonly string[] }> {
  if (load === undefined) return { problems: ['there is no configuration file to read again'] };
  try {
    const result = await load();
    return result.kind === 'ok' ? result : { problems: result.problems.map(formatProblem) };
  } catch (error) {
    return { problems: [firstLineOf(error)] };
  }
}

async function tryReload(server: RunningServer, config: Config): Promise<Reloaded> {
  try {
    return { problems: [], later: await server.reload(config) };
  } catch (error) {
    return { problems: [firstLineOf(error)], later: [] };
  }
}

/** Calls that come while one is under way share what comes after it: never two at a time. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= last
      .catch(() => {})
      .then(() => {
        next = undefined;
        const running = work();
        last = running;
        return running;
      });
    return next;
  };
}

interface StopSignals {
  readonly first: Promise<NodeJS.Signals>;
  readonly second: Promise<NodeJS.Signals>;
  stop(): void;
}

function stopSignals(log: OperatorLog): StopSignals {
  const first = Promise.withResolvers<NodeJS.Signals>();
  const second = Promise.withResolvers<NodeJS.Signals>();
  let count = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    count += 1;
    if (count === 1) return first.resolve(signal);
    if (count > 2) process.exit(0); // stopping at once did not work at once, or nobody reads the log
    log.warn('stopping at once', { signal });
    second.resolve(signal);
    // Nothing that was answered with 250 is lost: it is on disk, and delivered after the next start.
    setTimeout(() => void log.end().finally(() => process.exit(0)), 200).unref();
    return undefined;
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return {
    first: first.promise,
    second: second.promise,
    stop: () => process.off('SIGTERM', onSignal).off('SIGINT', onSignal),
  };
}

/** What nobody foresaw: the log gets it before the process ends, and a restart recovers. */
function reportCrashes(log: OperatorLog): { stop(): void } {
  const onCrash = (error: unknown) => {
    log.error('crashed', {
      error: stackOf(error),
    });
    void log.end().finally(() => process.exit(1));
  };
  process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
  return {
    stop: () => process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash),
  };
}
