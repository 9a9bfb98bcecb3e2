// GetItemEstimate: how much a Sync would bring. [MS-ASCMD] 2.2.1.9.

import { oldestWanted, readSyncOptions } from '../../../activesync/sync-options.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import {
  child,
  childNumber,
  children,
  childText,
  element,
} from '../../../activesync/wbxml/element.ts';
import { keyOf } from '../collection-book.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { deviceKey } from '../device-book.ts';
import { folderNumber, isEmptyFolder } from '../folder-names.ts';
import { estimate } from '../folder-news.ts';

/** [MS-ASCMD] 2.2.3.177.7 */
const status = { ok: '1', notFound: '2', notPrimed: '3', wrongKey: '4' } as const;
/** Limit. */
const collectionsMax = 300;

export async function getItemEstimate(context: Context): Promise<Answer> {
  const asked = children(
    child(context.call.document, 'GetItemEstimate:Collections'),
    'GetItemEstimate:Collection',
  );
  const responses: Element[] = [];
  for (const collection of asked.slice(0, collectionsMax))
    responses.push(await estimateOf(context, collection));
  return answerWith(element('GetItemEstimate:GetItemEstimate', responses));
}

async function estimateOf(context: Context, asked: Element): Promise<Element> {
  const { call, collections, clock } = context;
  const id = childText(asked, 'GetItemEstimate:CollectionId') ?? '';
  const key = childText(asked, 'AirSync:SyncKey');
  if (isEmptyFolder(id)) return response(id, status.ok, 0);
  const folder = folderNumber(id);
  const known = await collections.find(deviceKey(call.account, call.line.deviceId), id);
  if (folder === undefined) return response(id, status.notFound);
  if (key === '0' || known === undefined) return response(id, status.notPrimed);
  const { current, previous } = known;
  const state = [current, previous].find(
    (each) => each !== undefined && key === keyOf(known, each),
  );
  if (state === undefined) return response(id, status.wrongKey);
  const options = readSyncOptions(children(asked, 'AirSync:Options')) ?? known.options;
  const filterType = childNumber(asked, 'AirSync:FilterType') ?? options.filterType;
  const wanted = { filterType, oldest: oldestWanted(filterType, clock.now()), own: new Map() };
  const found = await estimate(context, { folder, state, wanted });
  return found === undefined ? response(id, status.notFound) : response(id, status.ok, found);
}

const response = (id: string, said: string, found?: number): Element =>
  element('GetItemEstimate:Response', [
    element('GetItemEstimate:Status', said),
    element('GetItemEstimate:Collection', [
      element('GetItemEstimate:CollectionId', id),
      found === undefined ? undefined : element('GetItemEstimate:Estimate', found),
    ]),
  ]);
