// Settings about talking to the next hop.

import { z } from 'zod';
import { isAddress } from '../../net/network.ts';
import type { Findings } from '../named-files.ts';
import type { PartOf } from './setting.ts';
import * as setting from './setting.ts';

const { choice, count, duration, shown, text } = setting;

const delivery = z.strictObject({
  eightBitConversion: choice(['convert', 'bounce'], {
    about:
      'A message with 8-bit content for a host without 8BITMIME, with lines over 998 octets, with NUL octets, or binary (BINARYMIME): rewrite it (unless that breaks a signature) or return it (5.6.3).',
    default: "'convert'",
  }).prefault('convert'),
  hostsPerMessage: count({
    about: 'Hosts of a destination tried in one attempt.',
    default: '5',
    min: 1,
    max: 100,
  }).prefault(5),
  connectTimeout: duration({
    about: 'Wait for a connection to one address.',
    default: '30s',
    min: '1s',
    max: '5m',
  }).prefault('30s'),
  greetingTimeout: duration({
    about: 'Wait for the greeting. RFC 5321 §4.5.3.2.1: 5 minutes.',
    default: '5m',
    min: '1s',
    max: '1h',
  }).prefault('5m'),
  commandTimeout: duration({
    about: 'Wait for the reply to a command. RFC 5321 §4.5.3.2.2: 5 minutes.',
    default: '5m',
    min: '1s',
    max: '1h',
  }).prefault('5m'),
  contentTimeout: duration({
    about: 'Wait for the reply after the content. RFC 5321 §4.5.3.2.6: 10 minutes.',
    default: '10m',
    min: '1s',
    max: '1h',
  }).prefault('10m'),
  idleTimeout: duration({
    about: 'How long a connection is kept open for the next message.',
    default: '5s',
    min: '0s',
    max: '5m',
  }).prefault('5s'),
  sourceAddress: text('an IP address', { about: 'Address to send from.' }).optional(),
});

export const deliverySettings = {
  delivery: delivery.prefault({}).meta({ about: 'Talking to the next hop.' }),
};

export function checkDelivery(
  { delivery }: PartOf<typeof deliverySettings>,
  { add }: Findings,
): void {
  if (delivery?.sourceAddress !== undefined && !isAddress(delivery.sourceAddress))
    add(
      ['delivery', 'sourceAddress'],
      `must be an IP address, not ${shown(delivery.sourceAddress)}`,
    );
}
