// What a step does with a message on its way out: see outbound-steps.ts for which ones there are.

import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import type { Capabilities } from '../../../smtp/client/capabilities.ts';
import type { Reply } from '../../../smtp/reply.ts';
import type { ArcVerdict } from '../../../trust/arc.ts';

/** A message as its hop will get it, trace fields included. Never changed: a step gives another. */
export interface OutboundMessage {
  readonly size: number;
  /** All of it, where it is in memory. */
  readonly pieces: readonly Uint8Array[] | undefined;
  /** As often as wanted. With `reuse` the memory of a piece may serve for the next one. */
  read(options?: { readonly reuse: boolean }): AsyncIterable<Uint8Array>;
  /** What the hop is told of it in MAIL. RFC 6152 §2, RFC 3030 §3. */
  readonly body: '8BITMIME' | 'BINARYMIME' | undefined;
  /** It is ours to vouch for. */
  readonly sign?: boolean | undefined;
  /** It is sent on, with what we saw of it. */
  readonly seal?: SealRequest | undefined;
}

/** What a set of ARC's fields is to say. RFC 8617 §4.1 */
export interface SealRequest {
  /** Whose key seals. */
  readonly domain: string;
  /** What we found out when it came, as in Authentication-Results, our name in front. */
  readonly results: string;
  /** What became of the chain that it brought along. */
  readonly chain: ArcVerdict['result'];
}

/** The message, or why it cannot go to this hop: with a 4yz it waits. */
export type Prepared = OutboundMessage | { readonly refuse: Reply };

/** One that has nothing to do gives back what it got, and costs neither a copy nor a wait. */
export type OutboundStep = (
  message: OutboundMessage,
  hop: Capabilities,
) => Prepared | Promise<Prepared>;

/** What a step has where it runs. */
export interface StepParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** From a step's settings (undefined: there are none) to the step, or to none. */
export type StepMaker<Settings> = (
  settings: Settings | undefined,
  parts: StepParts,
) => OutboundStep | undefined;
