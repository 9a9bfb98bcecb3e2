// Operations on certificates that an authority gives us: what there is, and what is in the way of one.

import type { CertificateState } from '../acme/kept.ts';
import { certificateStates } from '../acme/kept.ts';
import { asKept, list, nothing } from './operation.ts';

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
};
