// Files that a device adds to a draft have names of ours from then on, which it is told. [MS-ASAIRS] 2.2.2.15.

import type { WrittenDraft } from '../../../activesync/draft.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import { child, childrenOf, element } from '../../../activesync/wbxml/element.ts';
import type { AttachedFiles, CommandResult, Renamed } from '../collection-book.ts';
import { shownUid } from '../collection-book.ts';
import type { Context } from '../context.ts';
import { itemsOf } from '../items.ts';
import { factsOf } from '../message-facts.ts';
import { uidOf } from '../named-message.ts';

export function attachedIn({ added }: WrittenDraft): AttachedFiles | undefined {
  if (added.length === 0) return undefined;
  const namesOf = (isInline: boolean) =>
    added.filter(({ cid }) => (cid !== undefined) === isInline).map(({ clientId }) => clientId);
  return { inline: namesOf(true), beside: namesOf(false) };
}

interface AttachedParts {
  readonly folder: number;
  readonly renamed: Renamed;
  readonly results: readonly CommandResult[];
}

/** AirSyncBase:Attachments by the result that they belong to. */
export async function attachedFiles(
  context: Context,
  { folder, renamed, results }: AttachedParts,
): Promise<ReadonlyMap<CommandResult, Element>> {
  const told = new Map<CommandResult, Element>();
  for (const result of results) {
    const { serverId, attached } = result;
    const uid = serverId === undefined ? undefined : uidOf(serverId, folder, renamed);
    const facts =
      uid === undefined || attached === undefined ? undefined : await factsOf(context, folder, uid);
    if (facts === undefined) continue;
    const { store, call } = context;
    const shownAs = (each: number) => shownUid(renamed, each);
    const shape = { bodies: [], parts: [], mimeSupport: 0 };
    const parts = { store, folder, shape, version: call.line.version, room: call.room, shownAs };
    const [item] = await itemsOf(parts, [facts]);
    const all = item?.find(({ tag }) => tag === 'AirSyncBase:Attachments');
    told.set(result, element('AirSyncBase:Attachments', named(all, attached!)));
  }
  return told;
}

/** A message has what is shown within its text before what is beside it, however they were added. */
function named(all: Element | undefined, { inline, beside }: AttachedFiles): readonly Element[] {
  const files = all === undefined ? [] : childrenOf(all);
  const isInline = (file: Element) => child(file, 'AirSyncBase:IsInline') !== undefined;
  const last = (of: readonly Element[], names: readonly string[]) =>
    of
      .slice(Math.max(0, of.length - names.length))
      .map((file, i) =>
        element(file.tag, [element('AirSyncBase:ClientId', names[i]!), ...childrenOf(file)]),
      );
  return [
    ...last(files.filter(isInline), inline),
    ...last(
      files.filter((file) => !isInline(file)),
      beside,
    ),
  ];
}
