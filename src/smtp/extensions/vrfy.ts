// VRFY: RFC 5321 §3.5. Offered as §4.1.1.1 suggests; what it tells is the owner's decision, and 252
// for everybody is one (§7.3).

import type { Extension } from './extension.ts';

export const vrfy = { keyword: 'VRFY', advertise: () => '' } as const satisfies Extension;
