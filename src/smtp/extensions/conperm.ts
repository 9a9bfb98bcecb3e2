// CONPERM: the author permits that content is converted on its way, to forms that the message names, and
// would rather have it back than delivered otherwise. RFC 4141 §4. We convert nothing for the sake of who reads it,
// so the permission goes on to hops that offer the extension, and mail with it to no other hop.

import { reply } from '../reply.ts';
import type { Extension, ParamRule } from './extension.ts';
import { drop } from './extension.ts';

export interface ConpermParam {
  readonly name: 'CONPERM';
}

// RFC 4141 §3.3, RFC 3463 §3.7: X.6.3, conversion required but not supported.
const hopLacksConperm = reply(
  554,
  '6.3',
  'The next server does not see to it that content is converted as the author permits (CONPERM)',
);

const conpermParam: ParamRule<ConpermParam> = {
  name: 'CONPERM',
  // RFC 4141 §4.2: there are no arguments.
  parse: (value) => (value === '' ? { name: 'CONPERM' } : undefined),
  format: () => 'CONPERM',
  // RFC 4141 §4.2: without an offer the client "MUST treat the transmission as permanently rejected", even if the
  // hop has CONNEG; what delivers is the end of the way, where the original form is right (§3.1).
  relay({ name }, { offered, delivers = false }) {
    if (offered.has('CONPERM')) return { kind: 'send', value: name };
    return delivers ? drop : { kind: 'refuse', reply: hopLacksConperm };
  },
};

export const conperm = {
  keyword: 'CONPERM',
  // RFC 4141 §3.1: without converting itself a server may offer it if it knows that others behind it do. That
  // is known to the operator.
  advertise: ({ conperm: offers = false }) => (offers ? '' : undefined),
  // RFC 4141 §4.2: "the server MUST reject the MAIL-FROM command with a 504-CONPERM reply"
  unoffered: reply(504, '5.4', 'CONPERM is not supported'),
  mail: [conpermParam],
  mailBytes: 8,
} as const satisfies Extension;
