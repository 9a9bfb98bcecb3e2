// A last question before something is destroyed that nobody can bring back. What can be made again,
// or names each thing that goes (`queue cancel ID`, `mail delete ADDRESS ID`), is not asked about.

import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';

/** Limit: of what is read of an answer. */
const answerBytesMax = 256;

/** @throws CliError when the answer is no, or when nobody can be asked and `yes` was not given. */
export async function confirm(
  context: Context,
  what: string,
  { yes = false }: { readonly yes?: boolean | undefined },
): Promise<void> {
  if (yes) return;
  if (!context.stdin.isTTY)
    throw new CliError(2, `${printable(what)}? There is no terminal to ask: repeat it with --yes`);
  context.note(`${printable(what)}? Type yes:`);
  if ((await answer(context)) !== 'yes') throw new CliError(1, 'given up; nothing was changed');
}

async function answer({ stdin }: Context): Promise<string> {
  let text = '';
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('\n') || text.length > answerBytesMax) break;
  }
  stdin.pause();
  return text.split('\n', 1)[0]!.trim().toLowerCase();
}
