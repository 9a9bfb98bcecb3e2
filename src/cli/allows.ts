// What a token or an administrator may ask for, as it is typed: `read`, `all`, or names of operations, with commas.

import { operations } from '../admin/operations.ts';
import { CliError, printable } from './context.ts';

/** @throws CliError for an operation that there is not. */
export function readAllows(text: string): readonly string[] {
  const allows = text.split(',').map((one) => one.trim());
  for (const one of allows)
    if (one !== 'read' && one !== 'all' && !Object.hasOwn(operations, one))
      throw new CliError(2, `there is no operation ${printable(one)}; see /postrider/openapi.json`);
  return allows;
}
