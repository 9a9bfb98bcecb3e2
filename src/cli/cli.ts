// The command line: one file for each command of `postrider COMMAND`. Errors are one line that says
// what is wrong, where, and what to do; never a stack. Exit status 0 done, 1 it failed, 2 the call
// or the configuration is wrong.

import { Command, CommanderError } from 'commander';
import { version } from '../base/version.ts';
import { accountCommand } from './account.ts';
import { backupCommand, restoreCommand, verifyCommand } from './backup.ts';
import { checkCommand } from './check.ts';
import type { Actions, Context } from './context.ts';
import { CliError, OutputClosed, processContext } from './context.ts';
import { devCommand } from './dev.ts';
import { initCommand } from './init.ts';
import { mailCommand } from './mail.ts';
import { queueCommand } from './queue.ts';
import { reloadCommand } from './reload.ts';
import { sendCommand } from './send.ts';
import { serveCommand } from './serve.ts';
import { whyCommand } from './why.ts';

export type { Actions } from './context.ts';

const commands: readonly ((context: Context) => Command)[] = [
  serveCommand,
  devCommand,
  initCommand,
  checkCommand,
  accountCommand,
  mailCommand,
  queueCommand,
  whyCommand,
  sendCommand,
  reloadCommand,
  backupCommand,
  restoreCommand,
  verifyCommand,
];

/** The exit status. Never throws. */
export async function runCli(
  argv: readonly string[],
  actions: Actions,
  context = processContext(actions),
): Promise<number> {
  const program = new Command('postrider')
    .description('A complete mail server.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'help for a command')
    .helpCommand('help [command]', 'help for a command')
    .showSuggestionAfterError();
  for (const make of commands) program.addCommand(make(context));
  quiet(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    return explain(error, context);
  }
}

/** commander neither prints nor exits by itself: its errors are ours to show. */
function quiet(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const child of command.commands) quiet(child);
}

function explain(error: unknown, context: Context): number {
  if (error instanceof OutputClosed) return 0;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // --help and --version have been printed
    // Called without a command, commander has printed the help.
    if (error.code === 'commander.help') return 2;
    const text = error.message
      .replace(/^error: /, '')
      // What was given in vain may be a password: it is not repeated.
      .replace(/(unknown option '--?[\w-]+)=.*'/s, "$1=…'")
      .replace(/(Expected \d+ arguments? but got \d+)[.:].*$/s, '$1')
      .replace(/\n\(Did/, ' (did')
      .replace(/\s*\n\s*/g, ' ');
    context.note(`postrider: ${text}; see \`postrider --help\``);
    return 2;
  }
  context.note(`postrider: ${messageOf(error)}`);
  return error instanceof CliError ? error.status : statusOf(error);
}

/**
 * What cannot work however often it is tried is a matter of configuration: ports, certificates,
 * users. Known by name, since they come from many floors. A service manager does not try again after 2.
 */
const configurationErrors: ReadonlySet<string> = new Set([
  'ListenError',
  'TlsError',
  'PrivilegeError',
]);

function statusOf(error: unknown): 1 | 2 {
  if (!(error instanceof Error) || !configurationErrors.has(error.name)) return 1;
  return 'mayPass' in error && error.mayPass === true ? 1 : 2;
}

/** A CliError may have several lines: every problem of a configuration. */
function messageOf(error: unknown): string {
  if (error instanceof CliError) return error.message;
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
}
