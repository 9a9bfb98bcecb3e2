// `postrider completion SHELL`: what the shell needs to complete commands and options, made from the commands
// themselves. It is all in the script: nothing is started while somebody types.

import type { Command } from 'commander';
import { Command as NewCommand } from 'commander';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';

/** A command as it is typed, what may follow it. */
export interface Completion {
  /** '' for postrider itself, `account address add`. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
}

const makers: ReadonlyMap<string, (all: readonly Completion[]) => string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
]);

export function completionCommand(context: Context, everything: () => Promise<Command>): Command {
  return new NewCommand('completion')
    .description('print what bash, zsh or fish needs to complete commands')
    .argument('<shell>', [...makers.keys()].join(', '))
    .action(async (shell: string) => {
      const make = makers.get(shell);
      if (make === undefined)
        throw new CliError(2, `${printable(shell)} is none of ${[...makers.keys()].join(', ')}`);
      await context.print(make(completionsOf(await everything())));
    });
}

/** Of the command and all below it. */
export function completionsOf(command: Command, path = ''): readonly Completion[] {
  const words = [
    ...command.commands.map((one) => ({ word: one.name(), about: one.description() })),
    ...command.options
      .filter(({ hidden }) => !hidden)
      .map((one) => ({ word: one.long ?? one.short ?? '', about: one.description })),
  ].filter(({ word }) => word !== '');
  const below = command.commands.flatMap((one) =>
    completionsOf(one, `${path} ${one.name()}`.trim()),
  );
  return [{ path, words }, ...below];
}

/** Within single quotes of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const caseOf = ({ path, words }: Completion): string =>
  `    ${quoted(path)}) words=${quoted(words.map(({ word }) => word).join(' '))} ;;`;

// The words typed so far, without options, are the longest path that there is a case for.
function bash(all: readonly Completion[]): string {
  return `# bash completion for postrider
_postrider() {
  local current=\${COMP_WORDS[COMP_CWORD]} path='' next words word
  local -A known=(${all.map(({ path }) => `[${quoted(path || '.')}]=1`).join(' ')})
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    [[ -n \${known[$next]} ]] && path=$next
  done
  case $path in
${all.map(caseOf).join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  [[ \${#COMPREPLY[@]} -eq 0 ]] && mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -F _postrider postrider
`;
}

// `path` is what zsh looks for programs in.
function zsh(all: readonly Completion[]): string {
  const cases = all.map(({ path, words }) => {
    const items = words.map(({ word, about }) =>
      quoted(`${word.replaceAll(':', '\\:')}:${about.replaceAll(':', '\\:')}`),
    );
    return `    ${quoted(path)}) items=(${items.join(' ')}) ;;`;
  });
  return `#compdef postrider
_postrider() {
  local at='' next word
  local -a items
  local -A known=(${all.map(({ path }) => `${quoted(path || '.')} 1`).join(' ')})
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${at:+$at }$word"
    [[ -n \${known[$next]} ]] && at=$next
  done
  case $at in
${cases.join('\n')}
  esac
  _describe 'postrider' items || _files
}
# As a file in $fpath this is the function itself; where it is sourced, zsh is told of it.
if [[ $funcstack[1] == _postrider ]]; then _postrider "$@"; else compdef _postrider postrider; fi
`;
}

function fish(all: readonly Completion[]): string {
  const lines = all.flatMap(({ path, words }) =>
    words.map(({ word, about }) => {
      const isOption = word.startsWith('--');
      const what = isOption ? `-l ${quoted(word.slice(2))}` : `-f -a ${quoted(word)}`;
      return `complete -c postrider -n ${quoted(`__postrider_at ${quoted(path)}`)} ${what} -d ${quoted(about)}`;
    }),
  );
  return `# fish completion for postrider
function __postrider_at
    set -l known ${all.map(({ path }) => quoted(path || '.')).join(' ')}
    set -l path ''
    for word in (commandline -opc)[2..]
        set -l next (string trim -- "$path $word")
        contains -- $next $known; and set path $next
    end
    test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}
