// Operations on certificates that an authority gives us: what there is, and what is in the way of one.

import { z } from 'zod';
import type { CertificateState } from '../acme/kept.ts';
import { certificateStates } from '../acme/kept.ts';
import type { RevocationReason } from '../acme/revocation.ts';
import { revocationReasons } from '../acme/revocation.ts';
import { asKept, list, nothing, text, texts, value } from './operation.ts';
import { running } from './running.ts';

export const certificateOperations = {
  certificateList: list({
    about: 'The certificates that authorities gave us, and what kept them from giving one.',
    changes: false,
    input: nothing,
    output: asKept<CertificateState>(),
    run: async function* certificateList({ records }) {
      yield* await certificateStates(records);
    },
  }),
  certificateRevoke: value({
    about:
      'The authority is told that the certificate of a name is not to be believed any more, and gives another: with another key where it was compromised.',
    changes: true,
    input: z.strictObject({
      name: text,
      reason: z.enum(revocationReasons as [RevocationReason]).default('unspecified'),
    }),
    output: z.object({ names: texts }),
    run: async (parts, { name, reason }) => ({
      names: await running(parts).revokeCertificate(name, reason),
    }),
  }),
};
