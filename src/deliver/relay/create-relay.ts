// A relay in this thread: what its attempts share (open connections, what was learned about hosts), and
// how those of one signal end together.

import type { AttemptParts, Stoppable } from './attempt.ts';
import { Attempt } from './attempt.ts';
import { ConnectionPool, defaultPoolLimits } from './connection-pool.ts';
import { HostMemory } from './host-memory.ts';
import type { Relay, RelayLimits, RelayOptions } from './relay.ts';
import { createDane } from './security/dane.ts';
import type { StepTable } from './steps/outbound-steps.ts';
import { makeSteps, outboundSteps } from './steps/outbound-steps.ts';
import { defaultWalkLimits } from './walk-limits.ts';

export const defaultRelayLimits: RelayLimits = {
  ...defaultPoolLimits,
  ...defaultWalkLimits,
  hostsPerMessage: 5,
  recipientsMax: 100,
};

/** In this thread. */
export function createRelay(
  { outbound, dane, ...options }: RelayOptions,
  table: StepTable = outboundSteps,
): Relay {
  const limits = { ...defaultRelayLimits, ...options.limits };
  const pool = new ConnectionPool(options.clock, limits);
  const memory = new HostMemory(options.clock);
  const steps = makeSteps(outbound, table, options);
  const shared = { limits, pool, memory, steps, dane: createDane(dane) };
  const parts: AttemptParts = { ...options, ...shared };
  const atWork = new WeakMap<AbortSignal, Set<Stoppable>>();
  // One listener for a signal that many deliveries share, not one for each of them; and only their
  // connections end with it.
  const connectionsOf = (signal: AbortSignal): Set<Stoppable> => {
    let connections = atWork.get(signal);
    if (connections === undefined) {
      const made = new Set<Stoppable>();
      connections = made;
      atWork.set(signal, made);
      const drop = () => {
        for (const connection of made) connection.destroy();
      };
      signal.addEventListener('abort', drop, { once: true });
    }
    return connections;
  };
  return {
    attempt: (lease, route, signal) =>
      new Attempt(parts, { lease, route, signal, atWork: connectionsOf(signal) }).run(),
    forget: () => memory.forget(),
    close: () => pool.close(),
  };
}
