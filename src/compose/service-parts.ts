// What every service is made of. They read the configuration that is in force when a connection is made.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ListenerConfig } from '../config/settings/listeners.ts';
import type { Service } from '../net/service.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import type { Stores } from '../store/stores.ts';
import type { Admission } from './admission.ts';
import type { Catcher } from './catcher.ts';
import type { Certificate } from './certificate.ts';
import type { InForce } from './in-force.ts';
import type { ServerMetrics } from './metrics.ts';

export interface ServiceParts {
  readonly inForce: () => InForce;
  readonly stores: Stores;
  readonly admission: Admission;
  readonly authenticator: Authenticator;
  readonly certificate: Certificate;
  readonly metrics: ServerMetrics;
  /** In `dev` alone. */
  readonly catcher: Catcher | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** For each listener one; what they share (open folders, say) is made with this function. */
export type ServiceFor<Spec extends ListenerConfig = ListenerConfig> = (spec: Spec) => Service;

/** The same of any kind, whose program is read with its first listener. */
export type FindService = (spec: ListenerConfig) => Promise<Service>;

export const offersStartTls = (spec: Pick<ListenerConfig, 'tls'>, { tls }: Certificate): boolean =>
  spec.tls === 'starttls' && tls !== undefined;
