// Clients that do not wait for the greeting, as they should (RFC 5321 §4.3.1): what sends spam in a hurry. Strangers are
// kept waiting a little, and who speaks meanwhile gets points. Off without a delay.

import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { ClientFacts } from '../envelope.ts';
import type { Policy } from '../policy.ts';
import { suspicionOf } from './suspicion.ts';

export interface EarlyTalkerParts {
  readonly clock: Clock;
  /** The names of the configuration's `suspicion`. */
  readonly settings: () => { readonly earlyTalker: number; readonly greetingDelay: number };
}

/** Limit: how often it is looked meanwhile, so that who has spoken does not wait on. */
const looksMax = 10;
const name = 'early-talker';

export function earlyTalker({ clock, settings }: EarlyTalkerParts): Policy {
  return {
    name,
    async connect(client: ClientFacts) {
      const { earlyTalker: points, greetingDelay } = settings();
      for (let look = 0; look < looksMax && client.hasSpoken !== true; look += 1)
        await sleep(clock, greetingDelay / looksMax);
      if (client.hasSpoken !== true) return undefined;
      const text = 'spoke before the greeting';
      return { findings: suspicionOf({ points, policy: name, text }) };
    },
  };
}
