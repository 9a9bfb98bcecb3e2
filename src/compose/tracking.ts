// Where messages are, for those who may ask: what SMTP notes, MTQP tells.

import { Tracking } from '../queue/story/tracking.ts';
import type { Basics } from './basics.ts';
import type { InForce } from './in-force.ts';
import type { Storage } from './storage.ts';

export interface TrackingParts extends Pick<Basics, 'clock' | 'log'>, Storage {
  readonly inForce: () => InForce;
}

export const createTracking = ({ inForce, stores, history, clock, log }: TrackingParts): Tracking =>
  new Tracking({
    ...{ records: stores.records, store: stores.queue, history, clock, log },
    hostname: () => inForce().config.hostname,
    queuedMs: () => inForce().config.queue.expireAfter,
  });
