// Settings about turning abuse away. They are for clients that have not logged in and are in no trusted network,
// but for the limits of accounts and destinations; in `dev` nobody is turned away.

import { z } from 'zod';
import type { SettingFacts } from './setting.ts';
import * as setting from './setting.ts';

const { duration } = setting;

function rates({ about, default: value = '[]' }: SettingFacts, usual: readonly string[] = []) {
  return z
    .array(setting.rate({ about: '' }))
    .max(5)
    .prefault([...usual])
    .meta({ about, kind: "a list of rates such as '300/1h'", default: value });
}

export const rateLimits = z.strictObject({
  connectionsPerClient: rates({
    about:
      'Connections of a network: an IPv4 /24 or an IPv6 /64. None by default, for what is right depends on who writes to you; how many may be open at once is in `limits`.',
  }),
  messagesPerClient: rates({ about: 'Messages of a network.' }),
  recipientsPerClient: rates({ about: 'Recipients of messages of a network.' }),
  messagesPerSenderDomain: rates({ about: 'Messages whose sender has the same domain.' }),
  messagesPerAccount: rates({ about: 'Messages that an account sends.' }),
  recipientsPerAccount: rates(
    {
      about:
        'Recipients that an account sends to. One that sends to more is stopped (450) for `holdFor`; its owner and postmaster are told.',
      default: "['500/1h', '2000/1d']",
    },
    ['500/1h', '2000/1d'],
  ),
  unlimitedAccounts: z
    .array(setting.text('an address', { about: '' }))
    .prefault([])
    .meta({
      about: 'Accounts that may send as much as they like, by their primary address.',
      kind: 'a list of addresses',
      default: '[]',
    }),
  holdFor: duration({
    about: 'For how long an account is stopped, unless `postrider account release` comes first.',
    default: '1h',
    min: '1m',
    max: '30d',
  }).prefault('1h'),
  perDestination: z
    .record(setting.domainPattern({ about: '' }, { star: true }), setting.rate({ about: '' }))
    .prefault({})
    .meta({
      about:
        "Messages that we send to a domain; `'*'` is each of the others. What is more waits, and never fails for it.",
      kind: "an object: domain to a rate such as '60/1m'",
      default: '{}',
    }),
});
