// Settings about what a client may take: sizes, numbers and times, with what the RFCs ask for at least.

import { z } from 'zod';
import * as setting from './setting.ts';

const { count, duration, size } = setting;

const limits = z.strictObject({
  messageSize: size({
    about: 'Largest message. RFC 5321 §4.5.3.1.7 asks for 64KiB at least.',
    default: '50MiB',
    min: 2 ** 10,
    max: 2 ** 31,
  }).prefault('50MiB'),
  headerSize: size({
    about: 'Largest header of a message.',
    default: '1MiB',
    min: 2 ** 10,
    max: 64 * 2 ** 20,
  }).prefault('1MiB'),
  textLine: count({
    about:
      'Longest line of a message in octets without CRLF; RFC 5321 §4.5.3.1.6 says 998. 0: any. Longer ones are not sent on: see `delivery.eightBitConversion`.',
    default: '998',
    min: 0,
    max: 1_000_000,
  }).prefault(998),
  localPart: count({
    about:
      'Longest local part of an address in octets. RFC 5321 §4.5.3.1.1 asks for 64 at least; senders made by VERP and SRS are longer.',
    default: '256',
    min: 64,
    max: 512,
  }).prefault(256),
  recipients: count({
    about: 'Recipients of one message. RFC 5321 §4.5.3.1.8 asks for 100 at least.',
    default: '1000',
    min: 1,
    max: 100_000,
  }).prefault(1000),
  connections: count({
    about: 'Open connections in all.',
    default: '10000',
    min: 1,
    max: 1_000_000,
  }).prefault(10_000),
  connectionsPerClient: count({
    about: 'Open connections from one client address (IPv6: one /64).',
    default: '100',
    min: 1,
    max: 1_000_000,
  }).prefault(100),
  errorsPerConnection: count({
    about: 'Bad commands and refusals before the connection is closed with 421.',
    default: '20',
    min: 1,
    max: 10_000,
  }).prefault(20),
  commandsWithoutMail: count({
    about: 'NOOP, RSET, VRFY and the like since the last message before the connection is closed.',
    default: '100',
    min: 1,
    max: 100_000,
  }).prefault(100),
  messagesPerConnection: count({
    about: 'Messages taken over one connection (RFC 9422 MAILMAX). 0: any number.',
    default: '0',
    min: 0,
    max: 1_000_000,
  }).prefault(0),
  domainsPerConnection: count({
    about:
      'Different domains of recipients taken over one connection (RFC 9422 RCPTDOMAINMAX). 0: any number.',
    default: '0',
    min: 0,
    max: 1_000_000,
  }).prefault(0),
  receivedFields: count({
    about: 'Received fields of a message that goes round in circles. RFC 5321 §6.3 asks for 100.',
    default: '100',
    min: 1,
    max: 1000,
  }).prefault(100),
  commandTimeout: duration({
    about: 'Wait for a command. RFC 5321 §4.5.3.2.7: 5 minutes.',
    default: '5m',
    min: '1s',
    max: '1h',
  }).prefault('5m'),
  contentTimeout: duration({
    about: 'Wait for the next piece of a message. RFC 5321 §4.5.3.2.5: 3 minutes at least.',
    default: '10m',
    min: '1s',
    max: '1h',
  }).prefault('10m'),
  messageTimeout: duration({
    about: 'Longest time for the whole of a message, however steadily it trickles in; then 421.',
    default: '2h',
    min: '1m',
    max: '1d',
  }).prefault('2h'),
});

export const limitSettings = {
  limits: limits.prefault({}).meta({ about: 'What a client may take.' }),
};
