// Settings about whose mail comes here, and where it goes then.

import { resolve } from 'node:path';
import { z } from 'zod';
import { domainKey, parseMailbox } from '../../mail/fields/address.ts';
import type { Findings } from '../named-files.ts';
import type { PartOf } from './setting.ts';
import * as setting from './setting.ts';

const { hopPort, isDomain, shown, text } = setting;

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
    port: hopPort({ about: '… and port.' }).optional(),
  }),
]);

export type LocalDeliveryConfig =
  | { readonly kind: 'mailbox' }
  | { readonly kind: 'maildir'; readonly directory: string }
  | { readonly kind: 'lmtp'; readonly path: string }
  | { readonly kind: 'lmtp'; readonly host: string; readonly port: number };

export const domainSettings = {
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
  localDelivery: localDelivery.prefault({ kind: 'mailbox' }).meta({
    about:
      'Where mail for `domains` goes: our own mailboxes, Maildir folders, or an LMTP server (Dovecot).',
    default: "{ kind: 'mailbox' }",
  }),
};

type DomainSettings = PartOf<typeof domainSettings>;

export function checkDomains(
  { domains, relayDomains, aliases, recipientDelimiter }: DomainSettings,
  findings: Findings,
): void {
  const { add } = findings;
  checkAliases(aliases ?? {}, findings);
  const ours = new Set((domains ?? []).map(keyOf));
  for (const [i, domain] of (relayDomains ?? []).entries())
    if (domain !== undefined && ours.has(keyOf(domain)))
      add(
        ['relayDomains', i],
        `${domain} is in \`domains\` already: it is delivered here or relayed, not both`,
      );
  if (recipientDelimiter !== undefined && recipientDelimiter.length > 1)
    add(['recipientDelimiter'], `must be one character, not ${shown(recipientDelimiter)}`);
  if (recipientDelimiter === '@') add(['recipientDelimiter'], "cannot be '@'");
}

/** However it is written. What could not be read is no domain's. */
const keyOf = (domain: string | undefined): string => domainKey(domain ?? '');

/** Keys are addresses, '@domain', or a bare local part for every domain of ours. */
function checkAliases(
  aliases: Readonly<Record<string, readonly string[]>>,
  { add }: Findings,
): void {
  for (const [key, targets] of Object.entries(aliases)) {
    const domain = key.slice(key.lastIndexOf('@') + 1);
    if (!isDomain(domain) || !(key.startsWith('@') || parseMailbox(key)?.domain))
      add(['aliases', key], "must be an address such as 'ann@example.org', or '@example.org'");
    for (const [i, target] of targets.entries())
      if (!parseMailbox(target)?.domain)
        add(
          ['aliases', key, i],
          `must be an address such as 'ann@example.org', not ${shown(target)}`,
        );
  }
}

/** Our own mailboxes where nothing else can be read. */
export function readLocalDelivery(
  given: DomainSettings['localDelivery'],
  { directory, add }: Findings,
): LocalDeliveryConfig {
  if (given === undefined || given.kind === 'mailbox') return { kind: 'mailbox' };
  if (given.kind === 'maildir')
    return { kind: 'maildir', directory: resolve(directory, given.directory) };
  const { path, host, port } = given;
  if (path !== undefined && host === undefined && port === undefined)
    return { kind: 'lmtp', path: resolve(directory, path) };
  if (path === undefined && host !== undefined && port !== undefined)
    return { kind: 'lmtp', host, port };
  add(['localDelivery'], 'must have either `path` or both `host` and `port`');
  return { kind: 'mailbox' };
}
