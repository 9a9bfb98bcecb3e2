// SendMail, SmartReply and SmartForward: as a document from 14.0 on, as the message itself in 12.1. [MS-ASCMD] 2.2.1.17,
// 2.2.1.19, 2.2.1.20. Whoever asks again, since the answer was lost, sends nothing twice.

import type { CommandName } from '../../../activesync/versions.ts';
import { isAtLeast } from '../../../activesync/versions.ts';
import { child, childText, element, octetsOf } from '../../../activesync/wbxml/element.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith, MailNotTaken } from '../context.ts';
import { namedMessage } from '../named-message.ts';
import type { Outgoing } from '../outgoing.ts';
import { sendOut } from '../outgoing.ts';

/** [MS-ASCMD] 2.2.2.1 */
const status = { malformed: '103', notSent: '120', noSource: '150' } as const;

type ComposeCommand = Extract<CommandName, 'SendMail' | 'SmartReply' | 'SmartForward'>;

export const composeMail =
  (command: ComposeCommand) =>
  async (context: Context): Promise<Answer> => {
    const { call } = context;
    const isDocument = isAtLeast(call.line.version, '14.0');
    const refused = (said: string): Answer =>
      isDocument
        ? answerWith(element(`ComposeMail:${command}`, [element('ComposeMail:Status', said)]))
        : { kind: 'refused', status: said === status.malformed ? 400 : 500 };
    const given = isDocument
      ? await readDocument(context, command)
      : await readQuery(context, command);
    if (typeof given === 'string') return refused(given);
    try {
      await sendOut(context, given);
    } catch (error) {
      if (!(error instanceof MailNotTaken)) throw error;
      return refused(status.notSent);
    }
    return { kind: 'empty' };
  };

async function readDocument(context: Context, command: ComposeCommand): Promise<Outgoing | string> {
  const { document } = context.call;
  const mime = child(document, 'ComposeMail:MIME');
  if (document?.tag !== `ComposeMail:${command}` || mime === undefined) return status.malformed;
  const source = child(document, 'ComposeMail:Source');
  const id = childText(source, 'ComposeMail:LongId') ?? childText(source, 'ComposeMail:ItemId');
  const found = await sourceOf(context, command, id);
  if (found === 'gone') return status.noSource;
  const replaceMime = child(document, 'ComposeMail:ReplaceMime') !== undefined;
  return {
    message: octetsOf(mime),
    saveInSent: child(document, 'ComposeMail:SaveInSentItems') !== undefined,
    source: found && { ...found, replaceMime },
    // Limit: [MS-ASCMD] 2.2.3.28.2 has 40 characters.
    name: childText(document, 'ComposeMail:ClientId')?.slice(0, 100),
  };
}

async function readQuery(context: Context, command: ComposeCommand): Promise<Outgoing | string> {
  const { line, body } = context.call;
  if (body.length === 0) return status.malformed;
  const found = await sourceOf(context, command, line.itemId);
  if (found === 'gone') return status.noSource;
  const source = found && { ...found, replaceMime: false };
  return { message: body, saveInSent: line.saveInSent, source };
}

async function sourceOf(context: Context, command: ComposeCommand, id: string | undefined) {
  if (command === 'SendMail') return undefined;
  const named = await namedMessage(context, id ?? '');
  if (named === undefined) return 'gone';
  return {
    folder: named.folder.id,
    uid: named.uid,
    as: command === 'SmartReply' ? ('reply' as const) : ('forward' as const),
  };
}
