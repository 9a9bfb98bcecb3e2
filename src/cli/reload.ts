// `postrider reload`: the same as SIGHUP, with the problems printed here.

import { Command } from 'commander';
import { connectControl } from '../admin/control-client.ts';
import type { Context } from './context.ts';
import { CliError } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { settingsOf, withCommonOptions } from './settings.ts';

export function reloadCommand(context: Context): Command {
  return withCommonOptions(new Command('reload'))
    .description('make the running server read its configuration and certificates again')
    .action(async (options: CommonOptions) => {
      const { dataDirectory } = await settingsOf(options, context);
      await using server = await connectControl(dataDirectory);
      if (server === undefined)
        throw new CliError(
          1,
          `no server runs on ${dataDirectory}; start it with \`postrider serve\``,
        );
      const problems = await server.reload();
      if (problems.length > 0)
        throw new CliError(
          2,
          `not reloaded, the old configuration stays in force: ${problems.join('; ')}`,
        );
      await context.print(options.json ? '{"reloaded":true}\n' : 'reloaded\n');
    });
}
