// POP3: an inbox fetched, by one session at a time.

import { Maildrops } from '../access/pop3/maildrops.ts';
import { createPop3Service } from '../access/pop3/pop3-service.ts';
import { defaultPop3Limits } from '../pop3/limits.ts';
import { countedConnections } from './metrics.ts';
import type { ServiceFor, ServiceParts } from './service-parts.ts';
import { offersStartTls } from './service-parts.ts';

export function createPop3(parts: ServiceParts): ServiceFor {
  const { inForce, stores, admission, certificate, authenticator, clock, random, log } = parts;
  const { throttle, refusals } = admission;
  const { metrics } = parts;
  const connections = countedConnections(admission.connections, 'pop3', metrics);
  const counters = { loggedIn: metrics.logins.ok, retrievals: metrics.pop3Retrievals };
  const maildrops = new Maildrops({ folders: stores.folders, clock });
  return (spec) =>
    createPop3Service({
      settings: () => {
        const { hostname, pop3 } = inForce().config;
        return {
          hostname,
          startTls: offersStartTls(spec, certificate),
          insecureAuth: spec.insecureAuth,
          loginDelay: pop3.loginDelay,
          limits: { ...defaultPop3Limits, ...pop3 },
        };
      },
      ...{ maildrops, authenticator, throttle, connections, counters },
      ...{ clock, random, log, refusals },
      startTls: admission.notedStartTls('pop3', certificate),
    });
}
