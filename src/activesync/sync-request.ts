// A Sync as a device asks for it: collections, each with its key, its options and what was changed on the device.
// [MS-ASCMD] 2.2.1.21. Total; what is missing is undefined, what has no place here is left out.

import type { SyncOptions } from './sync-options.ts';
import { readSyncOptions } from './sync-options.ts';
import type { Element } from './wbxml/element.ts';
import { child, childFlag, childNumber, children, childrenOf, childText } from './wbxml/element.ts';

export interface SyncRequest {
  readonly collections: readonly SyncCollection[];
  /** Seconds to wait for a change; undefined: none. */
  readonly waitSeconds: number | undefined;
  /** Seconds of what it was asked in: a minute of Wait, a second of HeartbeatInterval. */
  readonly waitUnit: 1 | 60;
  readonly windowSize: number | undefined;
  /** What is not said is as in the last Sync. [MS-ASCMD] 2.2.3.130. */
  readonly partial: boolean;
}

export interface SyncCollection {
  readonly id: string;
  /** Undefined where it is as in the last Sync. */
  readonly key: string | undefined;
  readonly options: SyncOptions | undefined;
  readonly windowSize: number | undefined;
  /** Default: whether there is a key but 0. */
  readonly getChanges: boolean;
  /** What is deleted goes to Trash. [MS-ASCMD] 2.2.3.47: yes, unless it says no. */
  readonly deletesAsMoves: boolean;
  readonly commands: readonly SyncCommand[];
}

export type SyncCommand =
  | {
      readonly kind: 'add';
      readonly clientId: string;
      readonly data: Element;
      readonly send: boolean;
    }
  | { readonly kind: 'change'; readonly id: string; readonly data: Element; readonly send: boolean }
  | { readonly kind: 'delete'; readonly id: string }
  | { readonly kind: 'fetch'; readonly id: string };

/** Limits: collections and changes of a request; [MS-ASCMD] 2.2.3.198 has 512 for a window. */
export const collectionsMax = 300;
export const commandsMax = 1_000;

/** Undefined when it is no Sync, or too large: status 4. */
export function readSyncRequest(root: Element): SyncRequest | undefined {
  const given = children(child(root, 'AirSync:Collections'), 'AirSync:Collection');
  const collections = given.map(readCollection);
  if (root.tag !== 'AirSync:Sync' || collections.length > collectionsMax) return undefined;
  if (collections.some((each) => each === undefined)) return undefined;
  const seconds = childNumber(root, 'AirSync:HeartbeatInterval');
  const minutes = childNumber(root, 'AirSync:Wait');
  return {
    collections: collections.filter((each) => each !== undefined),
    waitSeconds: seconds ?? (minutes && minutes * 60),
    waitUnit: seconds === undefined && minutes !== undefined ? 60 : 1,
    windowSize: childNumber(root, 'AirSync:WindowSize'),
    partial: childFlag(root, 'AirSync:Partial') ?? false,
  };
}

function readCollection(collection: Element): SyncCollection | undefined {
  const id = childText(collection, 'AirSync:CollectionId');
  const commands = childrenOf(child(collection, 'AirSync:Commands') ?? nothing);
  if (id === undefined || commands.length > commandsMax) return undefined;
  const key = childText(collection, 'AirSync:SyncKey');
  return {
    ...{ id, key },
    options: readSyncOptions(children(collection, 'AirSync:Options')),
    windowSize: childNumber(collection, 'AirSync:WindowSize'),
    getChanges: childFlag(collection, 'AirSync:GetChanges') ?? key !== '0',
    deletesAsMoves: childFlag(collection, 'AirSync:DeletesAsMoves') ?? true,
    commands: commands.map(readCommand).filter((each) => each !== undefined),
  };
}

const nothing: Element = { tag: 'AirSync:Commands', content: [] };

function readCommand(command: Element): SyncCommand | undefined {
  const id = childText(command, 'AirSync:ServerId');
  const clientId = childText(command, 'AirSync:ClientId');
  const data = child(command, 'AirSync:ApplicationData') ?? noData;
  const send =
    child(command, 'Email2:Send') !== undefined || child(data, 'Email2:Send') !== undefined;
  switch (command.tag) {
    case 'AirSync:Add':
      return clientId === undefined ? undefined : { kind: 'add', clientId, data, send };
    case 'AirSync:Change':
      return id === undefined ? undefined : { kind: 'change', id, data, send };
    case 'AirSync:Delete':
      return id === undefined ? undefined : { kind: 'delete', id };
    case 'AirSync:Fetch':
      return id === undefined ? undefined : { kind: 'fetch', id };
    default:
      return undefined;
  }
}

const noData: Element = { tag: 'AirSync:ApplicationData', content: [] };
