// SELECT and EXAMINE: RFC 9051 §6.3.2 and §6.3.3, RFC 3501 §6.3.1 (RECENT, UNSEEN), RFC 7162 §3.1.2 and
// §3.2.5 (HIGHESTMODSEQ, QRESYNC), RFC 8474 §4.1 (MAILBOXID), RFC 4314 §5.2 (READ-WRITE by rights).

import type { CommandOf } from '../../../imap/command.ts';
import { mailboxId } from '../../../store/object-id.ts';
import { requireRight } from '../acl.ts';
import { completionFor } from '../completion.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { LocatedFolder } from '../located-folder.ts';
import { ImapRefusal } from '../refusal.ts';
import { firstUnseen, SelectedMailbox } from '../selected-mailbox.ts';
import { closeSelected } from '../selection.ts';
import { SessionUpdates } from '../updates.ts';
import { oldName } from './folders.ts';
import { listText } from './list.ts';
import { resynchronise } from './qresync.ts';

export const select: ExecutorOf<'SELECT' | 'EXAMINE'> = async (command, context) => {
  // RFC 9051 §7.1: what follows is about the new mailbox, even if there is none.
  if (context.selected !== undefined) {
    context.untagged('OK [CLOSED] Previous mailbox closed');
    closeSelected(context);
  }
  try {
    const selected = await open(command, context);
    await tell(command, selected, context);
    return {
      kind: 'completion',
      status: 'OK',
      code: selected.readOnly ? 'READ-ONLY' : 'READ-WRITE',
      text: `${command.name} completed`,
      state: 'selected',
    };
  } catch (error) {
    // RFC 9051 §6.3.2: no mailbox is selected then, whatever it was that failed.
    if (context.selected !== undefined) closeSelected(context);
    const { account, log } = context;
    const completion = completionFor(error, { during: command.name, account, log });
    return { ...completion, state: 'unselected' };
  }
};

type Select = CommandOf<'SELECT' | 'EXAMINE'>;

async function open(
  { name: verb, mailbox }: Select,
  context: CommandContext,
): Promise<SelectedMailbox> {
  const located: LocatedFolder = requireRight(await context.names.locate(mailbox), 'r');
  const folder = await context.openFolders.open(located.folder.id);
  if (folder === undefined) throw new ImapRefusal('NO', 'NONEXISTENT', 'There is no such mailbox');
  const { rights, name } = located;
  // RFC 4314 §5.2: who may change something has it READ-WRITE.
  const readOnly = verb === 'EXAMINE' || !/[iswte]/.test(rights);
  const selected = new SelectedMailbox({
    ...{ open: folder, readOnly, rights, name },
    showsRecent: () => !context.isEnabled('IMAP4REV2'),
  });
  context.selected = selected;
  SessionUpdates.of(context).select(selected);
  return selected;
}

async function tell(
  { mailbox, qresync }: Select,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<void> {
  tellFacts(selected, context);
  if (context.isEnabled('IMAP4REV2')) await tellName(mailbox, selected, context);
  if (qresync !== undefined) await resynchronise(qresync, selected, context);
}

function tellFacts(selected: SelectedMailbox, context: CommandContext): void {
  const { folder, rows } = selected;
  const rev2 = context.isEnabled('IMAP4REV2');
  context.untagged(selected.flagsResponse());
  context.untagged(`${selected.messages} EXISTS`);
  selected.tellRecent(context);
  if (!rev2) {
    // RFC 9586 §3: UNSEEN names a message number.
    const unseen = context.isEnabled('UIDONLY') ? undefined : firstUnseen(rows);
    if (unseen !== undefined) context.untagged(`OK [UNSEEN ${unseen}] First unseen`);
  }
  context.untagged(selected.permanentFlagsResponse());
  context.untagged(`OK [UIDVALIDITY ${folder.uidValidity}] UIDs are valid`);
  context.untagged(`OK [UIDNEXT ${folder.uidNext}] Predicted next UID`);
  context.untagged(`OK [HIGHESTMODSEQ ${folder.modseq}] Highest`);
  context.untagged(`OK [MAILBOXID (${mailboxId(folder.id)})] Ok`);
  // RFC 4467 §8
  context.untagged('OK [URLMECH INTERNAL] URLs can be authorized');
}

// RFC 9051 §6.3.2: a LIST response, and the name as it was written where that is another form of it.
async function tellName(
  written: string,
  { folder, rights, name }: SelectedMailbox,
  context: CommandContext,
): Promise<void> {
  const text = await listText(context, { folder, rights, name });
  context.untagged(written === name ? text : text + oldName(context, written));
}
