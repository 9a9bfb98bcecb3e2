// What a command needs to have been enabled, and what it turns on by being used: RFC 7162 §3.1,
// RFC 9586 §3. Which command is allowed in which state is in phases.ts.

import type { Command, SearchKey } from '../command.ts';
import type { Completion, Enabled } from '../event.ts';

const bad = (text: string, code?: string): Completion => ({
  kind: 'completion',
  status: 'BAD',
  code,
  text,
});

/** What is only allowed once an extension was enabled, or no longer then. */
export function refusesEnabled(
  command: Command,
  isEnabled: (extension: Enabled) => boolean,
): Completion | undefined {
  // RFC 7162 §3.2.5 and §3.2.6
  const wantsQresync =
    ('qresync' in command && command.qresync !== undefined) ||
    (command.name === 'FETCH' && command.vanished);
  if (wantsQresync && !isEnabled('QRESYNC')) return bad('ENABLE QRESYNC first', 'CLIENTBUG');
  if (command.name === 'FETCH' && command.vanished && !command.uid)
    return bad('VANISHED goes with UID FETCH');
  // RFC 9586 §3.1
  if (isEnabled('UIDONLY') && namesNumbers(command))
    return bad('Message numbers are not used with UIDONLY', 'UIDREQUIRED');
  return undefined;
}

/** RFC 9586 §3.1: message numbers, in the command or among its search keys. */
function namesNumbers(command: Command): boolean {
  if ('uid' in command && !command.uid) return true;
  if ('key' in command) return hasKey(command.key, (key) => isNumbers(key));
  return 'qresync' in command && command.qresync?.match !== undefined;
}

const isNumbers = (key: SearchKey): boolean => key.kind === 'sequence' && key.set.kind !== 'saved';

/** As deep as ImapLimits.depth. */
function hasKey(key: SearchKey, is: (key: SearchKey) => boolean): boolean {
  switch (key.kind) {
    case 'and':
    case 'or':
      return key.keys.some((each) => hasKey(each, is));
    case 'not':
      return hasKey(key.key, is);
    default:
      return is(key);
  }
}

/** RFC 7162 §3.1: CONDSTORE enabling commands. */
export function enablesCondstore(command: Command): boolean {
  switch (command.name) {
    case 'SELECT':
    case 'EXAMINE':
      return command.condstore || command.qresync !== undefined;
    case 'STATUS':
      return command.items.includes('HIGHESTMODSEQ');
    case 'FETCH':
      return (
        command.changedSince !== undefined || command.items.some(({ kind }) => kind === 'MODSEQ')
      );
    case 'STORE':
      return command.unchangedSince !== undefined;
    case 'SEARCH':
    case 'SORT':
    case 'THREAD':
      return hasKey(command.key, ({ kind }) => kind === 'modseq');
    default:
      return false;
  }
}
