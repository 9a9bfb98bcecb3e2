// `postrider serve`: the server in the foreground.

import { Command } from 'commander';
import { messageOf } from '../base/error-text.ts';
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
        // Mail is served all the same where nobody reads it, or where the disk that it goes to is full.
        onReady: () =>
          context
            .print('ready\n')
            .catch((error: unknown) =>
              context.note(
                `postrider: ready, which could not be said on stdout: ${messageOf(error)}`,
              ),
            ),
      });
    });
}
