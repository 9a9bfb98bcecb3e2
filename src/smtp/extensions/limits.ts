// LIMITS: what we take in one transaction and one session, said beforehand. RFC 9422.

import type { Extension } from './extension.ts';

export const limits = {
  keyword: 'LIMITS',
  // RFC 9422 §2: limits-param = limit-name [ "=" limit-value ], separated by spaces
  advertise({ limits: { recipients, messagesPerConnection, domainsPerConnection } }) {
    const mail = messagesPerConnection === 0 ? '' : ` MAILMAX=${messagesPerConnection}`;
    const domains = domainsPerConnection === 0 ? '' : ` RCPTDOMAINMAX=${domainsPerConnection}`;
    return `RCPTMAX=${recipients}${mail}${domains}`;
  },
} as const satisfies Extension;
