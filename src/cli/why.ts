// `postrider why ID`: everything known of one message, also after it has left the queue.

import { Command } from 'commander';
import type { Context } from './context.ts';
import { printable } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { withOperations } from './with-operations.ts';

export function whyCommand(context: Context): Command {
  return withCommonOptions(new Command('why'))
    .description(
      'everything known of one message: where it came from, what was tried, what was said',
    )
    .argument('<id>', 'queue id or Message-ID; for what was refused, an address or a session')
    .action(async (id: string, options: CommonOptions) => {
      await withOperations(context, options, async (operations) => {
        const { stories, text } = await operations.why({ id });
        if (options.json)
          return context.print(stories.map((story) => `${JSON.stringify(story)}\n`).join(''));
        return context.print(`${text.trimEnd().split('\n').map(printable).join('\n')}\n`);
      });
    });
}
