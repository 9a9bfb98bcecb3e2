// `postrider check`: everything that can be known before the server is started, in one run: the
// configuration, its files, the data directory, the ports, and with --dns what the DNS publishes.

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { connectControl } from '../admin/control-client.ts';
import { silentLog } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { listen } from '../net/listener.ts';
import { findUser, isRoot } from '../net/privileges.ts';
import { createResolver } from '../net/resolver.ts';
import { loadServerTls } from '../net/tls.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import type { DnsFinding } from './dns-records.ts';
import { checkDns } from './dns-records.ts';
import type { CommonOptions } from './settings.ts';
import { loadOrFail, withCommonOptions } from './settings.ts';

type Finding = DnsFinding;

export function checkCommand(context: Context): Command {
  return withCommonOptions(new Command('check'))
    .description('check the configuration, its files and ports, and with --dns the DNS')
    .option('--dns', 'also what the DNS publishes')
    .action(async (options: CommonOptions & { readonly dns?: boolean }) => {
      const { config, path } = await loadOrFail(options.config, context.cwd);
      const findings: Finding[] = [{ state: 'ok', text: `configuration ${path}` }];
      findings.push(...checkDirectory(config), ...checkUser(config));
      findings.push(...(await checkTls(config)));
      findings.push(...(await checkPorts(config)));
      if (options.dns === true) findings.push(...(await checkDns(config, resolverOf(config))));
      await report(context, findings, options.json === true);
    });
}

async function report(
  context: Context,
  findings: readonly Finding[],
  json: boolean,
): Promise<void> {
  const words = { ok: 'ok      ', warning: 'warning ', failure: 'failure ' } as const;
  const lines = findings.map((finding) =>
    json ? JSON.stringify(finding) : `${words[finding.state]} ${printable(finding.text)}`,
  );
  await context.print(`${lines.join('\n')}\n`);
  const failures = findings.filter(({ state }) => state === 'failure').length;
  if (failures > 0) throw new CliError(1, `${failures} of ${findings.length} checks failed`);
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;

function checkDirectory({ dataDirectory, user }: Config): Finding[] {
  let existing = dataDirectory;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const found = statSync(existing);
  if (!found.isDirectory())
    return [{ state: 'failure', text: `dataDirectory: ${existing} is not a directory` }];
  const owner = user === undefined ? undefined : findUser(user);
  if (isRoot() && owner !== undefined && existing === dataDirectory && found.uid !== owner.uid)
    return [
      {
        state: 'failure',
        text: `dataDirectory: ${dataDirectory} does not belong to ${user}: \`chown -R ${user} ${dataDirectory}\``,
      },
    ];
  if (existing === dataDirectory && (found.mode & 0o007) !== 0)
    return [
      {
        state: 'warning',
        text: `dataDirectory: ${dataDirectory} can be read by everybody: \`chmod 700 ${dataDirectory}\``,
      },
    ];
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return [{ state: 'failure', text: `dataDirectory: ${existing} may not be written by us` }];
  }
  const made = existing === dataDirectory ? '' : ' (will be made)';
  return [{ state: 'ok', text: `data directory ${dataDirectory}${made}` }];
}

function checkUser({ user }: Config): Finding[] {
  if (user === undefined) {
    const text = 'started as root without `user`: the server would stay root';
    return isRoot() ? [{ state: 'warning', text }] : [];
  }
  return findUser(user) === undefined
    ? [{ state: 'failure', text: `user: there is no user ${user}: \`useradd --system ${user}\`` }]
    : [{ state: 'ok', text: `user ${user}` }];
}

async function checkTls({
  tls,
  dataDirectory,
  hostname,
  clientCertificates,
}: Config): Promise<Finding[]> {
  if (tls === undefined)
    return [{ state: 'warning', text: 'tls: none, so nobody can encrypt or log in' }];
  if (tls === 'self-signed')
    return [
      { state: 'ok', text: 'tls: self-signed; other servers take it, mail programs will ask' },
    ];
  try {
    const loaded = await loadServerTls(tls, {
      directory: join(dataDirectory, 'tls'),
      hostname,
      clientAuthorities: clientCertificates?.authorities,
    });
    const warnings = loaded.warnings.map((text): Finding => ({ state: 'warning', text }));
    return [{ state: 'ok', text: `certificate until ${loaded.certificate.validTo}` }, ...warnings];
  } catch (error) {
    return [{ state: 'failure', text: `tls: ${messageOf(error)}` }];
  }
}

/** Binds each for a moment; not when our own server has them. */
async function checkPorts({ listeners, dataDirectory }: Config): Promise<Finding[]> {
  const running = await connectControl(dataDirectory).catch(() => undefined);
  if (running !== undefined) return [{ state: 'ok', text: 'the server runs: ports not tried' }];
  const findings: Finding[] = [];
  for (const { hosts, port, path } of listeners) {
    if (path !== undefined) continue; // made by the server, which also removes a stale one
    for (const host of hosts)
      try {
        await using _listener = await listen({
          host,
          port,
          tls: undefined,
          implicitTls: false,
          onConnection: (peer) => peer.destroy(),
        });
        findings.push({ state: 'ok', text: `${host} port ${port} is free` });
      } catch (error) {
        findings.push({ state: 'failure', text: messageOf(error) });
      }
  }
  return findings;
}

const resolverOf = ({ dns }: Config) =>
  createResolver({
    servers: dns.servers,
    timeoutMs: dns.timeout,
    attempts: dns.attempts,
    trustAd: dns.trustAd,
    random: systemRandom,
    log: silentLog,
  });
