// Passwords from the operator: from stdin for programs, typed without being shown by people.

import type { Context } from './context.ts';
import { CliError } from './context.ts';
import { firstLineFrom } from './stdin.ts';

/** The first line of stdin, or what is typed twice; '' when a person just presses Enter. */
export async function readPassword(context: Context, fromStdin: boolean): Promise<string> {
  if (fromStdin) return firstLine(context);
  if (!context.stdin.isTTY)
    throw new CliError(2, 'no terminal to ask for the password: use --password-stdin');
  const password = await typed(context, 'Password (Enter makes one up): ');
  if (password === '') return '';
  if ((await typed(context, 'Again: ')) !== password)
    throw new CliError(1, 'the passwords are not the same; nothing was changed');
  return password;
}

async function firstLine({ stdin }: Context): Promise<string> {
  const line = await firstLineFrom(stdin);
  if (line === '') throw new CliError(2, 'the first line of stdin, the password, is empty');
  return line;
}

/** Nothing is shown while it is typed. */
async function typed({ stdin }: Context, prompt: string): Promise<string> {
  process.stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.resume();
  let text = '';
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const key of String(chunk)) {
        if (key === '\r' || key === '\n') return text;
        if (key === '\u0003') throw new CliError(1, 'given up; nothing was changed');
        if (key === '\u007f' || key === '\b') text = text.slice(0, -1);
        else text += key;
      }
    }
    return text;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write('\n');
  }
}
