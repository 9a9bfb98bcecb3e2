// Why a login at a next hop cannot even be tried, in words that say what to do. They stand in the log,
// in `why` and as the last reply, and in the notification when the mail is given up. RFC 4954 §4.

import type { Capabilities } from '../../smtp/client/capabilities.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';

/** Limit: mechanisms that are named. */
const namedMax = 8;

/** Nothing that `host` offers can be used. RFC 3463 §3.8: X.7.4, security features not supported. */
export function noLogin(
  host: string,
  { mechanisms, keywords }: Pick<Capabilities, 'mechanisms' | 'keywords'>,
  { encrypted }: { readonly encrypted: boolean },
): Reply {
  const inTheClear = encrypted ? '' : ' without TLS';
  if (mechanisms.length === 0)
    return reply(
      454,
      '7.4',
      `The smarthost ${host} does not offer AUTH${inTheClear}, and a login is set for it: ${cure(encrypted, keywords)}, or leave the login out`,
    );
  const offered = mechanisms.slice(0, namedMax).join(', ');
  if (encrypted)
    return reply(
      454,
      '7.4',
      `The smarthost ${host} offers no way to log in that we know: ${offered}`,
    );
  return reply(
    454,
    '7.4',
    `The smarthost ${host} offers no way to log in that would keep the password safe without TLS (${offered}): ${cure(encrypted, keywords)}`,
  );
}

function cure(encrypted: boolean, keywords: Capabilities['keywords']): string {
  // Offered, and yet not in force: it was refused or failed, or the route does not want it.
  if (!encrypted && keywords.has('STARTTLS')) return 'see why its TLS is not used';
  return 'use its port for submission (587 or 465)';
}
