// MoveItems: messages into another folder, one after the other. [MS-ASCMD] 2.2.1.12.

import type { Element } from '../../../activesync/wbxml/element.ts';
import { children, childText, element } from '../../../activesync/wbxml/element.ts';
import { noteMoved } from '../../sorting.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { findFolder, messageId } from '../folder-names.ts';
import { namedMessage } from '../named-message.ts';

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
  const named = await namedMessage(context, id);
  const to = await findFolder(store, call.account, childText(move, 'Move:DstFldId') ?? '');
  if (named === undefined) return answer(status.noSource);
  const { folder: from, uid } = named;
  if (to === undefined) return answer(status.noTarget);
  if (from.id === to.id) return answer(status.same);
  const { target } = await store.move(from.id, [uid], to.id);
  if (target[0] === undefined) return answer(status.noSource);
  noteMoved({ account: call.account, sorted }, { from, to, uids: target });
  return answer(status.ok, messageId(to.id, target[0]));
}
