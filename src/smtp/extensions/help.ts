// HELP: RFC 5321 §4.1.1.8. The syntax of each command, which is also in our 501 replies.

import type { Extension } from './extension.ts';

export const help = { keyword: 'HELP', advertise: () => '' } as const satisfies Extension;
