// `postrider account …`: who has a mailbox here and may log in. Works whether the server runs or not.

import { Command } from 'commander';
import type { Operations } from '../admin/operations.ts';
import { addressKey } from '../mail/fields/address.ts';
import { generatePassword } from '../policy/accounts/account-changes.ts';
import { accountRulesCommand } from './account-rules.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { printable } from './context.ts';
import { done } from './done.ts';
import { readPassword } from './password.ts';
import { printTable } from './print-table.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { counted } from './table.ts';
import { withOperations } from './with-operations.ts';

interface PasswordOptions extends CommonOptions {
  readonly passwordStdin?: boolean;
}

export function accountCommand(context: Context): Command {
  const command = new Command('account').description('accounts and their passwords');
  for (const part of [
    ...[add, list, password, release, remove, address, appPassword, accountRulesCommand],
  ])
    command.addCommand(part(context));
  return command;
}

const add = (context: Context) =>
  withCommonOptions(new Command('add'))
    .description('create an account')
    .argument('<address>')
    .option('--password-stdin', 'the password is the first line of stdin')
    .action(async (address: string, options: PasswordOptions) => {
      await withOperations(context, options, async (operations) => {
        const chosen = await choosePassword(context, options);
        const { advice, address: stored } = await operations.accountAdd({
          address,
          password: chosen.password,
        });
        await report(context, options, `account ${stored} created`, stored, chosen, advice);
      });
    });

const password = (context: Context) =>
  withCommonOptions(new Command('password'))
    .description('change the password of an account')
    .argument('<address>')
    .option('--password-stdin', 'the password is the first line of stdin')
    .action(async (address: string, options: PasswordOptions) => {
      await withOperations(context, options, async (operations) => {
        const chosen = await choosePassword(context, options);
        const { advice } = await operations.accountPassword({ address, password: chosen.password });
        await report(context, options, `password of ${address} changed`, address, chosen, advice);
      });
    });

const release = (context: Context) =>
  withCommonOptions(new Command('release'))
    .description('let an account send again that was stopped for sending too much')
    .argument('<address>')
    .action(async (address: string, options: CommonOptions) => {
      await withOperations(context, options, (o) => o.accountRelease({ address }));
      await done(context, options, `${address} may send again`, { address });
    });

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('the accounts there are')
    .action(async (options: CommonOptions) => {
      await withOperations(context, options, async (operations) => {
        const lines = operations.accountList();
        const count = await printTable(context, lines, options.json === true, {
          head: ['account', 'messages', 'bytes', ''],
          row: ({ address, messages, bytes, addresses, appPasswords, held }) => {
            const also = addresses.slice(1);
            const facts = [
              ...(held === null ? [] : [`may not send until ${held.until}`]),
              ...(also.length === 0 ? [] : [`also ${also.join(', ')}`]),
              ...(appPasswords.length === 0 ? [] : [`app passwords: ${appPasswords.join(', ')}`]),
            ];
            return [address, messages, bytes, facts.join('; ')];
          },
        });
        if (count === 0 && options.json !== true)
          context.note('there are no accounts; create one with `postrider account add ADDRESS`');
      });
    });

const remove = (context: Context) =>
  withCommonOptions(new Command('remove'))
    .description('remove an account and all its mail')
    .argument('<address>')
    .option('--yes', 'do not ask')
    .action(async (address: string, options: CommonOptions & { readonly yes?: boolean }) => {
      await withOperations(context, options, async (operations) => {
        await confirm(context, await removal(operations, address), options);
        await operations.accountRemove({ address });
      });
      await done(context, options, `account ${address} removed with its mail`, { address });
    });

/** What would go. An account that is not there is for accountRemove() to speak of. */
async function removal(operations: Operations, address: string): Promise<string> {
  const key = addressKey(address);
  for await (const account of operations.accountList())
    if (account.address === key)
      return `Remove the account ${key} and its ${counted(account.messages, 'message')} (${counted(account.bytes, 'byte')}), for good`;
  return `Remove the account ${address}`;
}

const address = (context: Context) =>
  new Command('address')
    .description('further addresses of an account')
    .addCommand(
      withCommonOptions(new Command('add'))
        .argument('<account>')
        .argument('<address>')
        .action(async (account: string, address: string, options: CommonOptions) => {
          const { advice } = await withOperations(context, options, (o) =>
            o.addressAdd({ account, address }),
          );
          if (advice !== null) context.note(printable(advice));
          await done(context, options, `${address} belongs to ${account} now`, {
            account,
            address,
          });
        }),
    )
    .addCommand(
      withCommonOptions(new Command('remove'))
        .argument('<account>')
        .argument('<address>')
        .action(async (account: string, address: string, options: CommonOptions) => {
          await withOperations(context, options, (o) => o.addressRemove({ account, address }));
          await done(context, options, `${address} no longer belongs to ${account}`, {
            account,
            address,
          });
        }),
    );

const appPassword = (context: Context) =>
  new Command('app-password')
    .description('passwords for single programs, each revoked by itself')
    .addCommand(
      withCommonOptions(new Command('add'))
        .argument('<account>')
        .argument('<name>')
        .action(async (account: string, name: string, options: CommonOptions) => {
          await withOperations(context, options, async (operations) => {
            const made = await operations.appPasswordAdd({ account, name });
            await context.print(
              options.json ? `${JSON.stringify({ account, name, password: made })}\n` : `${made}\n`,
            );
            if (!options.json) context.note('It cannot be shown again.');
          });
        }),
    )
    .addCommand(
      withCommonOptions(new Command('remove'))
        .argument('<account>')
        .argument('<name>')
        .action(async (account: string, name: string, options: CommonOptions) => {
          await withOperations(context, options, (o) => o.appPasswordRemove({ account, name }));
          await done(context, options, `app password ${name} of ${account} revoked`, {
            account,
            name,
          });
        }),
    );

interface ChosenPassword {
  readonly password: string;
  readonly generated: boolean;
}

async function choosePassword(
  context: Context,
  { passwordStdin }: PasswordOptions,
): Promise<ChosenPassword> {
  const given = await readPassword(context, passwordStdin === true);
  return given === ''
    ? { password: generatePassword(), generated: true }
    : { password: given, generated: false };
}

async function report(
  context: Context,
  options: CommonOptions,
  sentence: string,
  address: string,
  { password, generated }: ChosenPassword,
  advice: string | null,
): Promise<void> {
  if (advice !== null) context.note(printable(advice));
  await done(context, options, generated ? `${sentence}; its password is ${password}` : sentence, {
    address,
    ...(generated && { password }),
  });
}
