// Settings of the queue: waiting and trying again.

import { z } from 'zod';
import type { Findings } from '../named-files.ts';
import type { PartOf } from './setting.ts';
import * as setting from './setting.ts';

const { count, duration, size } = setting;

const queue = z.strictObject({
  retryAfter: z
    .array(duration({ about: '', min: '1s', max: '7d' }))
    .min(1)
    .max(50)
    .prefault(['5m', '15m', '30m', '1h', '2h', '4h'])
    .meta({
      about: 'Wait after each failed attempt; the last one repeats. Varied by chance a little.',
      kind: 'a list of durations',
      default: "['5m', '15m', '30m', '1h', '2h', '4h']",
    }),
  warnAfter: duration({
    about: 'The sender is told that the message is delayed (RFC 3464).',
    default: '4h',
    min: '1m',
    max: '30d',
  }).prefault('4h'),
  expireAfter: duration({
    about: 'The message is given up and returned. RFC 5321 §4.5.4.1 asks for 4 to 5 days.',
    default: '5d',
    min: '1m',
    max: '60d',
  }).prefault('5d'),
  connectionsPerDestination: count({
    about: 'Deliveries to one destination at a time, once it has shown that it keeps up.',
    default: '20',
    min: 1,
    max: 1000,
  }).prefault(20),
  messagesPerConnection: count({
    about: 'Messages sent over one connection before it is closed.',
    default: '100',
    min: 1,
    max: 100_000,
  }).prefault(100),
  deliveries: count({
    about: 'Deliveries under way at a time, in all.',
    default: '500',
    min: 1,
    max: 10_000,
  }).prefault(500),
  futureRelease: duration({
    about:
      'How far ahead mail may be submitted that is to leave later (FUTURERELEASE, RFC 4865; `postrider send --at`). `0s`: not at all.',
    default: '30d',
    min: '0s',
    max: '366d',
  }).prefault('30d'),
  suppressBounced: duration({
    about:
      'How long an address that does not exist (5.1.1, 5.1.6, 5.1.10) gets no further mail of whoever has logged in; see `suppressionList`. `0s`: it does.',
    default: '0s',
    min: '0s',
    max: '3650d',
  }).prefault('0s'),
  memory: size({
    about: 'Content kept in memory for deliveries that are about to start.',
    default: '64MiB',
    min: 2 ** 20,
    max: 16 * 2 ** 30,
  }).prefault('64MiB'),
});

export const queueSettings = {
  queue: queue.prefault({}).meta({ about: 'Waiting and trying again.' }),
};

export function checkQueue({ queue }: PartOf<typeof queueSettings>, { add }: Findings): void {
  if (queue !== undefined && queue.warnAfter >= queue.expireAfter)
    add(['queue', 'warnAfter'], 'must be shorter than `queue.expireAfter`');
}
