// Settings of mailboxes and of those who read them: what they may keep, and what IMAP and POP3 allow.

import { z } from 'zod';
import * as setting from './setting.ts';

const { count, duration, size } = setting;

const mailboxes = z.strictObject({
  quota: z
    .strictObject({
      size: size({
        about: 'Octets that the messages of an account may have in all. Without this: no limit.',
        min: 2 ** 10,
        max: 2 ** 50,
      }).optional(),
      messages: count({
        about: 'Messages that an account may have in all. Without this: no limit.',
        min: 1,
        max: 2 ** 40,
      }).optional(),
    })
    .prefault({})
    .meta({ about: 'What an account may keep. Mail for one that is full is refused (452 4.2.2).' }),
});

const imap = z.strictObject({
  idleTimeout: duration({
    about:
      'Silence before the connection is closed, once logged in. RFC 9051 §5.4: at least 30 minutes.',
    default: '30m',
    min: '30m',
    max: '1d',
  }).prefault('30m'),
  loginTimeout: duration({
    about: 'Silence before that. Some programs connect before they ask for the password.',
    default: '3m',
    min: '5s',
    max: '1h',
  }).prefault('3m'),
  commandSize: size({
    about: 'Largest command, without the messages of APPEND. RFC 7162 §4 asks for 8KiB at least.',
    default: '64KiB',
    min: 8 * 2 ** 10,
    max: 2 ** 20,
  }).prefault('64KiB'),
  messagesPerAppend: count({
    about: 'Messages of one APPEND (RFC 3502), which are stored together or not at all.',
    default: '1000',
    min: 1,
    max: 100_000,
  }).prefault(1000),
  errorsPerConnection: count({
    about:
      'Commands that make no sense before the connection is closed; over IMAP, one after the other.',
    default: '20',
    min: 1,
    max: 10_000,
  }).prefault(20),
});

const pop3 = z.strictObject({
  idleTimeout: duration({
    about: 'Wait for a command before the connection is closed. RFC 1939 §3: at least 10 minutes.',
    default: '10m',
    min: '10m',
    max: '1d',
  }).prefault('10m'),
  loginDelay: duration({
    about: 'Least time between two logins of an account (RFC 2449 LOGIN-DELAY). 0s: none.',
    default: '0s',
    min: '0s',
    max: '1h',
  }).prefault('0s'),
});

export const mailboxSettings = {
  imap: imap.prefault({}).meta({ about: 'What `imap` listeners allow.' }),
  pop3: pop3.prefault({}).meta({ about: 'What `pop3` listeners allow.' }),
  mailboxes: mailboxes.prefault({}).meta({ about: 'What accounts may keep here.' }),
};
