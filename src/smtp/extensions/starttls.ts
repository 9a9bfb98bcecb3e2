// STARTTLS: RFC 3207. Offered until there is TLS; the verb and its phase are in the session.

import type { Extension } from './extension.ts';

export const startTls = {
  keyword: 'STARTTLS',
  // RFC 3207 §4.2: must not be offered once TLS has begun.
  advertise: ({ secure, startTls }) => (startTls && !secure ? '' : undefined),
} as const satisfies Extension;
