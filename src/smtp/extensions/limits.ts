// LIMITS: what we take in one transaction and one session, said beforehand. RFC 9422.

import type { Extension } from './extension.ts';

export const limits = {
  keyword: 'LIMITS',
  // RFC 9422 §2: limits-param = limit-name [ "=" limit-value ], separated by spaces
  advertise({ limits: { recipients, messages, recipientDomains } }) {
    const mail = messages === 0 ? '' : ` MAILMAX=${messages}`;
    const domains = recipientDomains === 0 ? '' : ` RCPTDOMAINMAX=${recipientDomains}`;
    return `RCPTMAX=${recipients}${mail}${domains}`;
  },
} as const satisfies Extension;
