// BINARYMIME: content of any octets, byte for byte, by BDAT only. RFC 3030 §3. Its value of BODY is
// read in eight-bit-mime.ts; that DATA is refused for it, in the session.

import type { Extension } from './extension.ts';

export const binaryMime = {
  keyword: 'BINARYMIME',
  // RFC 3030 §3 (3): only together with CHUNKING.
  advertise: ({ withheld }) =>
    withheld?.has('CHUNKING') || withheld?.has('BINARYMIME') ? undefined : '',
} as const satisfies Extension;
