// Every setting: its name, type, default, bounds and a sentence about it. From this one schema come
// the types of a configuration file and of the resolved configuration, the list of problems, and
// docs/config.md. In the resolved form durations are milliseconds, sizes are octets, paths are
// absolute, passwords of routes have been read; nothing else differs from what was written.

import { hostname as machineName } from 'node:os';
import { z } from 'zod';
import { credentialProblem } from '../sasl/client.ts';
import * as abuse from './abuse.ts';
import type { FilterConfig } from './filters.ts';
import { filter } from './filters.ts';
import { hooks } from './hooks.ts';
import * as reporting from './reports.ts';
import * as rules from './rules.ts';
import * as setting from './setting.ts';
import type { TlsConfig } from './tls.ts';
import { tls } from './tls.ts';
import * as transport from './transport.ts';
import * as trust from './trust.ts';
import * as web from './web.ts';

const { choice, count, duration, flag, port, size, text } = setting;

const services = ['smtp', 'submission', 'lmtp', 'pop3', 'imap', 'http', 'mtqp'] as const;
const hostKind = 'an IP address or host name';

const listener = z.strictObject({
  service: choice(services, {
    about:
      '`smtp` takes mail for `domains` and `relayDomains` from anyone and relays for `trustedNetworks` and logged-in users; `submission` takes mail after login only; `lmtp` takes mail for the mailboxes here (RFC 2033); `imap` (RFC 9051) and `pop3` let people read it; `mtqp` tells senders where their mail is (RFC 3887, port 1038); `http` has health, metrics, what mail programs ask to set themselves up, and our MTA-STS policy.',
  }),
  host: z
    .union([setting.host({ about: '' }), z.array(setting.host({ about: '' })).min(1)], {
      error: 'must be an address, or a list of them',
    })
    .prefault('::')
    .meta({
      about: "Address or addresses to listen on; `'::'` takes IPv6 and IPv4.",
      kind: `${hostKind}, or a list of them`,
      default: "'::'",
    }),
  port: port({ about: 'TCP port; 0 takes any free one.' }).optional(),
  path: setting.file({ about: 'Unix socket instead of host and port.' }).optional(),
  mode: setting
    .fileMode({
      about:
        'Who may connect to the Unix socket: its permissions in octal. It belongs to `user`, or to whoever starts the server.',
      default: "'0660'",
    })
    .prefault('0660'),
  tls: choice(['none', 'starttls', 'implicit'], {
    about:
      '`implicit` speaks TLS from the first byte; `starttls` offers it. Without this: `starttls` where `tls` is configured and there is no `path`; for `http` `implicit`, but `none` on loopback.',
  }).optional(),
  insecureAuth: flag({
    about: 'Offers AUTH without TLS. Only for listeners bound to loopback.',
    default: 'false',
  }).prefault(false),
  bareNewlines: choice(['refuse', 'normalise'], {
    about:
      'What to do with a CR or LF alone in a message: refuse it (550 5.6.11) or make it a CRLF.',
    default: "'refuse'",
  }).prefault('refuse'),
  proxyProtocol: z
    .array(setting.network({ about: '' }))
    .min(1)
    .optional()
    .meta({
      about:
        'Load balancers that say by the PROXY protocol (1 or 2) who the client is. With this, nobody else may connect here.',
      kind: 'a list of networks',
    }),
  withhold: z
    .array(text('an EHLO keyword', { about: '' }).transform((keyword) => keyword.toUpperCase()))
    .prefault([])
    .meta({
      about: "Extensions that are not offered here, by EHLO keyword: `['CHUNKING']`.",
      kind: 'a list of EHLO keywords',
      default: '[]',
    }),
});

const route = z.strictObject({
  domain: setting.domainPattern(
    {
      about:
        "Recipients it is for: `'example.net'` exactly, `'.example.net'` its subdomains, `'*'` everything. The first route that matches is taken.",
    },
    { star: true },
  ),
  via: choice(['mx', 'discard', 'atrn'], {
    about:
      '`mx`: the hosts the DNS names (RFC 5321 §5.1); `discard`: taken and thrown away; `atrn`: kept until `account` fetches it (RFC 2645).',
  }).optional(),
  account: text('an address', {
    about: "Goes with `via: 'atrn'`: who may fetch the mail, logged in.",
  }).optional(),
  host: setting.host({ about: 'The next hop, whatever the DNS says.' }).optional(),
  port: port({ about: 'Its port.', default: '25' }).optional(),
  lmtp: text("a socket path or 'host:port'", {
    about: "LMTP server: the path of a Unix socket, or `'host:port'`.",
  }).optional(),
  tls: choice(['none', 'opportunistic', 'require', 'verify'], {
    about:
      '`opportunistic` encrypts where it is offered, `require` always, `verify` also checks the certificate (RFC 7817).',
    default: "'opportunistic'",
  }).prefault('opportunistic'),
  user: text(
    'a user name',
    { about: 'Logs in to `host` under this name.' },
    (name) => credentialProblem({ user: name })?.message,
  ).optional(),
  passwordFile: setting
    .file({ about: 'File with the password on its first line; readable by us alone, please.' })
    .optional(),
});

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
  memory: size({
    about: 'Content kept in memory for deliveries that are about to start.',
    default: '64MiB',
    min: 2 ** 20,
    max: 16 * 2 ** 30,
  }).prefault('64MiB'),
});

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

const login = z.strictObject({
  failuresPerNetwork: count({
    about:
      'Failed logins from one network (IPv4 /24, IPv6 /64) within `window` before it is cut off.',
    default: '20',
    min: 1,
    max: 100_000,
  }).prefault(20),
  window: duration({
    about: 'How long a failed login counts.',
    default: '15m',
    min: '1s',
    max: '7d',
  }).prefault('15m'),
  blockFor: duration({
    about: 'How long a network is cut off from logging in.',
    default: '15m',
    min: '1s',
    max: '7d',
  }).prefault('15m'),
  delay: duration({
    about: 'Wait before the answer after a failure; doubles with each, up to `delayMax`.',
    default: '1s',
    min: '0s',
    max: '1m',
  }).prefault('1s'),
  delayMax: duration({
    about: 'The longest such wait.',
    default: '8s',
    min: '0s',
    max: '5m',
  }).prefault('8s'),
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

const imap = z.strictObject({
  idleTimeout: duration({
    about:
      'Silence before the connection is closed, once logged in. RFC 9051 §5.4: at least 30 minutes.',
    default: '30m',
    min: '30m',
    max: '1d',
  }).prefault('30m'),
  loginTimeout: duration({
    about: 'Silence before that.',
    default: '1m',
    min: '5s',
    max: '1h',
  }).prefault('1m'),
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

const dns = z.strictObject({
  servers: z
    .array(text('an address', { about: '' }))
    .min(1)
    .max(16)
    .optional()
    .meta({
      about: "Name servers, `'192.0.2.53'` or `'192.0.2.53:5353'`. Without this: the system's.",
      kind: 'a list of addresses',
    }),
  timeout: duration({
    about: 'Wait for one server before the next is asked.',
    default: '5s',
    min: '100ms',
    max: '1m',
  }).prefault('5s'),
  attempts: count({ about: 'Rounds through the servers.', default: '2', min: 1, max: 10 }).prefault(
    2,
  ),
  validating: flag({
    about:
      'The servers check DNSSEC, and nobody can change what they say on the way here: without such, no DANE. Default: if all are on loopback.',
  }).optional(),
  trustAd: flag({ about: 'What `validating` was called in 0.1: `true` is the same.' }).optional(),
  cacheEntries: count({
    about: 'Answers kept.',
    default: '10000',
    min: 0,
    max: 1_000_000,
  }).prefault(10_000),
});

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

const localDelivery = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('mailbox') }),
  z.strictObject({
    kind: z.literal('maildir'),
    directory: setting.directory({
      about: '`{address}`, `{local}` and `{domain}` in the path are filled in.',
    }),
  }),
  z.strictObject({
    kind: z.literal('lmtp'),
    path: setting.file({ about: 'Unix socket of the LMTP server.' }).optional(),
    host: setting.host({ about: 'Or its host …' }).optional(),
    port: port({ about: '… and port.' }).optional(),
  }),
]);

const store = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sqlite') }),
  z.strictObject({ kind: z.literal('postgres'), url: z.unknown() }),
]);

/** Checks bearer tokens (OAUTHBEARER, XOAUTH2): the account's address, or undefined to refuse. */
export type TokenVerifier = (
  user: string,
  token: string,
  /** The host and port that an OAUTHBEARER client says it connected to, where it does. */
  target?: { readonly host: string | undefined; readonly port: number | undefined },
) => string | undefined | Promise<string | undefined>;

export const schema = z.strictObject({
  hostname: setting
    .domain({
      about: 'Our name, in the greeting, EHLO and Received: one that resolves to this machine.',
      default: "the machine's own name",
    })
    .prefault(() => machineName()),
  dataDirectory: setting
    .directory({
      about: 'Where mail, queue and accounts are kept. Nothing else may write there.',
      default: "'./postrider-data'",
    })
    .prefault('postrider-data'),
  domains: z
    .array(setting.domainPattern({ about: '' }, { star: false }))
    .prefault([])
    .meta({
      about: "Mail for these is delivered here; `'.example.net'` names the subdomains.",
      kind: 'a list of domains',
      default: '[]',
    }),
  relayDomains: z
    .array(setting.domainPattern({ about: '' }, { star: false }))
    .prefault([])
    .meta({
      about: 'Mail for these is taken from anyone and sent on by `routes` (backup MX, gateway).',
      kind: 'a list of domains',
      default: '[]',
    }),
  aliases: z
    .record(
      z.string(),
      z
        .array(text('an address', { about: '' }))
        .min(1)
        .max(10_000),
    )
    .prefault({})
    .meta({
      about:
        "Address to the addresses it stands for, here or elsewhere; `'@example.org'` catches what no account or alias has.",
      kind: 'an object: address to a list of addresses',
      default: '{}',
    }),
  recipientDelimiter: z
    .union([z.literal(''), text('one character', { about: '' })], {
      error: 'must be one character',
    })
    .prefault('+')
    .meta({
      about: "Mail for `ann+lists@` goes to `ann@`. `''` turns it off.",
      kind: 'one character',
      default: "'+'",
    }),
  listeners: z
    .array(listener)
    .min(1)
    .max(100)
    .prefault([{ service: 'smtp', port: 25 }])
    .meta({
      about: 'Where we listen, and for what.',
      kind: 'a list of listeners',
      default: "[{ service: 'smtp', port: 25 }]",
    }),
  tls: tls.optional().meta({
    about:
      "Our certificates: files, or those that an authority gives us (ACME), or `'self-signed'` (made and kept in the data directory). Read again on reload.",
    kind: "{ certificate, privateKey, additional }, { acme, additional } or 'self-signed'",
  }),
  clientCertificates: z
    .strictObject({
      authorities: setting.file({ about: 'PEM file with the authorities that may issue them.' }),
      accounts: z
        .record(z.string(), text('an address', { about: '' }))
        .prefault({})
        .meta({
          about:
            "Whose certificates they are: a name in the certificate (DNS name, e-mail address, common name) to an account's address. A name that is itself an address of an account needs no entry.",
          kind: 'an object: name to address',
          default: '{}',
        }),
    })
    .optional()
    .meta({
      about:
        'Asks clients for a certificate and offers SASL EXTERNAL (RFC 4422) to those that have a good one.',
    }),
  tokenVerifier: z
    .custom<TokenVerifier>((value) => value === undefined || typeof value === 'function', {
      error: 'must be a function: (user, token) => the account’s address, or undefined',
    })
    .optional()
    .meta({
      about:
        'Checks bearer tokens (OAUTHBEARER, XOAUTH2) and gives the account’s address or undefined. TypeScript and JavaScript only.',
      kind: '(user, token) => address | undefined',
    }),
  trustedNetworks: z
    .array(setting.network({ about: '' }))
    .prefault([])
    .meta({
      about: 'Clients that may relay without logging in.',
      kind: 'a list of networks',
      default: '[]',
    }),
  xclientNetworks: z
    .array(setting.network({ about: '' }))
    .prefault([])
    .meta({
      about:
        'Proxies and filters that may say by XCLIENT for whom they speak (address, name, login), as with Postfix.',
      kind: 'a list of networks',
      default: '[]',
    }),
  routes: z
    .array(route)
    .max(10_000)
    .prefault([{ domain: '*', via: 'mx' }])
    .meta({
      about: 'How mail leaves. First match; what no route matches goes by MX.',
      kind: 'a list of routes',
      default: "[{ domain: '*', via: 'mx' }]",
    }),
  localDelivery: localDelivery.prefault({ kind: 'mailbox' }).meta({
    about:
      'Where mail for `domains` goes: our own mailboxes, Maildir folders, or an LMTP server (Dovecot).',
    default: "{ kind: 'mailbox' }",
  }),
  queue: queue.prefault({}).meta({ about: 'Waiting and trying again.' }),
  delivery: delivery.prefault({}).meta({ about: 'Talking to the next hop.' }),
  limits: limits.prefault({}).meta({ about: 'What a client may take.' }),
  submission: z
    .strictObject({
      from: choice(['own', 'any'], {
        about:
          'Which addresses of `domains` who is logged in may name in From: those whose mail the account gets, or all.',
        default: "'own'",
      }).prefault('own'),
    })
    .prefault({})
    .meta({ about: 'What accounts may send.' }),
  login: login.prefault({}).meta({ about: 'What happens to those who guess passwords.' }),
  pop3: pop3.prefault({}).meta({ about: 'What `pop3` listeners allow.' }),
  http: web.http.prefault({}).meta({ about: 'What `http` listeners tell, and whom.' }),
  imap: imap.prefault({}).meta({ about: 'What `imap` listeners allow.' }),
  mailboxes: mailboxes.prefault({}).meta({ about: 'What accounts may keep here.' }),
  reports: reporting.reports.prefault({}).meta({ about: 'What mail servers tell each other of.' }),
  tlsReports: reporting.tlsReports.prefault({}).meta({ about: 'What we tell others of TLS.' }),
  dns: dns.prefault({}).meta({ about: 'How names are looked up.' }),
  spf: trust.spf.prefault({}).meta({ about: 'Who may send for a domain.' }),
  dkim: trust.dkim.prefault({}).meta({ about: 'Whose signature a message has.' }),
  dmarc: trust.dmarc.prefault({}).meta({ about: 'Whether a message is of the domain in From.' }),
  arc: trust.arc.prefault({}).meta({ about: 'What forwarders say they saw.' }),
  forwarding: trust.forwarding
    .prefault({})
    .meta({ about: 'How mail is sent on that an alias leads to another server.' }),
  access: rules.access,
  contentRules: rules.contentRules,
  suspicion: abuse.suspicion
    .prefault({})
    .meta({ about: 'What weak signs about a client add up to, in points.' }),
  backscatter: abuse.backscatter
    .prefault({})
    .meta({ about: 'Mail without a sender, which is mostly a notification, or pretends to be.' }),
  dnsbl: abuse.dnsbl.prefault({}).meta({ about: 'Lists in the DNS of clients to distrust.' }),
  greylist: abuse.greylist
    .prefault({})
    .meta({ about: 'Whether a first attempt is sent away for a while.' }),
  spamFilter: abuse.spamFilter.prefault({}).meta({
    about: 'What each account learns from what is moved into Junk and out of it.',
  }),
  noSoliciting: abuse.noSoliciting,
  rateLimits: abuse.rateLimits.prefault({}).meta({ about: 'How much anybody may send.' }),
  dane: transport.dane.prefault({}).meta({
    about: 'Which certificate a mail host must have, as the DNS says. RFC 7672.',
  }),
  mtaSts: transport.mtaSts.prefault({}).meta({
    about: 'Which hosts a domain has, and that they have TLS, as it says by HTTPS. RFC 8461.',
  }),
  hooks: hooks.prefault({}).meta({
    about:
      'Functions of yours that are asked about mail that comes in, of everybody. TypeScript and JavaScript only.',
  }),
  filters: z.array(filter).max(20).prefault([]).meta({
    about:
      'Programs that look at mail before it is taken, one after the other; each sees what the one before has made of it.',
    kind: 'a list of filters',
    default: '[]',
  }),
  vrfy: choice(['ambiguous', 'yes', 'no'], {
    about:
      'VRFY: 252 to everything, an honest answer to trusted clients and users, or 502. RFC 5321 §3.5.3.',
    default: "'ambiguous'",
  }).prefault('ambiguous'),
  history: z
    .strictObject({
      size: size({
        about:
          'What `why` remembers of messages that are gone: files of this size in all; an eighth more for what was refused.',
        default: '640MiB',
        min: 2 ** 20,
        max: 2 ** 40,
      }).prefault('640MiB'),
    })
    .prefault({})
    .meta({ about: 'The memory of `postrider why`.' }),
  store: store.prefault({ kind: 'sqlite' }).meta({
    about: 'The kind of store. `sqlite` needs nothing else.',
    kind: "{ kind: 'sqlite' }",
    default: "{ kind: 'sqlite' }",
  }),
  logLevel: choice(['debug', 'info', 'warn', 'error'], {
    about: 'The least important lines that are logged.',
    default: "'info'",
  }).prefault('info'),
  shutdownGrace: duration({
    about: 'What open transactions get to finish when the server stops.',
    default: '30s',
    min: '0s',
    max: '1h',
  }).prefault('30s'),
  user: text('a user name', {
    about: 'When started as root: who to become once the ports are bound.',
  }).optional(),
});

/** What one writes. */
export type ConfigInput = z.input<typeof schema>;
export type ParsedConfig = z.output<typeof schema>;

export interface ListenerConfig {
  readonly service: (typeof services)[number];
  /** One listening socket for each. Empty with `path`. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly path: string | undefined;
  /** Of the socket at `path`, in octal. */
  readonly mode: string;
  readonly tls: 'none' | 'starttls' | 'implicit';
  readonly insecureAuth: boolean;
  readonly bareNewlines: 'refuse' | 'normalise';
  /** Networks of proxies, who alone may connect; undefined where there are none. */
  readonly proxyProtocol: readonly string[] | undefined;
  readonly withhold: readonly string[];
}

export type RouteTls = 'none' | 'opportunistic' | 'require' | 'verify';

export type RouteConfig = { readonly domain: string } & (
  | { readonly kind: 'mx'; readonly tls: RouteTls }
  | { readonly kind: 'atrn'; readonly account: string }
  | { readonly kind: 'discard' }
  | {
      readonly kind: 'host';
      readonly host: string;
      readonly port: number;
      readonly tls: RouteTls;
      readonly login: { readonly user: string; readonly password: string } | undefined;
    }
  | { readonly kind: 'lmtp'; readonly path: string }
  | { readonly kind: 'lmtp'; readonly host: string; readonly port: number }
);

export type LocalDeliveryConfig =
  | { readonly kind: 'mailbox' }
  | { readonly kind: 'maildir'; readonly directory: string }
  | { readonly kind: 'lmtp'; readonly path: string }
  | { readonly kind: 'lmtp'; readonly host: string; readonly port: number };

type Resolved =
  | 'aliases'
  | 'filters'
  | 'listeners'
  | 'routes'
  | 'tls'
  | 'clientCertificates'
  | 'localDelivery'
  | 'dns'
  | 'store';

/** What the server works with. Durations in milliseconds, sizes in octets, paths absolute. */
export interface Config extends Readonly<Omit<ParsedConfig, Resolved>> {
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly listeners: readonly ListenerConfig[];
  readonly routes: readonly RouteConfig[];
  readonly filters: readonly FilterConfig[];
  readonly tls: TlsConfig | undefined;
  readonly dns: Omit<ParsedConfig['dns'], 'trustAd'>;
  readonly clientCertificates:
    | {
        readonly authorities: string;
        /** By certificateNameKey(). */
        readonly accounts: ReadonlyMap<string, string>;
      }
    | undefined;
  readonly localDelivery: LocalDeliveryConfig;
  /**
   * `postrider dev`: any address has an inbox, any password is right, nothing leaves the machine.
   * Cannot be written in a file.
   */
  readonly dev: boolean;
}

/** Gives a configuration its type; changes nothing. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
