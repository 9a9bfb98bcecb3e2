// Settings about the way to other servers: what a host there has to show before it gets mail. In `dev`
// no mail leaves.

import { z } from 'zod';
import * as setting from './setting.ts';

const { flag } = setting;

export const dane = z.strictObject({
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
