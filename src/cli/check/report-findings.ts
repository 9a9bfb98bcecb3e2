// What `check` says, one line each.

import type { Finding } from '../../compose/published/finding.ts';
import type { Context } from '../context.ts';
import { CliError, printable } from '../context.ts';

const words = { ok: 'ok      ', warning: 'warning ', failure: 'failure ' } as const;

/** `status` is that of a failure. @throws CliError when there is one. */
export async function reportFindings(
  context: Context,
  findings: readonly Finding[],
  { json, status }: { readonly json: boolean; readonly status: 1 | 2 },
): Promise<void> {
  const lines = findings.map((finding) => {
    if (json) return JSON.stringify(finding);
    const { state, path, text } = finding;
    return `${words[state]} ${printable(path === '' ? text : `${path}: ${text}`)}`;
  });
  await context.print(`${lines.join('\n')}\n`);
  const count = (state: Finding['state']) =>
    findings.filter((finding) => finding.state === state).length;
  const warnings = count('warning');
  const also = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  if (count('failure') > 0)
    throw new CliError(status, `${count('failure')} of ${findings.length} checks failed${also}`);
}
