// A message as a mailbox has it, and what each way of showing it is given.

import type { AnswerOf } from '../api.ts';

export type Mail = AnswerOf<'mailRead'>;

export interface TabProps {
  readonly mail: Mail;
  /** Path of the message on the server. */
  readonly at: string;
}
