// MoveItems: messages into another folder, one after the other. [MS-ASCMD] 2.2.1.12.

import type { Element } from '../../../activesync/wbxml/element.ts';
import { children, childText, element } from '../../../activesync/wbxml/element.ts';
import { noteMoved } from '../../sorting.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { findFolder, messageId, messagePlace } from '../folder-names.ts';

/** [MS-ASCMD] 2.2.3.177.10 */
const status = { noSource: '1', noTarget: '2', ok: '3', same: '4' } as const;
/** Limit. */
const movesMax = 1_000;

export async function moveItems(context: Context): Promise<Answer> {
  const moves = children(context.call.document, 'Move:Move').slice(0, movesMax);
  const responses: Element[] = [];
  for (const move of moves) responses.push(await moved(context, move));
  return answerWith(element('Move:MoveItems', responses));
}

async function moved(context: Context, move: Element): Promise<Element> {
  const { call, store, sorted } = context;
  const id = childText(move, 'Move:SrcMsgId') ?? '';
  const answer = (said: string, target?: string) =>
    element('Move:Response', [
      element('Move:SrcMsgId', id),
      element('Move:Status', said),
      target === undefined ? undefined : element('Move:DstMsgId', target),
    ]);
  const place = messagePlace(id);
  const from = place && (await findFolder(store, call.account, String(place.folder)));
  const to = await findFolder(store, call.account, childText(move, 'Move:DstFldId') ?? '');
  if (place === undefined || from === undefined) return answer(status.noSource);
  if (to === undefined) return answer(status.noTarget);
  if (from.id === to.id) return answer(status.same);
  const { target } = await store.move(from.id, [place.uid], to.id);
  if (target[0] === undefined) return answer(status.noSource);
  noteMoved({ account: call.account, sorted }, { from, to, uids: target });
  return answer(status.ok, messageId(to.id, target[0]));
}
