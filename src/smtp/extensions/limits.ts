// LIMITS: what we take in one transaction and one session, said beforehand. RFC 9422.

import type { Extension } from './extension.ts';

export const limits = {
  keyword: 'LIMITS',
  // RFC 9422 §2: limits-param = limit-name [ "=" limit-value ], separated by spaces
  advertise({ limits: { recipients, messages } }) {
    const mail = messages === 0 ? '' : ` MAILMAX=${messages}`;
    return `RCPTMAX=${recipients}${mail}`;
  },
} as const satisfies Extension;
