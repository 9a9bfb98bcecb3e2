// Settings about reports: those that come about our domains, and those that we send about the mail and the sessions
// of others. None of it in `dev`.

import { z } from 'zod';
import { parseMailbox } from '../mail/address.ts';
import * as setting from './setting.ts';

const { duration, text } = setting;

const wrongAddress = (address: string): string | undefined =>
  parseMailbox(address) === undefined
    ? `must be an address such as 'postmaster@example.org', not ${setting.shown(address)}`
    : undefined;

export const reports = z.strictObject({
  receiveAt: z
    .array(
      text('an address', { about: '' }, (address) =>
        wrongAddress(address.includes('@') ? address : `${address}@example.org`),
      ),
    )
    .prefault(['postmaster', 'abuse', 'dmarc', 'dmarc-reports', 'tls-reports', 'tlsrpt'])
    .meta({
      about:
        'Where reports come: addresses, or local parts at each of our `domains`. What comes there is delivered as any other mail; reports in it are also read for `postrider report`.',
      kind: 'a list of addresses',
      default: "['postmaster', 'abuse', 'dmarc', 'dmarc-reports', 'tls-reports', 'tlsrpt']",
    }),
  keep: duration({
    about: 'How long `postrider report` remembers what they said.',
    default: '90d',
    min: '1d',
    max: '3650d',
  }).prefault('90d'),
});
