// ENHANCEDSTATUSCODES: RFC 2034. Reply carries the status and prints it; nothing else to do here.

import type { Extension } from './extension.ts';

export const enhancedStatusCodes = {
  keyword: 'ENHANCEDSTATUSCODES',
  advertise: () => '',
} as const satisfies Extension;
