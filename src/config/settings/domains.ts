// Settings about whose mail comes here, and where it goes then.

import { z } from 'zod';
import * as setting from './setting.ts';

const { port, text } = setting;

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
