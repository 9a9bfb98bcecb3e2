// What the parameters of MAIL ask of whoever keeps the message: which mail goes first (RFC 6710), not before
// when (RFC 4865), and by when (RFC 2852). Read from their wire form, in which the queue keeps them;
// costs nothing for mail that asks for nothing.

import type { DeliverByParam } from './extensions/deliver-by.ts';
import { findParam, parseStoredMailParams } from './extensions/index.ts';

export interface EnvelopeRequests {
  /** -9 to 9. */
  readonly priority: number;
  /** Milliseconds since 1970: nothing is sent before. */
  readonly release: number | undefined;
  readonly deliverBy: DeliverBy | undefined;
}

export interface DeliverBy extends Pick<DeliverByParam, 'mode' | 'trace'> {
  /** Milliseconds since 1970. */
  readonly at: number;
}

const nothing: EnvelopeRequests = { priority: 0, release: undefined, deliverBy: undefined };
const asked = /^(?:MT-PRIORITY|HOLDFOR|HOLDUNTIL|BY)=/i;

/** `params` in wire form; times count from when the message was received. */
export function requestsOf({
  params,
  received,
}: {
  readonly params: readonly string[];
  readonly received: number;
}): EnvelopeRequests {
  if (params.length === 0 || !params.some((param) => asked.test(param))) return nothing;
  const read = parseStoredMailParams(params);
  const holdFor = findParam(read, 'HOLDFOR');
  const by = findParam(read, 'BY');
  return {
    priority: findParam(read, 'MT-PRIORITY')?.priority ?? 0,
    release:
      holdFor === undefined
        ? findParam(read, 'HOLDUNTIL')?.time
        : received + holdFor.seconds * 1000,
    deliverBy: by && { at: received + by.seconds * 1000, mode: by.mode, trace: by.trace },
  };
}

/** From when on the message may be on its way: what retries and warnings count from. */
export const startOf = (message: Parameters<typeof requestsOf>[0]): number =>
  Math.max(message.received, requestsOf(message).release ?? 0);

/** It was to be delivered by now, or returned. RFC 2852 §4.1.3. */
export function isLate(
  message: Parameters<typeof requestsOf>[0],
  clock: { readonly now: () => number },
): boolean {
  const { deliverBy } = requestsOf(message);
  return deliverBy !== undefined && deliverBy.mode === 'R' && clock.now() >= deliverBy.at;
}
