// `postrider device …`: phones that ask by Exchange ActiveSync. Works whether the server runs or not.

import { Command } from 'commander';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { printTable } from './print-table.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { minuteOf } from './table.ts';
import { withOperations } from './with-operations.ts';

export function deviceCommand(context: Context): Command {
  const command = new Command('device').description('phones that ask by Exchange ActiveSync');
  for (const part of [list, block, unblock, remove, wipe]) command.addCommand(part(context));
  return command;
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('phones, of an account or of all')
    .argument('[address]')
    .action(async (address: string | undefined, options: CommonOptions) => {
      const asked = address === undefined ? {} : { account: address };
      await withOperations(context, options, async (o) => {
        const count = await printTable(context, o.deviceList(asked), options.json === true, {
          head: ['account', 'device', 'name', 'version', 'state', 'seen'],
          row: ({ account, device, type, version, state, lastSeen, facts }) => [
            ...[account, device, facts.FriendlyName ?? facts.Model ?? type, version],
            ...[state, minuteOf(lastSeen)],
          ],
        });
        if (count === 0 && options.json !== true) context.note('no devices');
      });
    });

const named = (name: string) =>
  withCommonOptions(new Command(name))
    .argument('<address>', 'of the account')
    .argument('<device>', 'as `device list` names it');

async function say(context: Context, options: CommonOptions, what: string, device: string) {
  await context.print(
    options.json === true ? `${JSON.stringify({ [what]: device })}\n` : `${device} is ${what}\n`,
  );
}

const blocking = (name: 'block' | 'unblock', about: string) => (context: Context) =>
  named(name)
    .description(about)
    .action(async (account: string, device: string, options: CommonOptions) => {
      const blocked = name === 'block';
      await withOperations(context, options, (o) => o.deviceBlock({ account, device, blocked }));
      await say(context, options, `${name}ed`, device);
    });

const block = blocking('block', 'let a phone in no more');
const unblock = blocking('unblock', 'let it in again');

const remove = (context: Context) =>
  named('remove')
    .description('forget a phone; when it asks again, it begins anew')
    .action(async (account: string, device: string, options: CommonOptions) => {
      await withOperations(context, options, (o) => o.deviceRemove({ account, device }));
      await say(context, options, 'removed', device);
    });

interface WipeOptions extends CommonOptions {
  readonly wholeDevice?: boolean;
  readonly cancel?: boolean;
  readonly yes?: boolean;
}

const wipe = (context: Context) =>
  named('wipe')
    .description('tell a phone to delete the account when it asks next')
    .option('--whole-device', 'everything that is on it: the only way before version 16.1')
    .option('--cancel', 'take it back, as long as the phone has not asked')
    .option('--yes', 'do not ask')
    .action(async (account: string, device: string, given: WipeOptions) => {
      const { wholeDevice = false, cancel = false, yes, ...options } = given;
      const what = wholeDevice ? `everything on ${device}` : `the mail of ${account} on ${device}`;
      if (!cancel) await confirm(context, `Delete ${what}`, { yes });
      await withOperations(context, options, (o) =>
        o.deviceWipe({ account, device, wholeDevice, cancel }),
      );
      await say(context, options, cancel ? 'not to be wiped' : 'to be wiped', device);
    });
