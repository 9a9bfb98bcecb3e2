// Settings about turning abuse away. They are for clients that have not logged in and are in no trusted network,
// but for the limits of accounts and destinations; in `dev` nobody is turned away.

import { z } from 'zod';
import { domainKey } from '../../mail/fields/address.ts';
import { DomainPatterns } from '../../policy/addresses/domain-patterns.ts';
import { parseSolicitation } from '../../smtp/extensions/no-soliciting.ts';
import type { Findings } from '../named-files.ts';
import type { PartOf, SettingFacts } from './setting.ts';
import * as setting from './setting.ts';

const { choice, count, duration, flag } = setting;

function rates({ about, default: value = '[]' }: SettingFacts, usual: readonly string[] = []) {
  return z
    .array(setting.rate({ about: '' }))
    .max(5)
    .prefault([...usual])
    .meta({ about, kind: "a list of rates such as '300/1h'", default: value });
}

const rateLimits = z.strictObject({
  connectionsPerClient: rates({
    about:
      'Connections of a network: an IPv4 /24 or an IPv6 /64. None by default, for what is right depends on who writes to you; how many may be open at once is in `limits`.',
  }),
  messagesPerClient: rates({ about: 'Messages of a network.' }),
  recipientsPerClient: rates({ about: 'Recipients of messages of a network.' }),
  messagesPerSenderDomain: rates({ about: 'Messages whose sender has the same domain.' }),
  unknownRecipientsPerClient: rates(
    {
      about:
        'Recipients that do not exist, asked for by a network; then it hears 421 until there is room again.',
      default: "['50/10m']",
    },
    ['50/10m'],
  ),
  messagesPerAccount: rates({
    about:
      'Messages that an account sends. One that sends more is stopped, as with `recipientsPerAccount`.',
  }),
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
    .record(
      setting.domainPattern({ about: '' }, { star: true, address: true }),
      setting.rate({ about: '' }),
    )
    .prefault({})
    .meta({
      about:
        "Messages that we send to a domain, or where a route names a `host`, to that host (a name or an address), whatever the domain; `'*'` is each of the others. What is more waits, and never fails for it.",
      kind: "an object: domain to a rate such as '60/1m'",
      default: '{}',
    }),
});

const points = (about: string, usual: number) =>
  count({ about, default: String(usual), min: 0, max: 1000 }).prefault(usual);

const suspicion = z.strictObject({
  rejectAt: points('From so many points on mail is refused (550 5.7.1). 0: never.', 10),
  greylistAt: points(
    "From so many on a client is suspicious to `greylist: { clients: 'suspicious' }`.",
    5,
  ),
  junkAt: points('From so many on it goes into Junk. 0: never.', 6),
  helloIsOurs: points('For a client that calls itself by a name of ours.', 4),
  helloIsAddress: points('For one that calls itself by an address without brackets.', 3),
  helloNotQualified: points('For one that calls itself by a name without a dot.', 2),
  earlyTalker: points(
    'For one that speaks before the greeting, where there is a `greetingDelay`.',
    5,
  ),
  greetingDelay: duration({
    about:
      'How long strangers wait for the greeting: what sends spam often does not (RFC 5321 §4.3.1). Honest mail waits, too.',
    default: '0s',
    min: '0s',
    max: '30s',
  }).prefault('0s'),
  noReverseName: points(
    'For one whose address has no name in the DNS that leads back to it. Looked up only where it would matter.',
    2,
  ),
});

const backscatter = z.strictObject({
  nullSenderRecipients: count({
    about:
      'Recipients of one message without a sender; a notification has one. The others hear 452, and may come in another transaction. 0: any number.',
    default: '1',
    min: 0,
    max: 1000,
  }).prefault(1),
  tag: z
    .array(setting.domainPattern({ about: '' }, { star: false }))
    .prefault([])
    .meta({
      about:
        'Domains, of `domains`, whose mail goes out under senders with a tag that is valid for a week (BATV): `prvs=0417a3c9f2=ann@example.org`. Notifications to an address without one are refused (550 5.7.1), but to postmaster, abuse and `reports.receiveAt`. For domains all of whose mail goes out through this server.',
      kind: 'a list of domains',
      default: '[]',
    }),
});

const greylist = z.strictObject({
  clients: choice(['none', 'suspicious', 'all'], {
    about:
      'Whose first attempt is sent away (450): nobody’s, that of clients with points (`suspicion.greylistAt`), or everybody’s. It delays the first mail of honest servers, so it is for those who need it. RFC 6647.',
    default: "'none'",
  }).prefault('none'),
  wait: duration({
    about: 'How soon the next attempt is taken.',
    default: '1m',
    min: '1s',
    max: '1d',
  }).prefault('1m'),
  retryWithin: duration({
    about: 'How late it may come.',
    default: '1d',
    min: '1m',
    max: '30d',
  }).prefault('1d'),
  rememberFor: duration({
    about: 'How long whoever came back is believed after its last mail.',
    default: '35d',
    min: '1d',
    max: '365d',
  }).prefault('35d'),
});

const dnsList = z.strictObject({
  zone: setting.domain({ about: 'The zone of the list.' }),
  weight: count({
    about: 'Points for whoever it lists; fewer than none for a list of clients to trust.',
    default: '10',
    min: -1000,
    max: 1000,
  }).prefault(10),
  replies: z
    .array(setting.network({ about: '' }))
    .min(1)
    .optional()
    .meta({
      about:
        "Answers that count, such as `['127.0.0.2', '127.0.0.8/29']`. Without this: all that are listings.",
      kind: 'a list of addresses or networks',
    }),
});

const dnsbl = z.strictObject({
  lists: z.array(dnsList).max(20).prefault([]).meta({
    about:
      'Lists of clients in the DNS (RFC 5782). None by default: each has its terms, and most want to be asked by a resolver of your own.',
    kind: 'a list of { zone, weight, replies }',
    default: '[]',
  }),
  patience: duration({
    about: 'How long a list may take; then it is left alone for five minutes.',
    default: '3s',
    min: '100ms',
    max: '30s',
  }).prefault('3s'),
});

const spamFilter = z.strictObject({
  enabled: flag({
    about:
      'Whether accounts learn from it, and have their mail judged by it once they have learnt enough. Not in `dev`.',
    default: 'true',
  }).prefault(true),
  junkAt: z.number().min(0.5).max(1).prefault(0.95).meta({
    about: 'How sure it must be that a message is spam to put it into Junk.',
    kind: 'a number',
    bounds: '0.5 to 1',
    default: '0.95',
  }),
  lessons: count({
    about:
      'So many messages of each kind an account must have learnt from; until then nothing is judged.',
    default: '50',
    min: 1,
    max: 10_000,
  }).prefault(50),
});

const noSoliciting = z
  .array(
    setting.text('a solicitation class', { about: '' }, (name) =>
      parseSolicitation(name)?.length === 1
        ? undefined
        : `must be like 'org.example:ADV', not '${name}'`,
    ),
  )
  .prefault([])
  .meta({
    about:
      "Classes of solicitation that are not wanted here (NO-SOLICITING, RFC 3865): `['org.example:ADV']`. Announced, and refused where a message says that it is of one.",
    kind: 'a list of solicitation classes',
    default: '[]',
  });

export const abuseSettings = {
  suspicion: suspicion
    .prefault({})
    .meta({ about: 'What weak signs about a client add up to, in points.' }),
  backscatter: backscatter
    .prefault({})
    .meta({ about: 'Mail without a sender, which is mostly a notification, or pretends to be.' }),
  dnsbl: dnsbl.prefault({}).meta({ about: 'Lists in the DNS of clients to distrust.' }),
  greylist: greylist
    .prefault({})
    .meta({ about: 'Whether a first attempt is sent away for a while.' }),
  spamFilter: spamFilter.prefault({}).meta({
    about: 'What each account learns from what is moved into Junk and out of it.',
  }),
  noSoliciting,
  rateLimits: rateLimits.prefault({}).meta({ about: 'How much anybody may send.' }),
};

/** Tags are taken off where mail is delivered, and nowhere else. */
export function checkTags(
  { backscatter }: PartOf<typeof abuseSettings>,
  domains: readonly string[] | undefined,
  { add }: Findings,
): void {
  if (domains === undefined) return;
  const ours = new DomainPatterns(domains.filter((domain) => domain !== undefined));
  for (const [i, domain] of (backscatter?.tag ?? []).entries())
    if (!domains.includes(domain) && ours.matches(domainKey(domain)).length === 0)
      add(['backscatter', 'tag', i], `${domain} is not in \`domains\``);
}
