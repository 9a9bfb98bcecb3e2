// One folder of a Sync. What the device changed is done first, and once; then it is told what is new.

import { createHash } from 'node:crypto';
import { changingProperties } from '../../../activesync/mail-item.ts';
import type { SyncOptions } from '../../../activesync/sync-options.ts';
import { defaultSyncOptions, oldestWanted } from '../../../activesync/sync-options.ts';
import type { SyncCollection } from '../../../activesync/sync-request.ts';
import { UidSet } from '../../../activesync/uid-set.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import { element } from '../../../activesync/wbxml/element.ts';
import { encodeWbxml } from '../../../activesync/wbxml/encoder.ts';
import type {
  Collection,
  CollectionState,
  CommandResult,
  Renamed,
  ToldLast,
} from '../collection-book.ts';
import { keyOf, nothingKnown, nothingTold, shownUid, uidShown } from '../collection-book.ts';
import type { Context } from '../context.ts';
import { deviceKey } from '../device-book.ts';
import { findFolder, isEmptyFolder, messageId } from '../folder-names.ts';
import type { Window, WindowSize } from '../folder-news.ts';
import { windowOf } from '../folder-news.ts';
import type { ItemFacts } from '../items.ts';
import { itemsOf } from '../items.ts';
import { factsAmong } from '../message-facts.ts';
import type { Told } from '../sync-window.ts';
import { needsAll } from '../sync-window.ts';
import { attachedFiles } from './attached-files.ts';
import type { Applied } from './sync-commands.ts';
import { applyCommands, fetched } from './sync-commands.ts';
import { syncStatus } from './sync-status.ts';

export interface CollectionAnswer {
  /** Undefined where there is nothing to say. */
  readonly answer: Element | undefined;
  readonly told: number;
  /** Of the messages that were told. */
  readonly bytes: number;
}

const nothing: CollectionAnswer = { answer: undefined, told: 0, bytes: 0 };

export async function syncCollection(
  context: Context,
  asked: SyncCollection,
  size: WindowSize,
): Promise<CollectionAnswer> {
  const { account, line } = context.call;
  if (isEmptyFolder(asked.id)) return emptyCollection(asked);
  const device = deviceKey(account, line.deviceId);
  const [folder, known] = await Promise.all([
    findFolder(context.store, account, asked.id),
    context.collections.find(device, asked.id),
  ]);
  if (folder === undefined) return refused(asked, syncStatus.notFound);
  if (asked.key === '0') return begin(context, device, asked);
  const from = known && stateFor(known, asked.key);
  if (known === undefined || from === undefined) return refused(asked, syncStatus.wrongKey);
  const { id, modseq } = folder;
  return new CollectionSync(context, { device, asked, folder: id, modseq, known, size }).run(from);
}

/** Undefined for a key that is neither the last nor the one before. */
function stateFor(known: Collection, key: string | undefined): CollectionState | undefined {
  const { current, previous } = known;
  if (key === undefined || key === keyOf(known, current)) return current;
  return previous !== undefined && key === keyOf(known, previous) ? previous : undefined;
}

/** [MS-ASCMD] 2.2.3.181.4: the first answer is a key and nothing else. */
async function begin(
  { collections, random }: Context,
  device: string,
  asked: SyncCollection,
): Promise<CollectionAnswer> {
  const options = asked.options ?? defaultSyncOptions;
  const current = { ...nothingKnown, filterType: options.filterType };
  const epoch = random.bytes(5).toString('hex');
  const collection: Collection = {
    ...{ epoch, options, current, previous: undefined, asked: '', wanted: '', told: nothingTold },
    ...{ results: [], removed: [], added: [], renamed: [], rewritten: [] },
  };
  await collections.save(device, asked.id, collection);
  return { ...nothing, answer: collectionElement(asked.id, keyOf(collection, current), []) };
}

/** Nothing ever changes there; what a device would put there is not kept. */
function emptyCollection({ id, key, commands }: SyncCollection): CollectionAnswer {
  if (key === '0') return { ...nothing, answer: collectionElement(id, 'empty-1', []) };
  const responses = commands.flatMap((command) =>
    command.kind === 'add'
      ? [
          resultElement({
            command: 'Add',
            clientId: command.clientId,
            status: syncStatus.conversion,
          }),
        ]
      : [],
  );
  if (responses.length === 0) return nothing;
  const more = [element('AirSync:Responses', responses)];
  return { ...nothing, answer: collectionElement(id, key ?? 'empty-1', more) };
}

function refused({ id, key }: SyncCollection, status: string): CollectionAnswer {
  const answer = element('AirSync:Collection', [
    element('AirSync:SyncKey', status === syncStatus.wrongKey ? '0' : (key ?? '0')),
    element('AirSync:CollectionId', id),
    element('AirSync:Status', status),
  ]);
  return { ...nothing, answer };
}

const collectionElement = (id: string, key: string, more: readonly (Element | undefined)[]) =>
  element('AirSync:Collection', [
    element('AirSync:SyncKey', key),
    element('AirSync:CollectionId', id),
    element('AirSync:Status', syncStatus.ok),
    ...more,
  ]);

const resultElement = (
  { command, clientId, serverId, status }: CommandResult,
  files?: Element,
): Element =>
  element(`AirSync:${command}`, [
    clientId === undefined ? undefined : element('AirSync:ClientId', clientId),
    serverId === undefined ? undefined : element('AirSync:ServerId', serverId),
    element('AirSync:Status', status),
    files && element('AirSync:ApplicationData', [files]),
  ]);

interface CollectionSyncParts {
  readonly device: string;
  readonly asked: SyncCollection;
  readonly folder: number;
  /** Of the folder, as the Sync began. */
  readonly modseq: number;
  readonly known: Collection;
  readonly size: WindowSize;
}

class CollectionSync {
  readonly #context: Context;
  readonly #parts: CollectionSyncParts;

  constructor(context: Context, parts: CollectionSyncParts) {
    this.#context = context;
    this.#parts = parts;
  }

  async run(from: CollectionState): Promise<CollectionAnswer> {
    const { asked, known, folder, size } = this.#parts;
    const isRepeated = from !== known.current;
    const options = asked.options ?? known.options;
    const asking = digestOf(asked);
    const wanted = JSON.stringify([options, size.items, asked.getChanges]);
    if (isRepeated && asking === known.asked && wanted === known.wanted)
      return this.#again(options);
    const { renamed } = known;
    // A device that has not heard of the last answer goes on with other changes.
    const rewritten = isRepeated ? known.rewritten : [];
    const applied =
      isRepeated && asking === known.asked
        ? { ...known, own: new Map<number, number>() }
        : await applyCommands(this.#context, {
            folder,
            asked,
            ...{ renamed, rewritten },
            state: from,
            conflict: options.conflict,
          });
    const state = withoutRemoved(from, applied);
    const window = asked.getChanges ? await this.#window(state, options, applied) : undefined;
    if (asked.commands.length === 0 && !window?.sent.length && !isRepeated) {
      await this.#keepQuietly(options, window?.after);
      return nothing;
    }
    const next = { ...(window?.after ?? state), number: known.current.number + 1 };
    const collection: Collection = {
      ...{ epoch: known.epoch, options, current: next, previous: from, asked: asking, wanted },
      ...{ results: applied.results, removed: applied.removed, added: applied.added },
      told: window === undefined ? nothingTold : toldOf(window),
      ...namesKept(applied, [next, from]),
    };
    // Whichever of them fails, the device hears of neither, and asks again with the key that it has.
    const [answer] = await Promise.all([
      this.#answer({ collection, renamed: applied.renamed, sent: window?.sent ?? [] }),
      this.#context.collections.save(this.#parts.device, asked.id, collection),
    ]);
    return answer;
  }

  /** Of what was told, what is there: the device hears with its next Sync what has become of the rest. */
  async #again(options: SyncOptions): Promise<CollectionAnswer> {
    const { known, folder } = this.#parts;
    const { told, renamed } = known;
    const facts = await factsAmong(this.#context, folder, [...told.add, ...told.change]);
    const there = (kind: 'add' | 'change') => (uid: number) => {
      const of = facts.get(uid);
      return of === undefined ? [] : [{ kind, uid, facts: of }];
    };
    const gone = (kind: 'delete' | 'soft-delete') => (uid: number) => ({
      kind,
      uid,
      facts: undefined,
    });
    const sent = [
      ...[...told.delete].map(gone('delete')),
      ...[...told.softDelete].map(gone('soft-delete')),
      ...[...told.change].flatMap(there('change')),
      ...[...told.add].reverse().flatMap(there('add')),
    ];
    return this.#answer({ collection: { ...known, options }, renamed, sent });
  }

  async #answer({ collection, renamed, sent }: Telling): Promise<CollectionAnswer> {
    const { asked, folder } = this.#parts;
    const { options, current, results, told, rewritten } = collection;
    const shownAs = (uid: number) => shownUid(renamed, uidShown(rewritten, uid));
    const [commands, fetches, files] = await Promise.all([
      this.#commands(sent, options, shownAs),
      fetched(this.#context, { folder, asked, renamed }, options),
      attachedFiles(this.#context, { folder, renamed, results }),
    ]);
    const said = results.map((each) => resultElement(each, files.get(each)));
    const answer = collectionElement(asked.id, keyOf(collection, current), [
      responsesElement([...said, ...fetches]),
      told.more ? element('AirSync:MoreAvailable') : undefined,
      commands.length === 0 ? undefined : element('AirSync:Commands', commands),
    ]);
    const bytes = sent.reduce((sum, { facts }) => sum + (facts?.size ?? 0), 0);
    return { answer, told: sent.length, bytes };
  }

  /** Nothing is to be told: the key stays, whatever was looked at. */
  async #keepQuietly(options: SyncOptions, after: CollectionState | undefined): Promise<void> {
    const { device, asked, known } = this.#parts;
    const current =
      after === undefined ? known.current : { ...after, number: known.current.number };
    const isSame =
      JSON.stringify(options) === JSON.stringify(known.options) &&
      current.modseq === known.current.modseq &&
      !needsAll(known.current, current);
    if (!isSame)
      await this.#context.collections.save(device, asked.id, { ...known, options, current });
  }

  async #window(
    state: CollectionState,
    { filterType }: SyncOptions,
    { own }: Applied,
  ): Promise<Window | undefined> {
    const { folder, size } = this.#parts;
    const oldest = oldestWanted(filterType, this.#context.clock.now());
    const wanted = { filterType, oldest, own };
    // Nothing has changed since all was told: the usual answer, which needs no look at the folder.
    const isQuiet = state.modseq === this.#parts.modseq && own.size === 0;
    if (isQuiet && !needsAll(state, wanted)) return undefined;
    return windowOf(this.#context, { folder, state, wanted, size });
  }

  async #commands(
    sent: readonly ToldAgain[],
    shape: SyncOptions,
    shownAs: (uid: number) => number,
  ): Promise<readonly Element[]> {
    const { store, call } = this.#context;
    const { folder } = this.#parts;
    const { version } = call.line;
    const added = sent.flatMap(({ kind, facts }) => (kind === 'add' && facts ? [facts] : []));
    const { room } = call;
    const items = await itemsOf({ store, folder, shape, version, room, shownAs }, added);
    const properties = new Map(added.map(({ uid }, i) => [uid, items[i]]));
    return sent.flatMap(({ kind, uid, facts }) => {
      const id = element('AirSync:ServerId', messageId(folder, shownAs(uid)));
      if (kind === 'delete') return [element('AirSync:Delete', [id])];
      if (kind === 'soft-delete') return [element('AirSync:SoftDelete', [id])];
      const data = kind === 'change' ? changingProperties(facts!, version) : properties.get(uid);
      // Gone meanwhile: the device is told that next time, and knows nothing of it.
      if (data === undefined) return [];
      const tag = kind === 'change' ? 'AirSync:Change' : 'AirSync:Add';
      return [element(tag, [id, element('AirSync:ApplicationData', data)])];
    });
  }
}

interface ToldAgain {
  readonly kind: Told['kind'];
  readonly uid: number;
  readonly facts: ItemFacts | undefined;
}

interface Telling {
  readonly collection: Collection;
  /** Those that are gone among them. */
  readonly renamed: Renamed;
  readonly sent: readonly ToldAgain[];
}

function toldOf({ sent, more }: Window): ToldLast {
  const of = (wanted: Told['kind']) =>
    UidSet.of(sent.flatMap(({ kind, uid }) => (kind === wanted ? [uid] : [])));
  return {
    ...{ add: of('add'), change: of('change'), more },
    ...{ delete: of('delete'), softDelete: of('soft-delete') },
  };
}

/** Of drafts that were written anew: as long as the device may name them, or be told of them. */
function namesKept({ renamed, rewritten }: Applied, states: readonly CollectionState[]) {
  const is = new Set(rewritten.map(([, uid]) => uid));
  const isKept = (uid: number) => is.has(uid) || states.some(({ has }) => has.has(uid));
  return { renamed: renamed.filter(([, uid]) => isKept(uid)), rewritten };
}

/** What the device took away it does not have. */
function withoutRemoved(state: CollectionState, { removed, added }: Applied): CollectionState {
  if (removed.length === 0 && added.length === 0) return state;
  const has = state.has.copy();
  for (const uid of removed) has.delete(uid);
  for (const uid of added) has.add(uid);
  return { ...state, has };
}

/** The response is left out where nothing has to be said: [MS-ASCMD] 2.2.3.154. */
const responsesElement = (responses: readonly Element[]): Element | undefined =>
  responses.length === 0 ? undefined : element('AirSync:Responses', responses);

/** Of what the device changed: two requests that are the same change nothing twice. Files in it are not put in JSON. */
function digestOf({ commands }: SyncCollection): string {
  if (commands.length === 0) return '';
  const hash = createHash('sha256');
  for (const command of commands) {
    const data = 'data' in command ? command.data : undefined;
    hash.update(JSON.stringify({ ...command, data: undefined }));
    if (data !== undefined) hash.update(encodeWbxml(data));
  }
  return hash.digest('base64url').slice(0, 22);
}
