// Settings about who mail is from: SPF, DKIM, DMARC, ARC. For those who have not logged in and are in no
// trusted network; in `dev` nobody is judged.

import { z } from 'zod';
import * as setting from './setting.ts';

const { choice, flag } = setting;

const verified = (about: string) => flag({ about, default: 'true' }).prefault(true);

const spf = z.strictObject({
  verify: verified(
    'Looks whether the client may send for the domain of MAIL FROM, or of HELO without one. RFC 7208.',
  ),
});

const dkim = z.strictObject({
  verify: verified('Checks signatures. RFC 6376.'),
  sign: flag({
    about:
      'Signs what is submitted here, and notifications, for every domain that has keys (`postrider dkim create`).',
    default: 'true',
  }).prefault(true),
});

const dmarc = z.strictObject({
  verify: verified(
    'Looks whether what SPF and DKIM have found speaks for the domain in From. RFC 9989.',
  ),
  obey: flag({
    about:
      'Does what that domain asks for with mail that is not its own: `reject` refuses it, `quarantine` puts it into Junk. `false` only records it.',
    default: 'true',
  }).prefault(true),
  overrides: z
    .record(
      setting.domainPattern({ about: '' }, { star: false }),
      choice(['accept', 'quarantine', 'reject'], { about: '' }),
    )
    .prefault({})
    .meta({
      about:
        "What becomes of such mail instead, by the domain in From; `'.example.net'` names the subdomains.",
      kind: 'an object: domain to `accept`, `quarantine` or `reject`',
      default: '{}',
    }),
});

const forwarding = z.strictObject({
  rewriteSender: flag({
    about:
      'Mail that an alias sends on to another server goes under a sender of ours (SRS), since others look whether we may send for the domain of MAIL FROM. Answers to it find back for three weeks.',
    default: 'true',
  }).prefault(true),
  seal: flag({
    about:
      'Such mail is sealed with what was found out about it, by the keys of the alias’ domain (`postrider dkim create`). RFC 8617.',
    default: 'true',
  }).prefault(true),
});

const arc = z.strictObject({
  verify: verified('Checks the chains of those who handed a message on. RFC 8617.'),
  trustedSealers: z
    .array(setting.domain({ about: '' }))
    .prefault([])
    .meta({
      about:
        'Domains of forwarders and lists: a chain that one of them has sealed last lets mail pass that fails DMARC.',
      kind: 'a list of domains',
      default: '[]',
    }),
});

export const trustSettings = {
  spf: spf.prefault({}).meta({ about: 'Who may send for a domain.' }),
  dkim: dkim.prefault({}).meta({ about: 'Whose signature a message has.' }),
  dmarc: dmarc.prefault({}).meta({ about: 'Whether a message is of the domain in From.' }),
  arc: arc.prefault({}).meta({ about: 'What forwarders say they saw.' }),
  forwarding: forwarding
    .prefault({})
    .meta({ about: 'How mail is sent on that an alias leads to another server.' }),
};
