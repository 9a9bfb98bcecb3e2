// The folders of a device: FolderSync, FolderCreate, FolderUpdate, FolderDelete. [MS-ASCMD] 2.2.1.3 to 2.2.1.8. The key
// before the last is good until the last one is shown. Key 0 begins the list anew, and nothing else: what the
// device has of each folder stays, since ids do not change.

import type { CommandName } from '../../../activesync/versions.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import { childText, element } from '../../../activesync/wbxml/element.ts';
import { canonicalName, whyNotOwn } from '../../../mailbox/folder-name.ts';
import { FolderExistsError, MailboxLimitError } from '../../../store/folder-errors.ts';
import type { FolderFacts } from '../../../store/folder-store.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import type { Device, FoldersKnown } from '../device-book.ts';
import type { ShownFolder } from '../folder-names.ts';
import { emptyFolders, findFolder, isEmptyFolder, shownFolders } from '../folder-names.ts';
import { folderChanges } from '../hierarchy.ts';

/** [MS-ASCMD] 2.2.3.177.3 to 2.2.3.177.6 */
const status = {
  ...{ ok: '1', exists: '2', special: '3', notFound: '4', noParent: '5', failed: '6' },
  ...{ wrongKey: '9', malformed: '10' },
} as const;

export async function folderSync(context: Context): Promise<Answer> {
  const { call, device } = context;
  const key = childText(call.document, 'FolderHierarchy:SyncKey');
  if (key === undefined) return answer('FolderSync', status.malformed);
  if (key === '0') return beginAnew(context);
  const from = [device.folders, device.folders0].find((known) => known?.key === key);
  const changes = from && (await folderChanges(context, from));
  if (from === undefined || changes === undefined) return answer('FolderSync', status.wrongKey);
  const { created, updated, destroyed } = changes;
  const all = shownFolders(await context.store.folders(call.account));
  const has = new Map(all.map((folder) => [folder.id, folder]));
  const shown = (numbers: readonly number[]) => numbers.flatMap((id) => has.get(String(id)) ?? []);
  const told = [
    ...inOrder(shown(created), all).map(addElement),
    ...shown(updated).map((folder) => folderElement('FolderHierarchy:Update', folder)),
    ...destroyed.map((id) =>
      element('FolderHierarchy:Delete', [element('FolderHierarchy:ServerId', id)]),
    ),
  ];
  const isRepeated = from !== device.folders;
  const next = told.length === 0 && !isRepeated ? from.key : nextKey(device.folders!.key);
  const known = { key: next, state: changes.state };
  if (next !== from.key) await save(context, { folders: known, folders0: from });
  return answer('FolderSync', status.ok, [keyElement(next), changesElement(told)]);
}

async function beginAnew(context: Context): Promise<Answer> {
  const { store, call, random } = context;
  await store.ensure(call.account);
  let state = await store.accountState(call.account);
  let folders = await store.folders(call.account);
  // Until list and state are of one moment; a mailbox that never rests is told the rest by the next one.
  for (let tries = 0; tries < 5; tries += 1) {
    const now = await store.accountState(call.account);
    if (now === state) break;
    state = now;
    folders = await store.folders(call.account);
  }
  const key = `${random.bytes(5).toString('hex')}-1`;
  await save(context, { folders: { key, state }, folders0: undefined });
  const shown = [...inOrder(shownFolders(folders)), ...emptyFolders].map(addElement);
  return answer('FolderSync', status.ok, [keyElement(key), changesElement(shown)]);
}

/** Superiors first. */
const inOrder = (folders: readonly ShownFolder[], all = folders): readonly ShownFolder[] => {
  const parents = new Map(all.map(({ id, parent }) => [id, parent]));
  const depthOf = (id: string): number => {
    let depth = 0;
    for (let at: string | undefined = id; at !== undefined && at !== '0'; at = parents.get(at))
      depth += 1;
    return depth;
  };
  return [...folders].sort((one, other) => depthOf(one.id) - depthOf(other.id));
};

export async function folderCreate(context: Context): Promise<Answer> {
  const { call, store } = context;
  const { document } = call;
  const name = childText(document, 'FolderHierarchy:DisplayName')?.trim();
  const parent = childText(document, 'FolderHierarchy:ParentId') ?? '0';
  if (!isName(name)) return answer('FolderCreate', status.malformed);
  return changing(context, 'FolderCreate', async () => {
    const above = parent === '0' ? undefined : await findFolder(store, call.account, parent);
    if (parent !== '0' && above === undefined) return { status: status.noParent };
    const path = pathOf(above, name);
    if (path === undefined) return { status: status.malformed };
    const made = await store.create(call.account, path, undefined);
    await store.subscribe(call.account, path, true);
    return { status: status.ok, made };
  });
}

export async function folderUpdate(context: Context): Promise<Answer> {
  const { call, store } = context;
  const { document } = call;
  const id = childText(document, 'FolderHierarchy:ServerId') ?? '';
  const name = childText(document, 'FolderHierarchy:DisplayName')?.trim();
  const parent = childText(document, 'FolderHierarchy:ParentId') ?? '0';
  if (!isName(name)) return answer('FolderUpdate', status.malformed);
  return changing(context, 'FolderUpdate', async () => {
    const folder = await findFolder(store, call.account, id);
    if (folder === undefined)
      return { status: isEmptyFolder(id) ? status.exists : status.notFound };
    if (isSpecial(folder)) return { status: status.exists };
    const above = parent === '0' ? undefined : await findFolder(store, call.account, parent);
    if (parent !== '0' && above === undefined) return { status: status.noParent };
    const path = pathOf(above, name);
    if (path === undefined) return { status: status.malformed };
    if (`${path}/`.startsWith(`${folder.path}/`) && path !== folder.path)
      return { status: status.noParent };
    if (!(await canHold(store, folder, path))) return { status: status.malformed };
    if (path !== folder.path) await store.rename(call.account, folder.path, path);
    return { status: status.ok };
  });
}

/** With what lies below: to a device a folder without its superior has no place. */
export async function folderDelete(context: Context): Promise<Answer> {
  const { call, store } = context;
  const id = childText(call.document, 'FolderHierarchy:ServerId') ?? '';
  return changing(context, 'FolderDelete', async () => {
    const folder = await findFolder(store, call.account, id);
    if (folder === undefined)
      return { status: isEmptyFolder(id) ? status.special : status.notFound };
    const all = await store.folders(call.account);
    const within = all.filter(({ path }) => `${path}/`.startsWith(`${folder.path}/`));
    if (within.some(isSpecial)) return { status: status.special };
    for (const { path } of within.reverse()) await store.remove(call.account, path);
    return { status: status.ok };
  });
}

const isSpecial = ({ path, specialUse }: FolderFacts): boolean =>
  path === 'INBOX' || specialUse !== undefined;

/** Limit: characters of a name; [MS-ASCMD] 2.2.3.50 has 256. */
const isName = (name: string | undefined): name is string =>
  name !== undefined && /^[^/\u0000-\u001f\u007f]{1,256}$/.test(name);

/** Undefined for what nobody could reach by IMAP. */
function pathOf(above: FolderFacts | undefined, name: string): string | undefined {
  const path = canonicalName(above === undefined ? name : `${above.path}/${name}`);
  return whyNotOwn(path) === undefined ? path : undefined;
}

/** Whether what lies below still has a name when the folder is called so. */
async function canHold(
  store: Context['store'],
  { account, path: from }: FolderFacts,
  to: string,
): Promise<boolean> {
  const below = (await store.folders(account)).filter(({ path }) => path.startsWith(`${from}/`));
  return below.every(({ path }) => whyNotOwn(to + path.slice(from.length)) === undefined);
}

type FolderCommand = Extract<CommandName, `Folder${string}`>;

interface Changed {
  readonly status: string;
  readonly made?: FolderFacts;
}

/** The device knows of its own change when nobody else has changed anything: then it gets a key that says so. */
async function changing(
  context: Context,
  command: FolderCommand,
  change: () => Promise<Changed>,
): Promise<Answer> {
  const { call, device } = context;
  const key = childText(call.document, 'FolderHierarchy:SyncKey');
  const from = [device.folders, device.folders0].find((known) => known?.key === key);
  if (from === undefined) return answer(command, status.wrongKey);
  const before = await folderChanges(context, from);
  let changed: Changed;
  try {
    changed = await change();
  } catch (error) {
    if (error instanceof FolderExistsError) return answer(command, status.exists);
    if (error instanceof MailboxLimitError) return answer(command, status.failed);
    throw error;
  }
  if (changed.status !== status.ok) return answer(command, changed.status);
  const isQuiet =
    before !== undefined &&
    before.created.length + before.updated.length + before.destroyed.length === 0;
  const state = isQuiet ? await context.store.accountState(call.account) : from.state;
  const next = { key: nextKey(device.folders!.key), state };
  await save(context, { folders: next, folders0: from });
  const id = changed.made && element('FolderHierarchy:ServerId', changed.made.id);
  return answer(command, status.ok, [keyElement(next.key), id]);
}

const save = async (
  { devices, device }: Context,
  known: { readonly folders: FoldersKnown; readonly folders0: FoldersKnown | undefined },
): Promise<Device | undefined> => devices.change(device, known);

function nextKey(key: string): string {
  const [epoch, number] = key.split('-');
  return `${epoch}-${Number(number) + 1}`;
}

const answer = (
  command: FolderCommand,
  said: string,
  more: readonly (Element | undefined)[] = [],
): Answer =>
  answerWith(
    element(`FolderHierarchy:${command}`, [element('FolderHierarchy:Status', said), ...more]),
  );

const keyElement = (key: string): Element => element('FolderHierarchy:SyncKey', key);

const changesElement = (changes: readonly Element[]): Element =>
  element('FolderHierarchy:Changes', [
    element('FolderHierarchy:Count', changes.length),
    ...changes,
  ]);

const addElement = (folder: ShownFolder): Element => folderElement('FolderHierarchy:Add', folder);

const folderElement = (
  tag: 'FolderHierarchy:Add' | 'FolderHierarchy:Update',
  { id, parent, name, type }: ShownFolder,
): Element =>
  element(tag, [
    element('FolderHierarchy:ServerId', id),
    element('FolderHierarchy:ParentId', parent),
    element('FolderHierarchy:DisplayName', name),
    element('FolderHierarchy:Type', type),
  ]);
