// The folders that every mailbox has.

/** RFC 6154 §2: special-use attributes of the folders every mailbox has. */
const standardFolders: readonly (readonly [path: string, specialUse: string | null])[] = [
  ['INBOX', null],
  ['Sent', 'Sent'],
  ['Drafts', 'Drafts'],
  ['Junk', 'Junk'],
  ['Trash', 'Trash'],
  ['Archive', 'Archive'],
];

/** Those that are missing; one that was renamed is not. */
export const missingFolders = (
  present: readonly { readonly path: string; readonly specialUse: string | null }[],
): typeof standardFolders => {
  const paths = new Set(present.map(({ path }) => path));
  const uses = new Set(present.map(({ specialUse }) => specialUse));
  return standardFolders.filter(
    ([path, specialUse]) => !paths.has(path) && (specialUse === null || !uses.has(specialUse)),
  );
};
