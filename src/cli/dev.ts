// `postrider dev`: the server with nothing to configure, for those who write programs that send mail.

import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { devConfig } from '../config/dev.ts';
import { findConfig } from '../config/load.ts';
import { isDomain } from '../config/settings/setting.ts';
import { isAddress, isLoopback } from '../net/network.ts';
import { collect } from './collect.ts';
import type { Context, RunningServer } from './context.ts';
import { CliError, printable } from './context.ts';
import { type CatcherOptions, catcherSettings, portsOf } from './dev-options.ts';
import { runServer } from './run-server.ts';

interface DevCommandOptions extends CatcherOptions {
  readonly port?: readonly string[];
  readonly portOffset?: string;
  readonly freePorts?: boolean;
  readonly data?: string;
  readonly host?: string;
}

export function devCommand(context: Context): Command {
  return new Command('dev')
    .description('the whole server on loopback: catches mail for any address, sends nothing')
    .option(
      '--port <port>',
      'where SMTP listens; of others by name, such as http=8080; may be given several times',
      collect,
    )
    .option('--port-offset <number>', 'add this to every other port')
    .option('--free-ports', 'take any free ports')
    .option('--host <address>', 'listen here, for instance 0.0.0.0 in a container', '127.0.0.1')
    .option('--data <directory>', 'keep mail here; default: postrider-data/dev')
    .option('--max-messages <number>', 'keep so many, the newest', '10000')
    .option('--max-age <time>', 'and none longer, such as 12h or 7d')
    .option('--inboxes <file>', 'inboxes with logins of their own: JSON, { "name": "password" }')
    .option('--chaos <triggers>', 'faults by chance, such as Sender:451:5,Recipient:550:10')
    .option('--relay <host:port>', 'where messages may be released to; default: nothing leaves')
    .option('--rspamd <url>', 'says how much like spam a message is: http://127.0.0.1:11333')
    .option('--private-links', 'a check of links may ask private addresses, too')
    .option('--relay-tls <way>', 'none, opportunistic, require or verify')
    .option('--relay-user <name>', 'log in there')
    .option('--relay-password-file <file>', 'the first line of this file')
    .action(async (options: DevCommandOptions) => {
      const { port, portOffset, freePorts, data, host = '' } = options;
      const offset = Number(portOffset ?? '0');
      if (!Number.isInteger(offset) || offset < -1000 || offset > 60_000)
        throw new CliError(
          2,
          `--port-offset must be a whole number from -1000 to 60000, not '${printable(portOffset ?? '')}'`,
        );
      if (!isAddress(host) && !isDomain(host))
        throw new CliError(
          2,
          `--host must be an address such as 0.0.0.0, not '${printable(host)}'`,
        );
      const config = devConfig(context.cwd, {
        ports: portsOf(port ?? []),
        portOffset: offset,
        freePorts: freePorts === true,
        host,
        catcher: await catcherSettings(options, context.cwd),
        ...(data !== undefined && { dataDirectory: resolve(context.cwd, data) }),
      });
      // The lines to paste must find this data directory, whatever else lies here.
      const elsewhere =
        data !== undefined || (await findConfig(undefined, context.cwd)) !== undefined;
      const place = relative(context.cwd, config.dataDirectory);
      const directory = place.startsWith('..') ? config.dataDirectory : place;
      await runServer(context, {
        config,
        onReady: (server) =>
          context.print(
            `${banner(server, directory, elsewhere ? ` --data ${shellWord(directory)}` : '', context.cwd)}ready\n`,
          ),
      });
    });
}

function banner(server: RunningServer, directory: string, option: string, cwd: string): string {
  const program = existsSync(join(cwd, 'bin/postrider')) ? './bin/postrider' : 'npx postrider';
  const rows = (services: readonly string[]) =>
    server.listeners
      .filter(({ service }) => services.includes(service))
      .map(({ service, host, port, tls }) => {
        const what = service === 'submission' ? service : service.toUpperCase();
        const how = tls === 'implicit' ? 'TLS' : tls === 'starttls' ? 'STARTTLS' : 'in the clear';
        return `  ${hostPort(host, port).padEnd(17)} ${what}, ${how}; ${logins.get(service)}`;
      })
      .join('\n');
  const smtp = server.listeners.find(({ service }) => service === 'smtp');
  const web = server.listeners.find(({ service }) => service === 'http');
  const address = smtp === undefined ? '' : hostPort(reachable(smtp.host), smtp.port);
  const open = smtp === undefined || isLoopback(smtp.host) ? '' : everybody;
  return `Postrider catches mail for any address; nothing leaves this machine.
${open}
Send mail to
${rows(['smtp', 'submission'])}
Read it at
${rows(['imap', 'pop3'])}
See it in a browser
  ${web === undefined ? '' : `http://${hostPort(reachable(web.host), web.port)}`}  (and Mailpit's API under /api/v1)
Kept in ${directory}. Try it from another terminal:

  echo "It works" | ${program} send --server ${address} --to ann@example.org --header "Subject: Hello"
  ${program} mail list${option}
  ${program} mail show ann@example.org${option}

`;
}

const everybody =
  'Any password is right, and not only this machine can connect: all can read what is caught.\n';

const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Where a client on this machine connects to. */
const reachable = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;

const logins: ReadonlyMap<string, string> = new Map([
  ['smtp', 'login with any password, or none'],
  ['submission', 'log in with any password'],
  ['imap', 'the user is the address, any password is right'],
  ['pop3', 'the user is the address, any password is right'],
]);

const shellWord = (text: string): string =>
  /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
