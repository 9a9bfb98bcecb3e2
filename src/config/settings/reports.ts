// Settings about reports: those that come about our domains, and those that we send about the mail and the sessions
// of others. None of it in `dev`.

import { z } from 'zod';
import { parseMailbox } from '../../mail/fields/address.ts';
import * as setting from './setting.ts';

const { count, duration, flag, text } = setting;

const wrongAddress = (address: string): string | undefined =>
  parseMailbox(address) === undefined
    ? `must be an address such as 'postmaster@example.org', not ${setting.shown(address)}`
    : undefined;

const reports = z.strictObject({
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
  from: text(
    'an address',
    {
      about:
        'Who our reports are from: mail of its domain should pass DMARC, by keys (`postrider dkim create`) or SPF.',
      default: "'postmaster@' and `hostname`",
    },
    wrongAddress,
  ).optional(),
  organization: text('a name', {
    about: 'What we call ourselves in reports.',
    default: '`hostname`',
  }).optional(),
  dmarc: z
    .strictObject({
      send: flag({
        about:
          'Tells each domain that asks for it (`rua` in its DMARC record) once a day what came in its name and how it was judged. RFC 9990.',
        default: 'true',
      }).prefault(true),
    })
    .prefault({})
    .meta({ about: 'Aggregate reports.' }),
  failure: z
    .strictObject({
      send: flag({
        about:
          'Tells a domain that asks for it (`ruf` in its DMARC record) at once of each message that fails, by its header without recipients and subject. Who reads it may be anybody: RFC 9991 §7.',
        default: 'false',
      }).prefault(false),
      perHour: count({
        about: 'Such reports to one domain in an hour.',
        default: '10',
        min: 1,
        max: 1000,
      }).prefault(10),
    })
    .prefault({})
    .meta({ about: 'Failure reports.' }),
});

const tlsReports = z.strictObject({
  send: flag({
    about:
      'Tells each domain that asks for it (`_smtp._tls` in the DNS) once a day how TLS with its hosts went, by mail (which needs DKIM keys for the domain of `reports.from`) or by HTTPS. RFC 8460.',
    default: 'true',
  }).prefault(true),
});

export const reportSettings = {
  reports: reports.prefault({}).meta({ about: 'What mail servers tell each other of.' }),
  tlsReports: tlsReports.prefault({}).meta({ about: 'What we tell others of TLS.' }),
};
