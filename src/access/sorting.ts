// What people say of a message by where they put it, and by its keywords: into Junk it is spam, out of there
// it is not. Told to whoever learns; nothing here waits for it. RFC 6154 (\Junk, \Trash); $Junk and $NotJunk are
// registered keywords (RFC 5788).

import type { SortedMessages } from '../policy/spam/junk-learner.ts';
import type { FolderFacts } from '../store/folder-store.ts';
import type { SpamClass } from '../store/spam-store.ts';

interface Sorting {
  /** Who sorts. */
  readonly account: string;
  readonly sorted?: ((messages: SortedMessages) => void) | undefined;
}
type Place = Pick<FolderFacts, 'id' | 'account' | 'specialUse'>;

/** Messages came to be in `to` with these UIDs; without `from` they are new. */
export function noteMoved(
  context: Sorting,
  { from, to, uids }: { from?: Place; to: Place; uids: readonly number[] },
): void {
  // What somebody else puts there is not the owner's word.
  if (from !== undefined && from.account !== context.account) return;
  note(context, { folder: to, uids, is: meant(from?.specialUse, to.specialUse) });
}

/** What is thrown away is not called anything by that. */
function meant(from: string | undefined, to: string | undefined): SpamClass | undefined {
  if (to === 'Junk') return from === 'Junk' ? undefined : 'spam';
  return from === 'Junk' && to !== 'Trash' ? 'ham' : undefined;
}

/** Field: Thunderbird says Junk and NonJunk. */
const spamWords: ReadonlySet<string> = new Set(['$junk', 'junk']);
const hamWords: ReadonlySet<string> = new Set(['$notjunk', 'notjunk', 'nonjunk']);

/** Messages have got these flags. */
export function noteFlagged(
  context: Sorting,
  { folder, flags, uids }: { folder: Place; flags: readonly string[]; uids: ArrayLike<number> },
): void {
  const words = flags.map((flag) => flag.toLowerCase());
  const isSpam = words.some((word) => spamWords.has(word));
  const isHam = words.some((word) => hamWords.has(word));
  if (isSpam !== isHam) note(context, { folder, uids, is: isSpam ? 'spam' : 'ham' });
}

function note(
  { account, sorted }: Sorting,
  { folder, uids, is }: { folder: Place; uids: ArrayLike<number>; is: SpamClass | undefined },
): void {
  if (is === undefined || uids.length === 0 || folder.account !== account) return;
  sorted?.({ account, folder: folder.id, uids: Array.from(uids), is });
}
