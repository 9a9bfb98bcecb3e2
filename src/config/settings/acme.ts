// Settings about certificates that an authority gives us (ACME, RFC 8555): which authority, for what names, and how we
// show that they are ours.

import { resolve } from 'node:path';
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import type { ChallengeType } from '../../acme/challenges.ts';
import { challengeTypes } from '../../acme/challenges.ts';
import type { DnsHook } from '../../acme/dns-hook.ts';

import type { Findings } from '../named-files.ts';
import { readable } from '../named-files.ts';
import * as setting from './setting.ts';

const { choice, duration, flag, text } = setting;

const secure = (url: string): string | undefined =>
  URL.parse(url)?.protocol === 'https:'
    ? undefined
    : `must be an address that begins with https://, not ${setting.shown(url)}`;

const name = text('a domain name', { about: '' }, (written) =>
  setting.isDomain(written.replace(/^\*\./, ''))
    ? undefined
    : `must be a domain name such as 'mx.example.org', not ${setting.shown(written)}`,
);
const names = z.array(name).min(1).max(100);

export const acme = z
  .strictObject({
    directory: text(
      'the address of a directory',
      {
        about: "The authority's directory.",
        default: "'https://acme-v02.api.letsencrypt.org/directory'",
      },
      secure,
    ).prefault('https://acme-v02.api.letsencrypt.org/directory'),
    contact: z
      .union(
        [text('a mail address', { about: '' }), z.array(text('a mail address', { about: '' }))],
        {
          error: 'must be a mail address, or a list of them',
        },
      )
      .prefault([])
      .meta({
        about: 'Whom the authority may write to, if it does.',
        kind: 'a mail address, or a list of them',
        default: '[]',
      }),
    termsAgreed: flag({
      about:
        'Whoever names an authority here agrees to its terms (its directory says where they are); `false` obtains nothing.',
      default: 'true',
    }).prefault(true),
    names: z
      .array(z.union([name, names]))
      .min(1)
      .max(100)
      .optional()
      .meta({
        about:
          'What to have certificates for: a certificate for each name or list of names. The first is for clients that ask for no name. Wildcards need `dns-01`.',
        kind: 'a list of names and of lists of names',
        default: "the server's own `hostname`",
      }),
    challenge: z
      .union([
        choice(challengeTypes, { about: '' }),
        z.array(choice(challengeTypes, { about: '' })),
      ])
      .optional()
      .meta({
        about:
          'How the authority sees that the names are ours: `http-01` at an `http` listener that it finds at port 80, `tls-alpn-01` at a listener with implicit TLS that it finds at port 443, `dns-01` by `dns`. Several in order of preference.',
        kind: `one of ${challengeTypes.map((type) => `'${type}'`).join(', ')}, or a list of them`,
        default: 'what the listeners and `dns` make possible, by our own choice',
      }),
    dns: z
      .union(
        [z.custom<DnsHook>((value) => typeof value === 'function'), setting.file({ about: '' })],
        { error: 'must be a function, or the path of a program' },
      )
      .optional()
      .meta({
        about:
          'For `dns-01`: adds and removes TXT records: a function of `{ action, name, value }`, or a program that is called with `add` or `remove`, the name and the value.',
        kind: '({ action, name, value }) => Promise, or the path of a program',
      }),
    dnsWait: duration({
      about: 'How long after `dns` all name servers of the domain have the record.',
      default: '30s',
      min: '0s',
      max: '1h',
    }).prefault('30s'),
    eab: z
      .strictObject({
        kid: text('the name of a key', { about: '' }),
        keyFile: setting.file({ about: '' }),
      })
      .optional()
      .meta({
        about:
          'External account binding, where an authority wants to know an account of yours: the name of the key that it gave you, and the file with the key in base64url.',
        kind: '{ kid, keyFile }',
      }),
    profile: text('the name of a profile', {
      about:
        "One of the kinds of certificates that the authority's directory lists: `'shortlived'`.",
    }).optional(),
    reuseKey: flag({
      about:
        'A renewed certificate has the key of the one before, so that TLSA records (DANE) of that key stay right.',
      default: 'true',
    }).prefault(true),
    authorities: setting
      .file({
        about:
          'PEM file with those that sign the certificate of the directory itself, where it is none of the public ones.',
      })
      .optional(),
  })
  .meta({ about: 'Certificates that are obtained and renewed by ACME (RFC 8555).' });

export interface AcmeConfig {
  readonly directory: string;
  /** `mailto:…` */
  readonly contact: readonly string[];
  readonly names: readonly (readonly string[])[];
  /** In order of preference. */
  readonly challenges: readonly ChallengeType[];
  /** A program by its absolute path. */
  readonly dns: DnsHook | string | undefined;
  readonly dnsWait: number;
  readonly eab: { readonly kid: string; readonly hmacKey: string } | undefined;
  readonly profile: string | undefined;
  readonly reuseKey: boolean;
  /** PEM text. */
  readonly authorities: string | undefined;
}

/** What of a listener says who gets there. */
interface Reached {
  readonly service: string;
  readonly tls: 'none' | 'starttls' | 'implicit';
  readonly port: number;
}

export interface AcmeSurroundings {
  readonly hostname: string | undefined;
  readonly listeners: readonly (Reached | undefined)[];
}

export function readAcme(
  written: z.output<typeof acme>,
  { hostname, listeners }: AcmeSurroundings,
  findings: Findings,
): AcmeConfig | undefined {
  const at = (key: string) => ['tls', 'acme', key];
  const { directory, contact, dns, dnsWait, eab, profile, reuseKey } = written;
  const { add } = findings;
  if (!written.termsAgreed)
    add(at('termsAgreed'), `must be true: read the terms that ${directory} names, and agree`);
  if (hostname === undefined) return undefined;
  const lists = (written.names ?? [hostname]).map((one) =>
    [one].flat().map((each) => domainToASCII(each)),
  );
  const challenges = challengesOf(written, listeners);
  if (challenges.length === 0)
    add(
      at('challenge'),
      'is missing: there is no http listener at port 80, none with implicit TLS at port 443, and no `dns`; add one of them, or say which way the authority gets here',
    );
  if (challenges.includes('dns-01') && dns === undefined)
    add(at('dns'), 'is missing: `dns-01` needs it');
  const wildcard = lists.flat().find((one) => one.startsWith('*.'));
  // RFC 8555 §7.1.3: only the DNS speaks for all names below one.
  if (wildcard !== undefined && !challenges.includes('dns-01'))
    add(at('names'), `${wildcard} needs \`dns-01\``);
  const keyAt = [...at('eab'), 'keyFile'];
  const key = eab && readable(eab.keyFile, keyAt, findings)?.trim();
  if (key === '') add(keyAt, `${eab?.keyFile}: there is nothing in it`);
  return {
    ...{ directory, challenges, dnsWait, profile, reuseKey },
    contact: [contact].flat().map((address) => `mailto:${address}`),
    names: lists,
    dns: typeof dns === 'string' ? resolve(findings.directory, dns) : dns,
    eab: eab === undefined ? undefined : { kid: eab.kid, hmacKey: key ?? '' },
    authorities:
      written.authorities === undefined
        ? undefined
        : readable(written.authorities, at('authorities'), findings),
  };
}

/** Those that were asked for, or those that can be. */
function challengesOf(
  { challenge, dns }: z.output<typeof acme>,
  listeners: AcmeSurroundings['listeners'],
): readonly ChallengeType[] {
  if (challenge !== undefined) return [challenge].flat();
  if (dns !== undefined) return ['dns-01'];
  const has = (wanted: (listener: Reached) => boolean) =>
    listeners.some((listener) => listener !== undefined && wanted(listener));
  return [
    ...(has(({ tls, port }) => tls === 'implicit' && port === 443)
      ? (['tls-alpn-01'] as const)
      : []),
    ...(has(({ service, tls, port }) => service === 'http' && tls === 'none' && port === 80)
      ? (['http-01'] as const)
      : []),
  ];
}
