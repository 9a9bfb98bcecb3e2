// `postrider check`: everything that can be known before the server is started, in one run: the
// configuration, its files, the data directory, accounts and aliases, the ports, and with --dns what
// the DNS publishes. Exit status 0 also with warnings, 1 when something fails, 2 when the
// configuration cannot be read; what could be read of it is looked at all the same.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { firstLineOf } from '../base/error-text.ts';
import { silentLog } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { publishedFindings } from '../compose/published/check.ts';
import { dkimFindings } from '../compose/published/dkim.ts';
import type { Finding } from '../compose/published/finding.ts';
import { failure, ok, warning } from '../compose/published/finding.ts';
import type { Config } from '../config/config.ts';
import type { LoadResult } from '../config/load.ts';
import { loadConfig } from '../config/load.ts';
import { listen } from '../net/listener.ts';
import { becomeOwner, isRoot } from '../net/privileges.ts';
import { createResolver } from '../net/resolver.ts';
import { accountFindings, readAccounts, type StorePlace } from './check/accounts.ts';
import { acmeFindings, isByAcme, readCertificates } from './check/acme.ts';
import { databaseFindings } from './check/database.ts';
import { directoryFindings, fileFindings, placeFindings, userFindings } from './check/files.ts';
import { reportFindings } from './check/report-findings.ts';
import { storeFindings } from './check/store.ts';
import { tlsFindings } from './check/tls.ts';
import type { Context } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { problemsError, serverOf, withConfigOptions } from './settings.ts';

interface CheckOptions extends CommonOptions {
  readonly dns?: boolean;
}

export function checkCommand(context: Context): Command {
  return withConfigOptions(new Command('check'))
    .description('check the configuration, its files and ports, and with --dns the DNS')
    .option('--dns', 'also what the DNS publishes')
    .action(async (options: CheckOptions) => {
      const loaded = await loadConfig(options.config, context.cwd);
      if (loaded.kind === 'problems' && loaded.partial === undefined && options.json !== true)
        throw problemsError(loaded.path, loaded.problems, context.cwd);
      const config = loaded.kind === 'ok' ? loaded.config : loaded.partial;
      const found = config === undefined ? undefined : await surroundings(context, config, loaded);
      const findings = [
        ...configurationFindings(loaded),
        ...(found?.findings ?? []),
        ...(config === undefined || options.dns !== true
          ? []
          : await dnsFindings({ ...config, obtained: found?.obtained ?? [] })),
      ];
      await reportFindings(context, findings, {
        json: options.json === true,
        status: isReadable(loaded) ? 1 : 2,
      });
    });
}

/** What cannot be looked at is not taken for what is not there. */
function mayExist(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** A file that it names may be missing: then the configuration itself is right. */
const isReadable = (loaded: LoadResult): boolean =>
  loaded.kind === 'ok' || loaded.problems.every(({ file }) => file === true);

function configurationFindings(loaded: LoadResult): Finding[] {
  const problems = loaded.kind === 'ok' ? [] : loaded.problems;
  return [
    ...(isReadable(loaded) ? [ok('', `configuration ${loaded.path}`)] : []),
    ...problems.map(({ path, message }) => failure(path, message)),
    ...loaded.advice.map(({ severity, path, message }) => ({
      state: severity,
      path,
      text: message,
    })),
  ];
}

/** What the configuration meets on this machine. The order matters: the last may give up root. */
async function surroundings(
  context: Context,
  config: Config,
  loaded: LoadResult,
): Promise<{ readonly findings: Finding[]; readonly obtained: readonly string[] }> {
  const reported = loaded.kind === 'ok' ? [] : loaded.problems.map(({ path }) => path);
  const isReported = (key: string) => reported.some((path) => path.startsWith(key));
  const running = await serverOf(config.dataDirectory, context).catch(() => undefined);
  const findings = [
    ...directoryFindings(config),
    ...userFindings(config),
    ...fileFindings(config, loaded),
    ...(isReported('listeners') ? [] : placeFindings(config)),
    ...(isReported('tls') || isReported('clientCertificates') ? [] : await tlsFindings(config)),
  ];
  if (running !== undefined) findings.push(ok('', 'the server runs: ports not tried'));
  else if (!isReported('listeners')) findings.push(...(await portFindings(config)));
  const store: StorePlace = {
    exists:
      config.store.kind === 'postgres' || mayExist(join(config.dataDirectory, 'postrider.db')),
    place: { directory: config.dataDirectory, store: config.store },
    prepare: () => becomeOwner(config.dataDirectory),
  };
  const accounts = await readAccounts(running, store);
  const certificates = isByAcme(config) ? await readCertificates(running, store) : [];
  findings.push(...acmeFindings(config, certificates));
  findings.push(
    ...(config.store.kind === 'sqlite'
      ? await storeFindings(config.dataDirectory)
      : await databaseFindings(config.store)),
  );
  findings.push(...dkimFindings(config));
  // With a setting misspelt, who is whose could be a consequence of that.
  if (isReadable(loaded)) findings.push(...accountFindings(config, accounts));
  const there = typeof certificates === 'string' ? [] : certificates;
  const obtained = there.flatMap(({ certificate }) => certificate ?? []);
  return { findings, obtained };
}

/** Binds each for a moment; not when our own server has them. */
async function portFindings({ listeners }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [i, { hosts, port, path, reusePort }] of listeners.entries()) {
    if (path !== undefined) continue; // made by the server, which also removes a stale one
    for (const host of hosts)
      try {
        await using _listener = await listen({
          host,
          port,
          reusePort,
          tls: undefined,
          implicitTls: false,
          onConnection: (peer) => peer.destroy(),
        });
        findings.push(ok(`listeners[${i}].port`, `${host} port ${port} is free`));
      } catch (error) {
        findings.push(refusedPort(`listeners[${i}].port`, error));
      }
  }
  return findings;
}

/** The service manager may let the server do what we may not. */
function refusedPort(path: string, error: unknown): Finding {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'EACCES' && !isRoot())
    return warning(
      path,
      'not tried: ports below 1024 are for root, and for a server that systemd gives CAP_NET_BIND_SERVICE',
    );
  return failure(path, firstLineOf(error));
}

/** `obtained`: chains that an authority gave us, in PEM. */
async function dnsFindings(
  config: Config & { readonly obtained: readonly string[] },
): Promise<readonly Finding[]> {
  const resolver = createResolver({
    ...config.dns,
    random: systemRandom,
    log: silentLog,
  });
  return publishedFindings(config, resolver);
}
