// `postrider dkim …`: the keys that mail is signed with, and what the DNS has to say of them. Works on the files
// of the data directory, whether the server runs or not; a running one sees them within a minute.

import { Command } from 'commander';
import { formatRecords } from '../compose/published/records.ts';
import { domainKey, isAddressLiteral, isDomain } from '../mail/fields/address.ts';
import { becomeOwner, becomeUser } from '../net/privileges.ts';
import { openDataDirectory } from '../store/files/directory.ts';
import type { KeyEntry, KeyRecord } from '../trust/dkim-keys.ts';
import {
  activateKeys,
  createKeys,
  KeyFilesError,
  keyDirectory,
  readIndex,
  recordOf,
} from '../trust/dkim-keys.ts';
import type { Context } from './context.ts';
import { CliError } from './context.ts';
import { printTable } from './print-table.ts';
import type { CommonOptions } from './settings.ts';
import { reach, withCommonOptions } from './settings.ts';
import { minuteOf } from './table.ts';

export function dkimCommand(context: Context): Command {
  const command = new Command('dkim').description(
    'keys that mail is signed with, and their records',
  );
  for (const part of [create, rotate, list, record]) command.addCommand(part(context));
  return command;
}

const create = (context: Context) =>
  withCommonOptions(new Command('create'))
    .description(
      'make keys for a domain and print their DNS records; without one, for every domain',
    )
    .argument('[domain]')
    .action((domain: string | undefined, options: CommonOptions) =>
      withKeys(context, options, async ({ dataDirectory, directory, domains }) => {
        await openDataDirectory(dataDirectory);
        const known = new Set(readIndex(directory).map((entry) => entry.domain));
        const wanted =
          domain === undefined ? domains.filter((name) => !known.has(name)) : [domainOf(domain)];
        if (wanted.length === 0)
          throw new CliError(1, 'every domain has keys already; see `dkim list`');
        const now = new Date();
        const made = wanted.flatMap((name) =>
          createKeys(directory, { domain: name, state: 'active', now }),
        );
        await printRecords(context, options, recordsOf(directory, made));
        context.note('mail is signed within a minute; publish the records now');
      }),
    );

interface RotateOptions extends CommonOptions {
  readonly activate?: boolean;
}

const rotate = (context: Context) =>
  withCommonOptions(new Command('rotate'))
    .description('make the next keys and print their DNS records; called again, they sign')
    .argument('[domain]')
    .option('--activate', 'let the next keys sign, and make none where there are none')
    .action((domain: string | undefined, options: RotateOptions) =>
      withKeys(context, options, async ({ directory }) => {
        const entries = chosen(readIndex(directory), domain);
        const now = new Date();
        const made: KeyEntry[] = [];
        const waiting = new Set(
          entries.filter(({ state }) => state === 'next').map((entry) => entry.domain),
        );
        // Where there are none at all, that is said.
        const isOfThese = options.activate === true && waiting.size > 0;
        for (const name of isOfThese ? waiting : new Set(entries.map((entry) => entry.domain))) {
          if (waiting.has(name) || options.activate === true)
            tellActivated(context, activateKeys(directory, { domain: name, now }));
          else made.push(...createKeys(directory, { domain: name, state: 'next', now }));
        }
        if (made.length > 0 || options.json === true)
          await printRecords(context, options, recordsOf(directory, made));
        if (made.length > 0)
          context.note(
            'publish the records; when the DNS has them, `postrider dkim rotate --activate`',
          );
      }),
    );

function tellActivated(
  context: Context,
  { active, removed }: ReturnType<typeof activateKeys>,
): void {
  const names = (keys: readonly KeyEntry[]) =>
    keys.map(({ selector, domain }) => `${selector}._domainkey.${domain}`).join(', ');
  context.note(`within a minute mail is signed by ${names(active)}`);
  context.note('leave the records of the keys before for another 30 days');
  if (removed.length > 0) context.note(`no longer needed in the DNS: ${names(removed)}`);
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('list the keys: domain, selector, algorithm, state, since')
    .argument('[domain]')
    .action((domain: string | undefined, options: CommonOptions) =>
      withKeys(context, options, async ({ directory }) => {
        const all = readIndex(directory);
        const entries = domain === undefined ? all : chosen(all, domain);
        const count = await printTable(context, entries, options.json === true, {
          head: ['domain', 'selector', 'algorithm', 'state', 'since'],
          row: ({ domain: of, selector, algorithm, state, since }) => [
            ...[of, selector, algorithm, state, minuteOf(since)],
          ],
        });
        if (count === 0 && options.json !== true)
          context.note('no keys: mail is not signed; see `postrider dkim create`');
      }),
    );

const record = (context: Context) =>
  withCommonOptions(new Command('record'))
    .description('print the DNS records of keys, as a zone file or (--json) an array')
    .argument('[domain]')
    .action((domain: string | undefined, options: CommonOptions) =>
      withKeys(context, options, async ({ directory }) =>
        printRecords(context, options, recordsOf(directory, chosen(readIndex(directory), domain))),
      ),
    );

interface Keys {
  readonly dataDirectory: string;
  readonly directory: string;
  /** Those that the configuration names. */
  readonly domains: readonly string[];
}

/** As whoever the data directory belongs to. @throws CliError */
async function withKeys(
  context: Context,
  options: CommonOptions,
  use: (keys: Keys) => Promise<void>,
): Promise<void> {
  await using reached = await reach(options, context);
  const { dataDirectory, config } = reached;
  if (config?.user === undefined) becomeOwner(dataDirectory);
  else becomeUser(config.user, dataDirectory);
  const names = (config?.domains ?? []).filter((name) => isDomain(name));
  try {
    await use({
      dataDirectory,
      directory: keyDirectory(dataDirectory),
      domains: names.map(domainKey),
    });
  } catch (error) {
    if (error instanceof KeyFilesError) throw new CliError(1, error.message);
    throw error;
  }
}

function domainOf(text: string): string {
  const domain = domainKey(text);
  if (!isDomain(domain) || isAddressLiteral(domain))
    throw new CliError(2, `'${text}' is not a domain like example.org`);
  return domain;
}

/** @throws CliError where there are none. */
function chosen(entries: readonly KeyEntry[], domain: string | undefined): readonly KeyEntry[] {
  const name = domain === undefined ? undefined : domainOf(domain);
  const found = entries.filter((entry) => name === undefined || entry.domain === name);
  if (found.length === 0)
    throw new CliError(
      1,
      `there are no keys${name === undefined ? '' : ` of ${name}`}; see \`postrider dkim create\``,
    );
  return found;
}

const recordsOf = (directory: string, entries: readonly KeyEntry[]) =>
  entries.map((entry) => ({ ...recordOf(directory, entry), why: whyOf[entry.state] }));

const whyOf = {
  active: 'mail is signed by it',
  next: 'mail will be signed by it',
  retired: 'mail was signed by it',
} as const;

async function printRecords(
  context: Context,
  { json }: CommonOptions,
  records: readonly (KeyRecord & { readonly why: string })[],
): Promise<void> {
  const plain = records.map(({ name, type, value }) => ({ name, type, value }));
  await context.print(json === true ? `${JSON.stringify(plain)}\n` : formatRecords(records));
}
