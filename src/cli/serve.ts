// `postrider serve`: the server in the foreground.

import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Context } from './context.ts';
import { runServer } from './run-server.ts';
import { loadOrFail } from './settings.ts';

export function serveCommand(context: Context): Command {
  return new Command('serve')
    .description('run the server in the foreground')
    .option('--config <file>', 'configuration; default: postrider.config.ts, .js or .json here')
    .action(async (options: { readonly config?: string }) => {
      const { config, path, advice } = await loadOrFail(options.config, context.cwd);
      await runServer(context, {
        config,
        advice,
        load: () => loadConfig(path, context.cwd),
        onReady: () => context.print('ready\n'),
      });
    });
}
