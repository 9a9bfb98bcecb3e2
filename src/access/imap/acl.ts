// Rights as sets of letters: what a client writes, what an access list grants, what it is told. Pure.
// RFC 4314: the obsolete rights 'c' and 'd' stand for "kx" and "et" (§2.1.1, the first of the two
// ways).

import { allRights, changeRights, inOrder } from '../../store/folders/rights.ts';
import type { LocatedFolder, Rights } from './located-folder.ts';
import { ImapRefusal } from './refusal.ts';

export { allRights } from '../../store/folders/rights.ts';

/** RFC 4314 §2: everybody. */
export const anyone = 'anyone';

const obsolete: ReadonlyMap<string, string> = new Map([
  ['c', 'kx'],
  ['d', 'et'],
]);

/** As a client writes them; undefined where one is not known. RFC 4314 §3.1. */
export function parseRights(text: string): Rights | undefined {
  const letters = [...text].flatMap((letter) => [...(obsolete.get(letter) ?? letter)]);
  return letters.every((letter) => allRights.includes(letter)) ? inOrder(letters) : undefined;
}

// RFC 4314 §2.1.1: with any member right the obsolete one is shown, too.
export function formatRights(rights: Rights): string {
  const old = [...obsolete].filter(([, members]) => [...members].some((m) => rights.includes(m)));
  return rights + old.map(([letter]) => letter).join('');
}

/** RFC 4314 §2: what is granted to the account or to anyone, without what is taken from either. */
export function grantedRights(acl: ReadonlyMap<string, Rights>, account: string): Rights {
  const of = (identifier: string) => acl.get(identifier) ?? '';
  return changeRights(inOrder(of(account) + of(anyone)), '-', of(`-${account}`) + of(`-${anyone}`));
}

// RFC 5530 §3: NOPERM, and NONEXISTENT where the folder may not even be looked up.
export const noSuchMailbox = (): ImapRefusal =>
  new ImapRefusal('NO', 'NONEXISTENT', 'There is no such mailbox');

export const lacks = (right: string): ImapRefusal =>
  new ImapRefusal('NO', 'NOPERM', `You lack the right '${right}' on this mailbox`);

/**
 * @throws ImapRefusal unless all of these rights are there. RFC 4314 §6: whoever may not list a mailbox
 * does not hear that there is one.
 */
export function requireRight(located: LocatedFolder | undefined, rights: Rights): LocatedFolder {
  if (located === undefined) throw noSuchMailbox();
  for (const right of rights)
    if (!located.rights.includes(right))
      throw located.rights.includes('l') ? lacks(right) : noSuchMailbox();
  return located;
}

/** RFC 4314 §4: which right a flag needs. */
export function rightOf(flag: string): string {
  const lower = flag.toLowerCase();
  return lower === '\\seen' ? 's' : lower === '\\deleted' ? 't' : 'w';
}
