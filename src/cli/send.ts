// `postrider send`: hands one message to any SMTP server and shows the dialogue.

import { Command } from 'commander';
import type { Context } from './context.ts';
export function sendCommand(_context: Context): Command {
  return new Command('send').description(
    'submit one message to any SMTP server and print the dialogue',
  );
}
