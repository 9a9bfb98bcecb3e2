// MTQP: where messages are, for those who know the secret of a message.

import { createMtqpService } from '../access/mtqp/mtqp-service.ts';
import type { Tracking } from '../queue/story/tracking.ts';
import { countedConnections } from './metrics.ts';
import type { ServiceFor, ServiceParts } from './service-parts.ts';
import { offersStartTls } from './service-parts.ts';

export interface MtqpParts extends ServiceParts {
  readonly tracking: Pick<Tracking, 'find'>;
}

export function createMtqp(parts: MtqpParts): ServiceFor {
  const { inForce, admission, certificate, tracking, clock, random, log } = parts;
  const connections = countedConnections(admission.connections, 'mtqp', parts.metrics);
  return (spec) =>
    createMtqpService({
      settings: () => ({
        hostname: inForce().config.hostname,
        startTls: offersStartTls(spec, certificate),
        isCertified: (domain) =>
          certificate.tls?.certificates.some((one) => one.checkHost(domain) !== undefined) === true,
      }),
      startTls: admission.notedStartTls('mtqp', certificate),
      find: (envid, secret) => tracking.find(envid, secret),
      ...{ connections, clock, random, log, refusals: admission.refusals },
    });
}
