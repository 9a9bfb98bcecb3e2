// An operation of the server, as the HTTP interface offers and describes it.

import type { z } from 'zod';

export interface ApiOperation {
  readonly name: string;
  readonly about: string;
  readonly kind: 'value' | 'list' | 'bytes';
  /** Limit: octets of what it is told, where that may be much. */
  readonly bodyMax?: number | undefined;
  /** The member that a whole message (message/rfc822) as the body stands for, as base64. */
  readonly wholeMessage?: string | undefined;
  /** Asked for by POST only, and needs more than reading. */
  readonly changes: boolean;
  /** Needs the right to everything: it gives rights. */
  readonly empowers?: boolean | undefined;
  readonly input: z.ZodType;
  /** Of each item, for a list. */
  readonly output?: z.ZodType | undefined;
}
