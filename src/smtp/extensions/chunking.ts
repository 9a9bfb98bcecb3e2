// CHUNKING: content in pieces of known length, BDAT instead of DATA. RFC 3030 §2. The verb's syntax
// is in command.ts, its phase in the session.

import type { Extension } from './extension.ts';

export const chunking = { keyword: 'CHUNKING', advertise: () => '' } as const satisfies Extension;
