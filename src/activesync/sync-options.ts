// What a device wants to see of messages: how far back, which bodies and how much of them. [MS-ASCMD] 2.2.3.125.5 and
// 2.2.3.125.2 (Options of Sync and ItemOperations), [MS-ASAIRS] 2.2.2.12 (BodyPreference).

import type { TagName } from './wbxml/code-pages.ts';
import type { Element } from './wbxml/element.ts';
import { childFlag, childNumber, children } from './wbxml/element.ts';

/** [MS-ASAIRS] 2.2.2.41.1 */
export const bodyType = { plain: 1, html: 2, rtf: 3, mime: 4 } as const;

export interface BodyPreference {
  readonly type: number;
  /** Octets; undefined: all of it. */
  readonly truncation: number | undefined;
  /** All of it within `truncation`, or nothing. */
  readonly allOrNone: boolean;
  /** Characters of a preview. */
  readonly preview: number;
}

export interface ItemShape {
  readonly bodies: readonly BodyPreference[];
  /** [MS-ASAIRS] 2.2.2.11: from 14.1 on, for conversations. */
  readonly parts: readonly BodyPreference[];
  /** [MS-ASCMD] 2.2.3.110: 0 never MIME, 1 for S/MIME alone, 2 for all. */
  readonly mimeSupport: number;
}

export interface SyncOptions extends ItemShape {
  /** [MS-ASCMD] 2.2.3.68.2: 0 is all mail, 1 to 7 is that of a day to six months. */
  readonly filterType: number;
  /** [MS-ASCMD] 2.2.3.34: 0, the client wins; 1, the server. */
  readonly conflict: number;
}

/** What is not said. Plain text, as much as a phone shows without asking. */
export const defaultSyncOptions: SyncOptions = {
  bodies: [],
  parts: [],
  mimeSupport: 0,
  filterType: 0,
  conflict: 1,
};

/** Limit: preferences that are looked at; there are four types. */
const preferencesMax = 8;
const previewMax = 255;

/** Of the Options for mail; undefined where there are none, so that the last ones hold. */
export function readSyncOptions(given: readonly Element[]): SyncOptions | undefined {
  // Those of SMS come in a second one, with a class.
  const options = given[0];
  if (options === undefined) return undefined;
  return {
    ...readItemShape(options),
    filterType: childNumber(options, 'AirSync:FilterType') ?? 0,
    conflict: childNumber(options, 'AirSync:Conflict') ?? 1,
  };
}

export function readItemShape(options: Element | undefined): ItemShape {
  return {
    bodies: preferencesIn(options, 'AirSyncBase:BodyPreference'),
    parts: preferencesIn(options, 'AirSyncBase:BodyPartPreference'),
    mimeSupport: childNumber(options, 'AirSync:MIMESupport') ?? 0,
  };
}

const preferencesIn = (options: Element | undefined, tag: TagName): readonly BodyPreference[] =>
  children(options, tag)
    .slice(0, preferencesMax)
    .map((each) => ({
      type: childNumber(each, 'AirSyncBase:Type') ?? bodyType.plain,
      truncation: childNumber(each, 'AirSyncBase:TruncationSize'),
      allOrNone: childFlag(each, 'AirSyncBase:AllOrNone') ?? false,
      preview: Math.min(previewMax, childNumber(each, 'AirSyncBase:Preview') ?? 0),
    }));

const day = 24 * 60 * 60_000;
const filterDays: readonly (number | undefined)[] = [undefined, 1, 3, 7, 14, 30, 91, 183];

/** Milliseconds since the epoch: what came before it is left out. Zero for everything that is no such filter. */
export function oldestWanted(filterType: number, now: number): number {
  const days = filterDays[filterType];
  // By whole days, so that a message does not fade out while it is looked at.
  return days === undefined ? 0 : (Math.floor(now / day) - days) * day;
}
