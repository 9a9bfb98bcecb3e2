// Functions of the operator that are asked about mail that comes in. A JSON file has none.

import { z } from 'zod';
import type { Hooks } from '../../policy/hooks.ts';
import * as setting from './setting.ts';

function hook<Name extends keyof Hooks>(about: string, kind: string) {
  return z
    .custom<NonNullable<Hooks[Name]>>(
      (value) => value === undefined || typeof value === 'function',
      {
        error: 'must be a function; a configuration in JSON has none: use .ts or .js',
      },
    )
    .optional()
    .meta({ about, kind });
}

/** All but one: what TLS a client has, the others see as well. */
type Configured = { readonly [H in Exclude<keyof Hooks, 'onSecure'>]: ReturnType<typeof hook<H>> };

const functions: Configured = {
  onConnect: hook<'onConnect'>(
    'Before the greeting. All of them give nothing to accept, or a `reply()`.',
    '(client, { signal }) => reply',
  ),
  onMail: hook<'onMail'>(
    "At MAIL; `from` is '' for the null sender. Domains are in lower case, as A-labels.",
    '(from, envelope, { signal }) => reply',
  ),
  onRecipient: hook<'onRecipient'>(
    'At RCPT, of a recipient that exists.',
    '(to, envelope, { signal }) => reply',
  ),
  onMessage: hook<'onMessage'>(
    'When the message is complete: `size`, `header(name)`, `stream()`, `raw()`.',
    '(message, envelope, { signal }) => reply',
  ),
};

const hooks = z.strictObject({
  deadline: setting
    .duration({
      about: 'How long each may take; then the client hears 451, and `signal` is aborted.',
      default: '10s',
      min: '10ms',
      max: '5m',
    })
    .prefault('10s'),
  ...functions,
});

export const hookSettings = {
  hooks: hooks.prefault({}).meta({
    about:
      'Functions of yours that are asked about mail that comes in, of everybody. TypeScript and JavaScript only.',
  }),
};
