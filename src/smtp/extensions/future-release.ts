// FUTURERELEASE: mail that is handed in now and goes out later. RFC 4865. For submission alone: we keep
// it until its time has come, so nothing of this travels on.

import { parseDateTime } from '../../base/date-time.ts';
import type { Reply } from '../reply.ts';
import { reply } from '../reply.ts';
import type { DeliverByParam } from './deliver-by.ts';
import type { Extension, FutureReleaseLimits, Hop, Param, ParamRule, Travel } from './extension.ts';
import { drop } from './extension.ts';

export interface HoldForParam {
  readonly name: 'HOLDFOR';
  /** From when the message was received. */
  readonly seconds: number;
}

export interface HoldUntilParam {
  readonly name: 'HOLDUNTIL';
  /** Milliseconds since 1970. */
  readonly time: number;
}

const holdForParam: ParamRule<HoldForParam> = {
  name: 'HOLDFOR',
  // RFC 4865 §3: future-release-integer = 1*9DIGIT, a positive number of seconds
  parse: (value) =>
    /^0*[1-9]\d{0,8}$/.test(value) ? { name: 'HOLDFOR', seconds: Number(value) } : undefined,
  format: formatFor,
  relay: toServer(formatFor),
};

function formatFor({ seconds }: HoldForParam): string {
  return `HOLDFOR=${seconds}`;
}

const holdUntilParam: ParamRule<HoldUntilParam> = {
  name: 'HOLDUNTIL',
  // RFC 4865 §3: future-release-date-time, of RFC 3339 §5.6, normalized to UTC
  parse(value) {
    const time = /Z$/i.test(value) ? parseDateTime(value) : undefined;
    return time === undefined ? undefined : { name: 'HOLDUNTIL', time };
  },
  format: formatUntil,
  relay: toServer(formatUntil),
};

function formatUntil({ time }: HoldUntilParam): string {
  return `HOLDUNTIL=${dateTimeOf(time)}`;
}

// RFC 3463 §3.4: X.3.3, the system is not capable of selected features.
const hopLacksRelease = reply(
  554,
  '3.3',
  'The server does not hold mail for later (FUTURERELEASE)',
);

/** RFC 4865 §4.1 (1): from its author to a server that holds it; when we relay, it has been held. */
function toServer<P extends Param>(format: (param: P) => string) {
  return (param: P, { offered, submission }: Hop): Travel => {
    if (submission !== true) return drop;
    return offered.has('FUTURERELEASE')
      ? { kind: 'send', value: format(param) }
      : { kind: 'refuse', reply: hopLacksRelease };
  };
}

/** As the extension writes it, in whole seconds where it can. */
export const dateTimeOf = (time: number): string =>
  new Date(time).toISOString().replace('.000Z', 'Z');

/**
 * RFC 4865 §4.2 (7) to (9), §5.2.2: two times, more than was announced, or a message that would be late when
 * it is let go. A time that is past holds nothing: clocks differ.
 */
function conflict(
  params: readonly Param[],
  limits: FutureReleaseLimits | undefined,
): Reply | undefined {
  const held = params.filter((param): param is HoldForParam | HoldUntilParam => isHold(param));
  const [hold] = held;
  if (hold === undefined || limits === undefined) return undefined;
  if (held.length > 1) return heldTwice;
  const began = limits.until - limits.seconds * 1000;
  const seconds = hold.name === 'HOLDFOR' ? hold.seconds : (hold.time - began) / 1000;
  if (seconds > limits.seconds)
    return reply(501, '5.4', `Mail is held for ${limits.seconds} seconds at most`);
  const by = params.find((param): param is DeliverByParam => param.name === 'BY');
  return by !== undefined && seconds > by.seconds ? heldTooLong : undefined;
}

const heldTwice = reply(501, '5.4', 'HOLDFOR or HOLDUNTIL, not both');
const heldTooLong = reply(501, '5.4', 'It would leave later than it has to arrive (BY)');

const isHold = ({ name }: Param): boolean => name === 'HOLDFOR' || name === 'HOLDUNTIL';

export const futureRelease = {
  keyword: 'FUTURERELEASE',
  // RFC 4865 §4.2 (2): never offered elsewhere than for submission.
  advertise: ({ protocol, futureRelease: limits }) =>
    protocol !== 'submission' || limits === undefined
      ? undefined
      : `${limits.seconds} ${dateTimeOf(limits.until)}`,
  mail: [holdForParam, holdUntilParam],
  conflict: (params, { futureRelease: limits }) => conflict(params, limits),
  // RFC 4865 §3 (5)
  mailBytes: 34,
} as const satisfies Extension;
