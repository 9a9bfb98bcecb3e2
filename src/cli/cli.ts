// The command line: one file for each command of `postrider COMMAND`. Errors are one line that says
// what is wrong, where, and what to do; never a stack. Exit status 0 done, 1 it failed, 2 the call
// or the configuration is wrong.

import { Command, CommanderError } from 'commander';
import { firstLineOf } from '../base/error-text.ts';
import { version } from '../base/version.ts';
import type { Actions, Context } from './context.ts';
import { CliError, OutputClosed, processContext } from './context.ts';
import { addExamples } from './examples.ts';

export type { Actions } from './context.ts';

type MakeCommand = (context: Context) => Command;

/** In the order of the help. Only what is called is read: most commands need a part of the program. */
const commands: ReadonlyMap<string, () => Promise<MakeCommand>> = new Map([
  ['serve', async () => (await import('./serve.ts')).serveCommand],
  ['dev', async () => (await import('./dev.ts')).devCommand],
  ['init', async () => (await import('./init.ts')).initCommand],
  ['check', async () => (await import('./check.ts')).checkCommand],
  ['account', async () => (await import('./account.ts')).accountCommand],
  ['mail', async () => (await import('./mail.ts')).mailCommand],
  ['queue', async () => (await import('./queue.ts')).queueCommand],
  ['why', async () => (await import('./why.ts')).whyCommand],
  ['send', async () => (await import('./send.ts')).sendCommand],
  ['sendmail', async () => (await import('./sendmail.ts')).sendmailCommand],
  ['top', async () => (await import('./top.ts')).topCommand],
  ['log', async () => (await import('./log-command.ts')).logCommand],
  ['report', async () => (await import('./report.ts')).reportCommand],
  ['node', async () => (await import('./node.ts')).nodeCommand],
  ['store', async () => (await import('./store.ts')).storeCommand],
  ['dkim', async () => (await import('./dkim.ts')).dkimCommand],
  ['certificate', async () => (await import('./certificate.ts')).certificateCommand],
  ['admin', async () => (await import('./admin.ts')).adminCommand],
  ['device', async () => (await import('./device.ts')).deviceCommand],
  ['token', async () => (await import('./token.ts')).tokenCommand],
  ['reload', async () => (await import('./reload.ts')).reloadCommand],
  ['backup', async () => (await import('./backup.ts')).backupCommand],
  ['restore', async () => (await import('./backup.ts')).restoreCommand],
  ['verify', async () => (await import('./backup.ts')).verifyCommand],
  [
    'completion',
    async () => {
      const { completionCommand } = await import('./completion.ts');
      return (context) => completionCommand(context, () => programOf([], context));
    },
  ],
]);

/** The one that is called; all of them where help is asked for, or nothing of that name is there. */
async function commandsFor(
  [first = '']: readonly string[],
  context: Context,
): Promise<readonly Command[]> {
  const called = commands.get(first);
  const wanted = called === undefined ? [...commands.values()] : [called];
  if (first === '--version') return [];
  return Promise.all(wanted.map(async (load) => (await load())(context)));
}

/** The exit status. Never throws. */
export async function runCli(
  argv: readonly string[],
  actions: Actions,
  context = processContext(actions),
): Promise<number> {
  const program = await programOf(argv, context);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    return explain(error, context);
  }
}

/** With the one command that is called, or all of them. */
export async function programOf(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command('postrider')
    .description('A complete mail server.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'help for a command')
    .helpCommand('help [command]', 'help for a command')
    .showSuggestionAfterError();
  for (const command of await commandsFor(argv, context)) program.addCommand(command);
  addExamples(program);
  quiet(program);
  return program;
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
      .replace(/ is invalid\. Allowed choices are (.*)\.$/, ' is invalid; it is one of $1')
      .replace(' is invalid. must be', ' is invalid; it must be')
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
  if (!(error instanceof Error)) return 1;
  if (error.name === 'StoreOpenError')
    return 'problem' in error && error.problem === 'moved' ? 2 : 1;
  if (!configurationErrors.has(error.name)) return 1;
  return 'mayPass' in error && error.mayPass === true ? 1 : 2;
}

/** A CliError may have several lines: every problem of a configuration. */
function messageOf(error: unknown): string {
  if (error instanceof CliError) return error.message;
  return firstLineOf(error);
}
