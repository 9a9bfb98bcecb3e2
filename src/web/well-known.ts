// What others look for at fixed places: our domains' MTA-STS policy (RFC 8461 §3.2), which is told by the name
// that is asked for, and the proofs for a certificate authority (ACME's http-01).

import type { WebApp } from './web-app.ts';
import { hostOf } from './web-app.ts';

export interface WellKnownParts {
  /** The policy's text for one of our domains; undefined where there is none. */
  readonly mtaStsPolicy: (domain: string) => string | undefined;
  /** What is to be shown for a token. */
  readonly acmeChallenges: (token: string) => Promise<string | undefined>;
}

export function wellKnownPaths({ mtaStsPolicy, acmeChallenges }: WellKnownParts) {
  return (app: WebApp): void => {
    app.get('/.well-known/mta-sts.txt', (c) => {
      const domain = /^mta-sts\.(.+)$/.exec(hostOf(c.req.url))?.[1];
      const policy = domain === undefined ? undefined : mtaStsPolicy(domain);
      if (policy === undefined) return c.notFound();
      // RFC 8461 §3.2: the media type is text/plain.
      return c.body(policy, 200, { 'content-type': 'text/plain; charset=utf-8' });
    });
    app.get('/.well-known/acme-challenge/:token', async (c) => {
      const shown = await acmeChallenges(c.req.param('token'));
      if (shown === undefined) return c.notFound();
      return c.body(shown, 200, { 'content-type': 'application/octet-stream' });
    });
  };
}
