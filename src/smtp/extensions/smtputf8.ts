// SMTPUTF8: internationalised addresses and header fields. RFC 6531. Without the parameter a
// transaction holds ASCII addresses only, which the session sees to.

import { replies } from '../reply.ts';
import type { Extension, ParamRule } from './extension.ts';

export interface Utf8Param {
  readonly name: 'SMTPUTF8';
}

const utf8Param: ParamRule<Utf8Param> = {
  name: 'SMTPUTF8',
  // RFC 6531 §3.1 (4): the parameter does not accept a value.
  parse: (value) => (value === '' ? { name: 'SMTPUTF8' } : undefined),
  format: () => 'SMTPUTF8',
  // RFC 6531 §3.2: an internationalised message must not go to a hop that does not offer this.
  relay: (_param, { offered }) =>
    offered.has('SMTPUTF8')
      ? { kind: 'send', value: 'SMTPUTF8' }
      : { kind: 'refuse', reply: replies.hopLacksUtf8 },
};

export const smtpUtf8 = {
  keyword: 'SMTPUTF8',
  // RFC 6531 §3.1 (8): only where 8BITMIME is offered too.
  advertise: ({ withheld }) => (withheld?.has('8BITMIME') ? undefined : ''),
  mail: [utf8Param],
  // RFC 6531 §3.1 (5)
  mailBytes: 10,
} as const satisfies Extension;
