// `postrider reload`: the same as SIGHUP, with the problems printed here.

import { Command } from 'commander';
import type { Context } from './context.ts';
import { CliError } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { reach, withCommonOptions } from './settings.ts';

export function reloadCommand(context: Context): Command {
  return withCommonOptions(new Command('reload'))
    .description('make the running server read its configuration and certificates again')
    .action(async (options: CommonOptions) => {
      await using reached = await reach(options, context);
      const { server, dataDirectory } = reached;
      if (server === undefined)
        throw new CliError(
          1,
          `no server runs on ${dataDirectory}; start it with \`postrider serve\`, or name its data directory with --data if that has been changed`,
        );
      const { problems, later } = await server.reload();
      if (problems.length > 0)
        throw new CliError(
          2,
          `not reloaded, the old configuration stays in force: ${problems.join('; ')}`,
        );
      await context.print(
        options.json
          ? `${JSON.stringify({ reloaded: true, needsRestart: later })}\n`
          : 'reloaded\n',
      );
      if (later.length > 0 && options.json !== true)
        context.note(`not before a restart: ${later.join(', ')}`);
    });
}
