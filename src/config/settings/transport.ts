// Settings about the way to other servers: what a host there has to show before it gets mail. In `dev`
// no mail leaves.

import { z } from 'zod';
import * as setting from './setting.ts';

const { choice, duration, flag } = setting;

const dane = z.strictObject({
  verify: flag({
    about:
      'Looks for TLSA records of the hosts that mail goes to. A host that has some gets mail over TLS alone, and with the certificate they name. Needs a resolver that checks DNSSEC: see `dns.validating`.',
    default: 'true',
  }).prefault(true),
  require: z
    .array(setting.domainPattern({ about: '' }, { star: true }))
    .prefault([])
    .meta({
      about: 'Domains whose mail waits until their hosts have such records. RFC 7672 §6.',
      kind: 'a list of domains, `.domain` for subdomains',
      default: '[]',
    }),
});

const mtaSts = z.strictObject({
  verify: flag({
    about:
      'Keeps to the policies of other domains (RFC 8461): fetched by HTTPS, and kept. TLSA records come before them.',
    default: 'true',
  }).prefault(true),
  mode: choice(['enforce', 'testing', 'none'], {
    about:
      'Of our own policy, which `http` listeners serve at `mta-sts.` and each of `domains`. Begin with `testing`; others keep to it once `_mta-sts` is in the DNS (`check --dns` says how). `none` takes it back.',
    default: "'testing'",
  }).prefault('testing'),
  maxAge: duration({
    about: 'For how long others keep to our policy without asking again.',
    default: '7d',
    min: '1d',
    max: '365d',
  }).prefault('7d'),
  mx: z
    .array(setting.domainPattern({ about: '' }, { star: false }))
    .prefault([])
    .meta({
      about:
        'Hosts that take our mail, as the MX records name them; `.example.net` is any name right below it. Default: `hostname`.',
      kind: 'a list of domains',
      default: '[]',
    }),
});

export const transportSettings = {
  dane: dane.prefault({}).meta({
    about: 'Which certificate a mail host must have, as the DNS says. RFC 7672.',
  }),
  mtaSts: mtaSts.prefault({}).meta({
    about: 'Which hosts a domain has, and that they have TLS, as it says by HTTPS. RFC 8461.',
  }),
};
