// ItemOperations: a message, an attachment, an empty folder. [MS-ASCMD] 2.2.1.10. Octets go as base64, or as parts behind
// the document where the device takes these.

import { readItemShape } from '../../../activesync/sync-options.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import {
  child,
  childrenOf,
  childText,
  element,
  lengthOf,
} from '../../../activesync/wbxml/element.ts';
import { leafParts } from '../../../mail/digest/leaf-parts.ts';
import { ContentError } from '../../../store/content.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { findFolder, messagePlace } from '../folder-names.ts';
import { answerBytesMax, itemsOf, readOctets } from '../items.ts';
import { factsOf } from '../message-facts.ts';
import { namedMessage } from '../named-message.ts';
import { partOctets } from '../outgoing.ts';

/** [MS-ASCMD] 2.2.3.177.8 */
const status = {
  ok: '1',
  malformed: '2',
  badRange: '8',
  notFound: '6',
  tooLarge: '11',
  noAttachment: '15',
  notDone: '155',
} as const;
/** Limit: operations of a request. */
const operationsMax = 100;

export async function itemOperations(context: Context): Promise<Answer> {
  const { document, line } = context.call;
  if (document === undefined) return answer(status.malformed, []);
  const parts: Uint8Array[] = [];
  const work = new Operations(context, line.acceptMultipart ? parts : undefined);
  const responses: Element[] = [];
  for (const operation of childrenOf(document).slice(0, operationsMax)) {
    const response = await work.run(operation);
    if (response !== undefined) responses.push(response);
  }
  const said = answer(status.ok, responses);
  if (!line.acceptMultipart || said.kind !== 'document') return said;
  return { kind: 'parts', root: said.root, parts };
}

const answer = (said: string, responses: readonly Element[]): Answer =>
  answerWith(
    element('ItemOperations:ItemOperations', [
      element('ItemOperations:Status', said),
      responses.length === 0 ? undefined : element('ItemOperations:Response', responses),
    ]),
  );

/** One attachment by its reference, as version 12.1 asks for it. */
export async function getAttachment(context: Context): Promise<Answer> {
  const found = await attachmentAt(context, context.call.line.attachmentName ?? '');
  if (found === undefined) return { kind: 'refused', status: 404 };
  return { kind: 'octets', type: found.type, octets: found.octets };
}

class Operations {
  readonly #context: Context;
  /** Undefined: octets go within the document. */
  readonly #parts: Uint8Array[] | undefined;
  /** Octets of what was answered. */
  #spent = 0;

  constructor(context: Context, parts: Uint8Array[] | undefined) {
    this.#context = context;
    this.#parts = parts;
  }

  async run(operation: Element): Promise<Element | undefined> {
    const response = await this.#answerTo(operation);
    if (response !== undefined) this.#spent += lengthOf(response);
    return response;
  }

  #answerTo(operation: Element): Promise<Element> | Element | undefined {
    switch (operation.tag) {
      case 'ItemOperations:Fetch':
        return this.#fetch(operation);
      case 'ItemOperations:EmptyFolderContents':
        return this.#empty(operation);
      case 'ItemOperations:Move':
        return element('ItemOperations:Move', [element('ItemOperations:Status', status.notDone)]);
      default:
        return undefined;
    }
  }

  async #fetch(asked: Element): Promise<Element> {
    const reference = childText(asked, 'AirSyncBase:FileReference');
    if (reference !== undefined) return this.#file(reference, asked);
    const longId = childText(asked, 'Search:LongId');
    const id = longId ?? childText(asked, 'AirSync:ServerId') ?? '';
    const named =
      longId === undefined
        ? [
            element('AirSync:CollectionId', childText(asked, 'AirSync:CollectionId') ?? ''),
            element('AirSync:ServerId', id),
          ]
        : [element('Search:LongId', longId)];
    const isFull = this.#spent >= answerBytesMax;
    const options = child(asked, 'ItemOperations:Options');
    const item = isFull ? undefined : await this.#item(id, options);
    const missing = isFull ? status.tooLarge : status.notFound;
    return element('ItemOperations:Fetch', [
      element('ItemOperations:Status', item === undefined ? missing : status.ok),
      ...named,
      element('AirSync:Class', 'Email'),
      item && element('ItemOperations:Properties', item),
    ]);
  }

  async #item(id: string, options: Element | undefined): Promise<readonly Element[] | undefined> {
    const { store, call } = this.#context;
    const named = await namedMessage(this.#context, id);
    const facts = named && (await factsOf(this.#context, named.folder.id, named.uid));
    if (named === undefined || facts === undefined) return undefined;
    const shape = readItemShape(options);
    const shown = messagePlace(id)!.uid;
    const { room, line } = call;
    const about = { folder: named.folder.id, shape, version: line.version };
    const parts = { store, room, ...about, shownAs: () => shown };
    const [item] = await itemsOf(parts, [facts]);
    return this.#parts === undefined ? item : item?.map((each) => this.#bodyApart(each));
  }

  /** [MS-ASCMD] 2.2.3.120: the number of the part stands in place of the data. */
  #bodyApart(property: Element): Element {
    if (property.tag !== 'AirSyncBase:Body') return property;
    return element(
      property.tag,
      childrenOf(property).map((each) => {
        const { content } = each;
        if (each.tag !== 'AirSyncBase:Data' || typeof content === 'object') return each;
        return this.#apart(Buffer.from(content));
      }),
    );
  }

  #apart(octets: Uint8Array): Element {
    this.#spent += octets.length;
    this.#parts!.push(octets);
    return element('ItemOperations:Part', this.#parts!.length);
  }

  async #file(reference: string, asked: Element): Promise<Element> {
    const name = element('AirSyncBase:FileReference', reference);
    const refused = (said: string) =>
      element('ItemOperations:Fetch', [element('ItemOperations:Status', said), name]);
    if (this.#spent >= answerBytesMax) return refused(status.tooLarge);
    const found = await attachmentAt(this.#context, reference);
    if (found === undefined) return refused(status.noAttachment);
    const options = child(asked, 'ItemOperations:Options');
    const range = childText(options, 'ItemOperations:Range');
    const [from, to] = range === undefined ? [0, found.octets.length] : rangeOf(range);
    if (from === undefined || to === undefined || from > to) return refused(status.badRange);
    if (from > 0 && from >= found.octets.length) return refused(status.badRange);
    const octets = found.octets.subarray(from, to + 1);
    const last = from + Math.max(0, octets.length - 1);
    return element('ItemOperations:Fetch', [
      element('ItemOperations:Status', status.ok),
      name,
      element('ItemOperations:Properties', [
        range === undefined ? undefined : element('ItemOperations:Range', `${from}-${last}`),
        range === undefined ? undefined : element('ItemOperations:Total', found.octets.length),
        element('AirSyncBase:ContentType', found.type),
        this.#parts === undefined
          ? element('ItemOperations:Data', Buffer.from(octets).toString('base64'))
          : this.#apart(octets),
      ]),
    ]);
  }

  async #empty(asked: Element): Promise<Element> {
    const { store, call } = this.#context;
    const id = childText(asked, 'AirSync:CollectionId') ?? '';
    const folder = await findFolder(store, call.account, id);
    const options = child(asked, 'ItemOperations:Options');
    if (folder !== undefined) {
      const all = await store.folders(call.account);
      const alsoBelow = child(options, 'ItemOperations:DeleteSubFolders') !== undefined;
      const below = all.filter(
        ({ path, specialUse }) => path.startsWith(`${folder.path}/`) && specialUse === undefined,
      );
      const index = await store.index(folder.id);
      if (index !== undefined) await store.removeMessages(folder.id, Array.from(index.uid));
      if (alsoBelow) for (const { path } of below.reverse()) await store.remove(call.account, path);
    }
    return element('ItemOperations:EmptyFolderContents', [
      element('ItemOperations:Status', folder === undefined ? status.notFound : status.ok),
      element('AirSync:CollectionId', id),
    ]);
  }
}

function rangeOf(text: string): readonly [number, number] | readonly [] {
  const [, from, to] = /^(\d{1,12})-(\d{1,12})$/.exec(text.trim()) ?? [];
  return from === undefined ? [] : [Number(from), Number(to)];
}

async function attachmentAt(context: Context, reference: string) {
  const { store } = context;
  const [, id, path] = /^(\d{1,15}:\d{1,10}):([\d.]{1,200})$/.exec(reference) ?? [];
  const named = id === undefined ? undefined : await namedMessage(context, id);
  if (named === undefined) return undefined;
  const { folder, uid } = named;
  const [[digest], [content]] = await Promise.all([
    store.digests(folder.id, [uid]),
    store.open(folder.id, [uid]),
  ]);
  const leaf = digest && leafParts(digest.body).find((each) => each.path === path);
  if (leaf === undefined || content === undefined) return undefined;
  try {
    await context.call.room(Math.min(content.size, leaf.part.bodyEnd));
    const octets = partOctets(await readOctets(content, leaf.part.bodyEnd), leaf.part);
    return { type: `${leaf.part.type}/${leaf.part.subtype}`, octets };
  } catch (error) {
    if (error instanceof ContentError) return undefined;
    throw error;
  }
}
