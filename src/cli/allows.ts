// What a token or an administrator may ask for, as it is typed: `read`, `all`, or names of operations, with commas.

import { checkRights } from '../admin/operations.ts';
import { messageOf } from '../base/error-text.ts';
import { CliError, printable } from './context.ts';

/** @throws CliError for an operation that there is not. */
export function readAllows(text: string): readonly string[] {
  const allows = text.split(',').map((one) => one.trim());
  try {
    checkRights({ allows });
  } catch (error) {
    throw new CliError(2, printable(messageOf(error)));
  }
  return allows;
}
