// Where messages may be put, and which of their flags may be set there. RFC 4314 §4.

import { quotaOf as quotaOfLimits } from '../../policy/quota.ts';
import type { Quota } from '../../store/folder-store.ts';
import { rightOf } from './acl.ts';
import type { CommandContext } from './context.ts';
import type { LocatedFolder, Rights } from './located-folder.ts';
import { ImapRefusal } from './refusal.ts';

// RFC 9051 §7.1: TRYCREATE says that CREATE may help.
export const tryCreate = (): ImapRefusal =>
  new ImapRefusal('NO', 'TRYCREATE', 'There is no such mailbox');

/** Where messages are to be put. @throws ImapRefusal */
export async function targetFolder(context: CommandContext, name: string): Promise<LocatedFolder> {
  const located = await context.names.locate(name);
  if (located === undefined) throw tryCreate();
  // RFC 4314 §4: APPEND and COPY need 'i', and no other right.
  if (located.rights.includes('i')) return located;
  if (!located.rights.includes('l')) throw tryCreate();
  throw new ImapRefusal('NO', 'NOPERM', 'You may not put messages into this mailbox');
}

/** Those that may be set; nobody can set \Recent. RFC 4314 §4, RFC 3501 §2.3.2. */
export const permittedFlags = (flags: readonly string[], rights: Rights): string[] =>
  flags.filter((flag) => flag.toLowerCase() !== '\\recent' && rights.includes(rightOf(flag)));

/** RFC 9208 §3: what an account may have; undefined: whatever it likes. */
export const quotaOf = ({ quota }: Pick<CommandContext, 'quota'>): Quota | undefined =>
  quotaOfLimits(quota);
