// One's own mail: folders, lists, a message, marks.

import { z } from 'zod';
import { noteMoved } from '../../access/sorting.ts';
import type { FolderFacts, ListedMessage } from '../../store/folder-store.ts';
import { mailOperations } from '../mailboxes.ts';
import { count, nothing, OperationError, text } from '../operation.ts';
import { flagInput, readingOperations, searchInput, tagsInput } from '../reading.ts';
import type { OwnParts } from './own-operation.ts';
import { own } from './own-operation.ts';

const { mailSearch, mailRead, mailFlag, mailTags } = readingOperations;
const { mailDelete } = mailOperations;

/** Limit: messages of one change. */
const changedMax = 1000;
const ids = z.array(text).min(1).max(changedMax).readonly();

export const ownMailOperations = {
  folders: own({
    about: 'The folders of the account, by path.',
    changes: false,
    input: nothing,
    output: z
      .array(
        z.object({
          path: text,
          total: count,
          unread: count,
          /** `sent`, `trash`, `junk`, `drafts`, `archive`; null for others. RFC 6154. */
          use: z.string().nullable(),
        }),
      )
      .readonly(),
    async run({ account, folders }) {
      await folders.ensure(account);
      return (await folders.folders(account)).map(({ path, messages, unseen, specialUse }) => ({
        ...{ path, total: messages, unread: unseen },
        use: specialUse?.toLowerCase() ?? null,
      }));
    },
  }),
  mailSearch: own({
    ...mailSearch,
    input: searchInput.omit({ address: true }),
    run: (parts, asked) => mailSearch.run(parts, { ...asked, address: parts.account }),
  }),
  mailRead: own({
    ...mailRead,
    input: z.strictObject({ id: text }),
    run: (parts, { id }) => mailRead.run(parts, { id, address: parts.account }),
  }),
  mailFlag: own({
    ...mailFlag,
    input: flagInput.omit({ address: true }),
    run: (parts, asked) => mailFlag.run(parts, { ...asked, address: parts.account }),
  }),
  mailTags: own({
    ...mailTags,
    input: tagsInput.omit({ address: true }),
    run: (parts, asked) => mailTags.run(parts, { ...asked, address: parts.account }),
  }),
  mailMove: own({
    about: 'Moves messages into another folder of the account; how many there were.',
    changes: true,
    input: z.strictObject({ ids, folder: text }),
    output: count,
    async run(parts, { ids: wanted, folder }) {
      const { account, folders } = parts;
      await folders.ensure(account);
      const target = await folders.find(account, folder);
      if (target === undefined) throw new OperationError(`there is no folder ${folder}`);
      const found = await copiesOf(parts, wanted);
      for (const copies of found.values()) await moveAll(parts, copies, target);
      return found.size;
    },
  }),
  mailDelete: own({
    about:
      'Moves messages into the trash; what lies there already is deleted for good. How many there were.',
    changes: true,
    input: z.strictObject({ ids }),
    output: count,
    async run(parts, { ids: wanted }) {
      const { account, folders } = parts;
      await folders.ensure(account);
      const trash = trashOf(await folders.folders(account));
      const found = await copiesOf(parts, wanted);
      const doomed: string[] = [];
      for (const [id, copies] of found)
        if (trash === undefined || copies.every(({ folder }) => folder === trash.id))
          doomed.push(id);
        else await moveAll(parts, copies, trash);
      if (doomed.length > 0) await mailDelete.run(parts, { address: account, ids: doomed });
      return found.size;
    },
  }),
};

const trashOf = (all: readonly FolderFacts[]): FolderFacts | undefined =>
  all.find(({ specialUse }) => specialUse?.toLowerCase() === 'trash');

type Copies = readonly ListedMessage[];

/** @throws OperationError where one of them is not there. */
async function copiesOf(
  { account, folders }: OwnParts,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Copies>> {
  const found = new Map<string, Copies>();
  for (const id of new Set(ids)) {
    const copies = await folders.copies(account, id);
    if (copies.length === 0) throw new OperationError(`there is no message ${id}`);
    found.set(id, copies);
  }
  return found;
}

async function moveAll(parts: OwnParts, copies: Copies, to: FolderFacts): Promise<void> {
  const { account, folders, server } = parts;
  for (const { folder, uid } of copies) {
    const from = folder === to.id ? undefined : await folders.folder(folder);
    if (from === undefined) continue;
    const { target } = await folders.move(folder, [uid], to.id);
    noteMoved({ account, sorted: server?.sorted }, { from, to, uids: target });
  }
}
