// What everything in a server has at hand.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { MessageTracer } from '../queue/story/message-tracer.ts';
import type { Happenings } from './happenings.ts';
import type { ServerMetrics } from './metrics.ts';

export interface Basics {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: ServerMetrics;
  readonly happenings: Happenings;
  /** Where somebody has registered an SDK of OpenTelemetry. */
  readonly tracer: MessageTracer | undefined;
}
