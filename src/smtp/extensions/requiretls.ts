// REQUIRETLS: the message goes on only over TLS, to a host that is known to be the right one and promises the same.
// RFC 8689. Which hosts those are is decided where mail is relayed (deliver/relay/security/require-tls.ts).

import type { Extension, ParamRule } from './extension.ts';
import { sendIfOffered } from './extension.ts';

export interface RequireTlsParam {
  readonly name: 'REQUIRETLS';
}

const requireTlsParam: ParamRule<RequireTlsParam> = {
  name: 'REQUIRETLS',
  // RFC 8689 §2 (4): no value is associated with it.
  parse: (value) => (value === '' ? { name: 'REQUIRETLS' } : undefined),
  format: () => 'REQUIRETLS',
  // RFC 8689 §5: a report goes its way without; anything else has not come as far as this without an offer.
  relay: sendIfOffered('REQUIRETLS', () => 'REQUIRETLS'),
};

export const requireTls = {
  keyword: 'REQUIRETLS',
  // RFC 8689 §2: only in a session over TLS.
  advertise: ({ secure }) => (secure ? '' : undefined),
  mail: [requireTlsParam],
  // RFC 8689 §2 (5)
  mailBytes: 11,
} as const satisfies Extension;
