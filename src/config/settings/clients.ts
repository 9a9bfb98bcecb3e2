// Settings about who a client is, and what it may do then: networks that are trusted, certificates, logins.

import { resolve } from 'node:path';
import { z } from 'zod';
import { parseMailbox } from '../../mail/fields/address.ts';
import { certificateNameKey } from '../../net/certificate-names.ts';
import type { Findings } from '../named-files.ts';
import { readable } from '../named-files.ts';
import type { PartOf } from './setting.ts';
import * as setting from './setting.ts';

const { choice, count, duration, flag, shown, text } = setting;

const login = z.strictObject({
  failuresPerNetwork: count({
    about:
      'Failed logins from one network (IPv4 /24, IPv6 /64) within `window` before it is cut off. One wrong password that is tried by several mechanisms counts once.',
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
  channelBinding: flag({
    about:
      'Offers SCRAM-SHA-256-PLUS, which ties a login to its TLS connection. Mutt and NeoMutt choose it and cannot do it: they send nothing. What `postrider init` writes has it off.',
    default: 'true',
  }).prefault(true),
});

/** Checks bearer tokens (OAUTHBEARER, XOAUTH2): the account's address, or undefined to refuse. */
export type TokenVerifier = (
  user: string,
  token: string,
  /** The host and port that an OAUTHBEARER client says it connected to, where it does. */
  target?: { readonly host: string | undefined; readonly port: number | undefined },
) => string | undefined | Promise<string | undefined>;

export const clientSettings = {
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
  login: login.prefault({}).meta({ about: 'What happens to those who guess passwords.' }),
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
  vrfy: choice(['ambiguous', 'yes', 'no'], {
    about:
      'VRFY: 252 to everything, an honest answer to trusted clients and users, or 502. RFC 5321 §3.5.3.',
    default: "'ambiguous'",
  }).prefault('ambiguous'),
};

export interface ClientCertificates {
  readonly authorities: string;
  /** By certificateNameKey(). */
  readonly accounts: ReadonlyMap<string, string>;
}

export function readClientCertificates(
  written: PartOf<typeof clientSettings>['clientCertificates'],
  /** Whether we have a certificate ourselves, without which nobody asks for one. */
  hasTls: boolean,
  findings: Findings,
): ClientCertificates | undefined {
  if (written === undefined) return undefined;
  if (!hasTls) findings.add(['clientCertificates'], 'needs `tls`');
  readable(written.authorities, ['clientCertificates', 'authorities'], findings);
  const accounts = new Map<string, string>();
  for (const [name, address] of Object.entries(written.accounts)) {
    if (parseMailbox(address)?.domain) accounts.set(certificateNameKey(name), address);
    else
      findings.add(
        ['clientCertificates', 'accounts', name],
        `must be an address such as 'ann@example.org', not ${shown(address)}`,
      );
  }
  return { authorities: resolve(findings.directory, written.authorities), accounts };
}
