// `postrider init ADDRESS`: from nothing to a server that can be started: a configuration, a
// certificate, the first account, and the DNS records to publish. Overwrites nothing.

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { firstLineOf } from '../base/error-text.ts';
import { publicFacts } from '../compose/published/public-facts.ts';
import { formatRecords, recordsToPublish } from '../compose/published/records.ts';
import type { Config } from '../config/config.ts';
import { configFileNames } from '../config/load.ts';
import { domainKey, parseMailbox } from '../mail/fields/address.ts';
import { loadServerTls } from '../net/tls.ts';
import { generatePassword } from '../policy/accounts/account-changes.ts';
import type { KeyRecord } from '../trust/dkim-keys.ts';
import { createKeys, keyDirectory, readIndex, recordOf } from '../trust/dkim-keys.ts';
import type { Context } from './context.ts';
import { CliError } from './context.ts';
import { readPassword } from './password.ts';
import { loadOrFail } from './settings.ts';
import { withOperations } from './with-operations.ts';

interface InitOptions {
  readonly hostname?: string;
  readonly dataDirectory?: string;
  readonly user?: string;
  readonly acme?: boolean;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

export function initCommand(context: Context): Command {
  return new Command('init')
    .description('write a configuration and the first account; print the DNS records to publish')
    .argument('<address>', 'yours, for instance ann@example.org')
    .option(
      '--hostname <name>',
      'name of this machine in the DNS; default: its own, or mail.DOMAIN',
    )
    .option('--data-directory <directory>', 'where mail is kept; default: ./postrider-data')
    .option('--user <user>', 'who the server is; so that root makes nothing of its own there')
    .option('--acme', "certificates from Let's Encrypt, to whose terms you agree by this")
    .option('--password-stdin', 'the password is the first line of stdin; else one is made up')
    .option('--json', 'machine-readable output')
    .action((address: string, options: InitOptions) => init(context, address, options));
}

async function init(context: Context, address: string, options: InitOptions): Promise<void> {
  const mailbox = parseMailbox(address);
  if (mailbox === undefined || mailbox.domain === '')
    throw new CliError(2, `'${address}' is not a mail address like ann@example.org`);
  const existing = configFileNames.find((name) => existsSync(join(context.cwd, name)));
  if (existing !== undefined)
    throw new CliError(1, `${existing} is here already; nothing was changed`);
  const domain = domainKey(mailbox.domain);
  const hostname = options.hostname ?? guessHostname(domain);
  const fromStdin = options.passwordStdin === true;
  const password = fromStdin ? await readPassword(context, true) : generatePassword();

  const file = join(context.cwd, configFileNames[0]);
  writeNew(file, configText({ ...options, hostname, domain, address }));
  const config = await furnish(context, file, { address, password }).catch((error) => {
    rmSync(file, { force: true }); // so that it can be tried again
    throw error;
  });

  const keys = makeKeys(config, domain, `postrider account password ${address}`);
  const records = recordsToPublish({ ...publicFacts(config), domain, keys });
  if (options.json === true) {
    await context.print(
      `${JSON.stringify({ config: file, account: address, ...(!fromStdin && { password }), records })}\n`,
    );
    return;
  }
  await context.print(`Written: ${file}
Account: ${address}${fromStdin ? '' : `, password ${password}`}

Publish in the DNS:

${formatRecords(records)}
Then: \`postrider check --dns\`, and \`postrider serve\`.
`);
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? 'you may not write there; become root, or go elsewhere' : code;
    throw new CliError(1, `cannot write ${file}: ${why}`);
  }
}

/** What the configuration speaks of: the account, and the certificate if it is ours to make. */
async function furnish(
  context: Context,
  file: string,
  account: { readonly address: string; readonly password: string },
): Promise<Config> {
  const { config } = await loadOrFail(file, context.cwd);
  await withOperations(context, { config: file }, (operations) => operations.accountAdd(account));
  if (config.tls === 'self-signed')
    await loadServerTls(config.tls, {
      directory: join(config.dataDirectory, 'tls'),
      hostname: config.hostname,
    });
  return config;
}

/** Those that sign for the domain, made where there are none; as whoever the data directory belongs to by now. */
function makeKeys(
  { dataDirectory }: Config,
  domain: string,
  anotherPassword: string,
): readonly KeyRecord[] {
  const directory = keyDirectory(dataDirectory);
  const now = new Date();
  try {
    const known = readIndex(directory).filter(
      (entry) => entry.domain === domain && entry.state === 'active',
    );
    const keys = known.length > 0 ? known : createKeys(directory, { domain, state: 'active', now });
    return keys.map((entry) => recordOf(directory, entry));
  } catch (error) {
    throw new CliError(
      1,
      `${firstLineOf(error)}; all but the keys is there: \`postrider dkim create\` makes them, \`${anotherPassword}\` another password`,
    );
  }
}

/** The machine's own name where it is a full one in the domain. */
function guessHostname(domain: string): string {
  const own = machineName().toLowerCase();
  return own.endsWith(`.${domain}`) ? own : `mail.${domain}`;
}

/** Certificates where certbot puts them are taken; otherwise one of our own, to be replaced. */
function configText(facts: {
  readonly hostname: string;
  readonly domain: string;
  readonly address: string;
  readonly dataDirectory?: string;
  readonly user?: string;
  readonly acme?: boolean;
}): string {
  const { hostname, domain, address, dataDirectory, user } = facts;
  const where = dataDirectory === undefined ? '' : `\n  dataDirectory: ${quote(dataDirectory)},`;
  const who = user === undefined ? '' : `\n  user: ${quote(user)},`;
  const live = `/etc/letsencrypt/live/${hostname}`;
  const byAcme = facts.acme === true;
  const fromFiles = existsSync(`${live}/fullchain.pem`)
    ? `{ certificate: ${quote(`${live}/fullchain.pem`)}, privateKey: ${quote(`${live}/privkey.pem`)} }`
    : "'self-signed'";
  const tls = byAcme ? acmeText({ hostname, domain, address }) : fromFiles;
  // The authority asks at 80; MTA-STS, the set-up of mail programs and the console are at 443.
  const http = byAcme
    ? "\n    { service: 'http', port: 80, tls: 'none' },\n    { service: 'http', port: 443, tls: 'implicit' },"
    : '';
  const begin = 'export default defineConfig({';
  return `import { defineConfig } from 'postrider';

// Every setting is explained in docs/config.md; \`postrider check\` tells what is wrong with this.
${begin}
  hostname: ${quote(hostname)},${where}
  domains: [${quote(domain)}],
  aliases: {
    ${quote(`postmaster@${domain}`)}: [${quote(address)}],
    ${quote(`abuse@${domain}`)}: [${quote(address)}],
  },
  listeners: [
    { service: 'smtp', port: 25 },
    { service: 'submission', port: 587 },
    { service: 'submission', port: 465, tls: 'implicit' },
    { service: 'imap', port: 993, tls: 'implicit' },
    { service: 'pop3', port: 995, tls: 'implicit' },${http}
  ],
  // SCRAM-SHA-256-PLUS, which Mutt and NeoMutt choose and cannot do.
  login: { channelBinding: false },
  tls: ${tls},${who}
});
`;
}

/** A certificate of its own for what mail does without, so that a name which is not in the DNS yet holds up only those. */
const acmeText = (facts: {
  readonly hostname: string;
  readonly domain: string;
  readonly address: string;
}): string => `{
    acme: {
      contact: ${quote(facts.address)},
      termsAgreed: true,
      names: [
        ${quote(facts.hostname)},
        [${['mta-sts', 'autoconfig', 'autodiscover'].map((label) => quote(`${label}.${facts.domain}`)).join(', ')}],
      ],
    },
  }`;

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
