// `postrider admin …`: who logs in to the console. Works whether the server runs or not.

import { Command } from 'commander';
import { generatePassword } from '../policy/accounts/account-changes.ts';
import { readAllows } from './allows.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { CliError, printable, printLines } from './context.ts';
import { done } from './done.ts';
import { readPassword } from './password.ts';
import { printTable } from './print-table.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { withOperations } from './with-operations.ts';

export function adminCommand(context: Context): Command {
  const command = new Command('admin').description('who may log in to the console');
  for (const part of [add, list, password, allow, remove, secondFactor, passkey, audit])
    command.addCommand(part(context));
  return command;
}

interface PasswordOptions extends CommonOptions {
  readonly passwordStdin?: boolean;
}

const add = (context: Context) =>
  withCommonOptions(new Command('add'))
    .description('let somebody log in to the console')
    .argument('<name>')
    .option('--allow <what>', '`read`, `all`, or names of operations, with commas', 'all')
    .option('--password-stdin', 'the password is the first line of stdin')
    .action(async (name: string, options: PasswordOptions & { readonly allow: string }) => {
      const allows = readAllows(options.allow);
      const { chosen, told } = await choose(context, options);
      await withOperations(context, options, (o) =>
        o.administratorAdd({ name, password: chosen, allows }),
      );
      await done(context, options, `${name} may log in${told}`, { name, allows });
    });

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('the administrators there are')
    .action(async (options: CommonOptions) => {
      await withOperations(context, options, async (o) => {
        const json = options.json === true;
        const count = await printTable(context, o.administratorList(), json, {
          head: ['name', 'second factor', 'passkeys', 'allows'],
          row: ({ name, secondFactor, passkeys, allows }) => [
            ...[name, secondFactor ? 'yes' : 'no', passkeys.map((key) => key.name).join(', ')],
            allows.join(','),
          ],
        });
        if (count === 0 && !json)
          context.note('nobody; let somebody in with `postrider admin add NAME`');
      });
    });

const password = (context: Context) =>
  withCommonOptions(new Command('password'))
    .description('change a password; logs its owner out everywhere')
    .argument('<name>')
    .option('--password-stdin', 'the password is the first line of stdin')
    .action(async (name: string, options: PasswordOptions) => {
      const { chosen, told } = await choose(context, options);
      await withOperations(context, options, (o) =>
        o.administratorChange({ name, password: chosen }),
      );
      await done(context, options, `password of ${name} changed${told}`, { name });
    });

const allow = (context: Context) =>
  withCommonOptions(new Command('allow'))
    .description('change what somebody may do; logs them out everywhere')
    .argument('<name>')
    .argument('<what>', '`read`, `all`, or names of operations, with commas')
    .action(async (name: string, what: string, options: CommonOptions) => {
      const allows = readAllows(what);
      await withOperations(context, options, (o) => o.administratorChange({ name, allows }));
      await done(context, options, `${name} may ${allows.join(', ')}`, { name, allows });
    });

const remove = (context: Context) =>
  withCommonOptions(new Command('remove'))
    .description('let somebody log in no more')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .action(async (name: string, options: CommonOptions & { readonly yes?: boolean }) => {
      await confirm(context, `Remove the administrator ${name}`, options);
      await withOperations(context, options, (o) => o.administratorRemove({ name }));
      await done(context, options, `${name} may log in no more`, { name });
    });

const secondFactor = (context: Context) =>
  new Command('second-factor')
    .description('a code of an authenticator program beside the password')
    .addCommand(
      withCommonOptions(new Command('add'))
        .argument('<name>')
        .option('--secret <hex>', 'of the offer')
        .option('--code <digits>', 'what the program shows for it')
        .action(async (name: string, options: FactorOptions) => {
          const { secret, code } = options;
          if ((secret === undefined) !== (code === undefined))
            throw new CliError(
              2,
              '--secret and --code belong together; without them a secret is made',
            );
          if (secret === undefined || code === undefined) await offer(context, name, options);
          else {
            await withOperations(context, options, (o) =>
              o.secondFactorAdd({ name, secret, code }),
            );
            await done(context, options, `${name} logs in with a code from now on`, { name });
          }
        }),
    )
    .addCommand(
      withCommonOptions(new Command('remove'))
        .argument('<name>')
        .action(async (name: string, options: CommonOptions) => {
          await withOperations(context, options, (o) => o.secondFactorRemove({ name }));
          await done(context, options, `${name} logs in without a code`, { name });
        }),
    );

interface FactorOptions extends CommonOptions {
  readonly secret?: string;
  readonly code?: string;
}

async function offer(context: Context, name: string, options: FactorOptions): Promise<void> {
  const { secret, uri } = await withOperations(context, options, (o) =>
    o.secondFactorOffer({ name }),
  );
  await done(context, options, uri, { name, secret, uri });
  context.note(
    `Give this to the authenticator program, then: postrider admin second-factor add ${name} --secret ${secret} --code CODE`,
  );
}

const passkey = (context: Context) =>
  new Command('passkey')
    .description('passkeys are made in the console, by whose they are')
    .addCommand(
      withCommonOptions(new Command('remove'))
        .argument('<name>')
        .argument('<passkey>')
        .action(async (name: string, passkey: string, options: CommonOptions) => {
          await withOperations(context, options, (o) => o.passkeyRemove({ name, passkey }));
          await done(context, options, `${passkey} of ${name} opens nothing any more`, {
            name,
            passkey,
          });
        }),
    );

const audit = (context: Context) =>
  withCommonOptions(new Command('audit'))
    .description('who changed what, the latest first')
    .option('--limit <number>', 'lines', '50')
    .action(async (options: CommonOptions & { readonly limit: string }) => {
      if (!/^[1-9]\d{0,2}$/.test(options.limit))
        throw new CliError(2, '--limit is a number from 1 to 999');
      await withOperations(context, options, async (o) => {
        const { entries } = await o.auditList({ limit: Number(options.limit) });
        await printLines(context, entries, options.json === true, (one) =>
          printable(
            `${one.at}  ${one.who}${one.client && ` (${one.client})`}  ${one.what} ${one.input}  ${one.outcome}`,
          ),
        );
      });
    });

/** The password, and what is said of one that was made up. */
async function choose(context: Context, { passwordStdin }: PasswordOptions) {
  const given = await readPassword(context, passwordStdin === true);
  if (given !== '') return { chosen: given, told: '' };
  const chosen = generatePassword();
  return { chosen, told: `; the password is ${chosen}` };
}
