// Devices that ask the same again and again, without an end: what they ask is answered, but not faster than a person
// could want it, and the log names them. A device that gets on asks something else each time: its keys change.

import { hash } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Rate } from '../../base/token-buckets.ts';
import { TokenBuckets } from '../../base/token-buckets.ts';
import type { Call } from './context.ts';
import { namesOf } from './context.ts';
import { deviceKey } from './device-book.ts';

/** Limit: how often a device is answered the same request without a wait. A Sync each two seconds may go on for ever. */
const sameRate: Rate = { count: 60, perMs: 120_000 };
/** Limits: requests that are counted; octets of each that are looked at; devices that were told of. */
const requestsMax = 10_000;
const lookedAtBytes = 64 * 2 ** 10;
const toldMax = 1_000;
/** Of the requests that were slowed, which one is logged. */
const loggedEach = 20;

export interface LoopsParts {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Pick<Log, 'warn'>;
}

export class Loops {
  readonly #parts: LoopsParts;
  readonly #requests: TokenBuckets;
  /** By device: how many of its requests were slowed. */
  readonly #slowed = new BoundedMap<string, number>(toldMax);

  constructor(parts: LoopsParts) {
    this.#parts = parts;
    this.#requests = new TokenBuckets(parts.clock, requestsMax);
  }

  /** Resolves when the request may be answered. */
  async pass(call: Call): Promise<void> {
    const { account, line, body } = call;
    const device = deviceKey(account, line.deviceId);
    const said = hash('sha256', body.subarray(0, lookedAtBytes), 'base64url');
    const { collectionId, itemId, attachmentName } = line;
    const asked = [line.command, collectionId, itemId, attachmentName, body.length, said];
    const name = `${device} ${asked.join(' ')}`;
    const exceeded = this.#requests.take(name, [sameRate]);
    if (exceeded === undefined) return;
    const times = this.#slowed.get(device) ?? 0;
    this.#slowed.set(device, times + 1);
    if (times % loggedEach === 0)
      this.#parts.log.warn('device asks in a loop', { ...namesOf(call), count: times + 1 });
    await sleep(this.#parts.clock, exceeded.waitMs);
    // It has waited for it.
    this.#requests.take(name, [sameRate]);
  }
}
