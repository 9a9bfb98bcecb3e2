// NOTIFY: RFC 5465 §8.

import type { Command, NotifyGroup } from './command.ts';
import { readItemList } from './fetch-grammar.ts';
import type { Scanner } from './scanner.ts';
import { SyntaxFault } from './scanner.ts';

type Event = NotifyGroup['events'][number];

/** RFC 5465 §5: events of messages; others are not for the selected mailbox. */
const messageEvents: ReadonlySet<string> = new Set([
  'MESSAGENEW',
  'MESSAGEEXPUNGE',
  'FLAGCHANGE',
  'ANNOTATIONCHANGE',
]);

/** Limit: groups of one command. */
const groupsMax = 100;

export function readNotify(scanner: Scanner): Command {
  scanner.space();
  if (scanner.tryWord('NONE')) return { name: 'NOTIFY', groups: undefined, status: false };
  if (!scanner.tryWord('SET')) throw scanner.expected('SET or NONE');
  scanner.space();
  const status = scanner.tryWord('STATUS');
  if (status) scanner.space();
  const groups = [readGroup(scanner)];
  while (scanner.tryEat(' ')) {
    if (scanner.atEnd) break;
    groups.push(readGroup(scanner));
  }
  if (groups.length > groupsMax) throw new SyntaxFault('Too many groups', 'NO', 'LIMIT');
  const selected = groups.filter(({ mailboxes }) => mailboxes.kind.startsWith('selected'));
  if (selected.length > 1) throw new SyntaxFault('Only one group is for the selected mailbox');
  return { name: 'NOTIFY', groups, status };
}

function readGroup(scanner: Scanner): NotifyGroup {
  scanner.eat('(');
  const mailboxes = readFilter(scanner);
  scanner.space();
  const isSelected = mailboxes.kind.startsWith('selected');
  const events = scanner.tryWord('NONE') ? [] : scanner.list(() => readEvent(scanner, isSelected));
  scanner.eat(')');
  checkEvents(events, isSelected);
  return { mailboxes, events };
}

function readFilter(scanner: Scanner): NotifyGroup['mailboxes'] {
  const kind = scanner.atom('mailboxes').toLowerCase();
  switch (kind) {
    case 'selected':
    case 'selected-delayed':
    case 'inboxes':
    case 'personal':
    case 'subscribed':
      return { kind };
    case 'subtree':
    case 'mailboxes':
      scanner.space();
      return {
        kind,
        names: scanner.peek() === '(' ? scanner.list(() => scanner.mailbox()) : [scanner.mailbox()],
      };
    default:
      throw new SyntaxFault('Those mailboxes cannot be watched');
  }
}

function readEvent(scanner: Scanner, isSelected: boolean): Event {
  const name = scanner.word('an event');
  if (name !== 'MESSAGENEW' || !scanner.tryEat(' (')) return { name, items: [] };
  scanner.back(1);
  // RFC 5465 §8: the list may only be present for the selected mailbox.
  if (!isSelected) throw new SyntaxFault('FETCH items are for the selected mailbox only');
  return { name, items: readItemList(scanner) };
}

// RFC 5465 §5: what goes together.
function checkEvents(events: readonly Event[], isSelected: boolean): void {
  const names = new Set(events.map(({ name }) => name));
  const both = names.has('MESSAGENEW') && names.has('MESSAGEEXPUNGE');
  if (names.has('MESSAGENEW') !== names.has('MESSAGEEXPUNGE'))
    throw new SyntaxFault('MessageNew and MessageExpunge go together');
  if ((names.has('FLAGCHANGE') || names.has('ANNOTATIONCHANGE')) && !both)
    throw new SyntaxFault('FlagChange needs MessageNew and MessageExpunge');
  if (isSelected && [...names].some((name) => !messageEvents.has(name)))
    throw new SyntaxFault('Only events of messages are for the selected mailbox');
}
