// For tests: parameters as commands have them, and what becomes of them.

import { defaultLimits } from '../limits.ts';
import type { ParamsRead, SessionFacts } from './index.ts';

/** A client under TLS that nobody knows. */
export const strangerFacts: SessionFacts = {
  ...{ protocol: 'smtp', secure: true, startTls: false, mechanisms: [], trusted: false },
  limits: defaultLimits,
};

/** `KEY=value` as a command has it. */
export const raw = (...texts: string[]) =>
  texts.map((text) => {
    const [keyword = '', ...value] = text.split('=');
    return { keyword, value: value.join('=') };
  });

/** The parameters in their words, or the refusal. */
export const readText = <P>(read: ParamsRead<P>, format: (param: P) => string): string =>
  read.kind === 'refuse'
    ? `${read.reply.code} ${read.reply.detail}`
    : read.params.map(format).join(' ');
