// What a stranger brings along as our own verdict on it is taken out before anybody believes it.
// RFC 8601 §5. Those who hand mail on to us within the house (trusted networks, LMTP) may have
// got it from us.

import { forgedResults as fieldsOf } from '../../mail/trace/authentication-results.ts';
import { reply } from '../../smtp/reply.ts';
import type { Policy } from '../policy.ts';

// RFC 3463 §3.8: X.7.1. What it hides would come to light one field after the other.
const nested = reply(554, '7.1', 'The message has Authentication-Results in our name');

export const forgedResults = (options: { readonly hostname: () => string }): Policy => ({
  name: 'forged-results',
  message({ client: { trusted, service } }, { header, head }) {
    if (!header.hasResults || trusted || service === 'lmtp') return undefined;
    const dropped = fieldsOf(head, options.hostname());
    if (dropped === undefined) return { objection: nested };
    if (dropped.length === 0) return undefined;
    return { findings: [{ kind: 'forged-results', fields: dropped.length }], head: { dropped } };
  },
});
