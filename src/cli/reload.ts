// `postrider reload`: the same as SIGHUP, with the problems printed here.

import { Command } from 'commander';
import type { RemoteOperations } from '../admin/control-client.ts';
import type { Context } from './context.ts';
import { CliError } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { reach, withCommonOptions } from './settings.ts';

export function reloadCommand(context: Context): Command {
  return withCommonOptions(new Command('reload'))
    .description('make the running server read its configuration and certificates again')
    .action(async (options: CommonOptions) => {
      await using reached = await reach(options, context);
      const { server, dataDirectory, config } = reached;
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
      if (options.json === true) return;
      if (later.length > 0) context.note(`not before a restart: ${later.join(', ')}`);
      if (config?.store.kind !== 'postgres') return;
      const others = await nodesBeside(config.store.node, server);
      if (others.length > 0)
        context.note(
          `at this node alone; change the configuration, and call this, at the others as well: ${others.join(', ')}`,
        );
    });
}

/** Those that are at work. It is a hint: while the database is away there is none. */
async function nodesBeside(own: string, server: RemoteOperations): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, state } of server.nodeList())
      if (name !== own && state !== 'gone') names.push(name);
  } catch {}
  return names;
}
