// What may be said to a filter when, and what is left out: for each step its frame, the steps it may follow,
// how the filter may do without it, or without answering it, and whether it may say "enough".

import { command } from './frame.ts';
import type { MacroStage } from './terms.ts';
import { steps } from './terms.ts';

export type Phase =
  | 'new'
  | 'negotiating'
  /** Agreed, and no client yet. */
  | 'idle'
  | 'connect'
  /** Between transactions. */
  | 'hello'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'header'
  | 'endOfHeader'
  | 'body'
  | 'closed';

export type Step =
  | 'connect'
  | 'hello'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'unknown'
  | 'header'
  | 'endOfHeader'
  | 'body'
  | 'endOfMessage';

interface Rule {
  readonly code: string;
  readonly from: readonly Phase[];
  /** Where it leads; undefined: nowhere. */
  readonly to: Phase | undefined;
  readonly leftOut: number;
  readonly silent: number;
  /** The filter may have enough of its kind in this transaction. */
  readonly skips: boolean;
  readonly macros: MacroStage | undefined;
}

const rule = (
  code: string,
  from: readonly Phase[],
  to: Phase | undefined,
  rest: Partial<Pick<Rule, 'leftOut' | 'silent' | 'skips' | 'macros'>>,
): Rule => ({ code, from, to, leftOut: 0, silent: 0, skips: false, macros: undefined, ...rest });

export const rules: Readonly<Record<Step, Rule>> = {
  connect: rule(command.connect, ['idle'], 'connect', {
    ...{ leftOut: steps.noConnect, silent: steps.silentConnect, macros: 'connect' },
  }),
  // EHLO again, after STARTTLS or not, is one more of them.
  hello: rule(command.hello, ['connect', 'hello'], 'hello', {
    ...{ leftOut: steps.noHello, silent: steps.silentHello, macros: 'hello' },
  }),
  mail: rule(command.mail, ['connect', 'hello'], 'mail', {
    ...{ leftOut: steps.noMail, silent: steps.silentMail, macros: 'mail' },
  }),
  rcpt: rule(command.rcpt, ['mail', 'rcpt'], 'rcpt', {
    ...{ leftOut: steps.noRcpt, silent: steps.silentRcpt, macros: 'rcpt', skips: true },
  }),
  data: rule(command.data, ['mail', 'rcpt'], 'data', {
    ...{ leftOut: steps.noData, silent: steps.silentData, macros: 'data' },
  }),
  unknown: rule(command.unknown, ['connect', 'hello', 'mail', 'rcpt'], undefined, {
    ...{ leftOut: steps.noUnknown, silent: steps.silentUnknown },
  }),
  header: rule(command.header, ['data', 'header'], 'header', {
    ...{ leftOut: steps.noHeader, silent: steps.silentHeader, skips: true },
  }),
  endOfHeader: rule(command.endOfHeader, ['data', 'header'], 'endOfHeader', {
    ...{ leftOut: steps.noEndOfHeader, silent: steps.silentEndOfHeader, macros: 'endOfHeader' },
  }),
  body: rule(command.body, ['endOfHeader', 'body'], 'body', {
    ...{ leftOut: steps.noBody, silent: steps.silentBody, skips: true },
  }),
  endOfMessage: rule(command.endOfMessage, ['endOfHeader', 'body'], 'hello', {
    macros: 'endOfMessage',
  }),
};
