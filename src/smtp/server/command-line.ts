// From a line as it came in to the command it is. RFC 5321 §4.1, RFC 6531 §3.

import type { Line, MalformedLine } from '../../base/line-splitter.ts';
import type { Command } from '../command.ts';
import { parseCommand } from '../command.ts';
import { replies } from '../reply.ts';

/** `localDomain`: see ServerFacts. */
export function commandOf(line: Line, localDomain?: string): Command {
  if (line.kind !== 'line') return malformed[line.kind];
  const command = parseCommand(line.text, localDomain);
  return line.ascii || utf8Verbs.has(command.verb) ? command : notAscii;
}

const malformed: Readonly<Record<MalformedLine, Command>> = {
  'too-long': { verb: 'malformed', answer: replies.lineTooLong },
  'not-printable': { verb: 'malformed', answer: replies.badLine },
  'bad-utf8': { verb: 'malformed', answer: replies.badUtf8 },
};
const notAscii: Command = { verb: 'malformed', answer: replies.notAscii };

// RFC 6531 §3.1 (6) and (9): where a mailbox may stand, UTF-8 may.
const utf8Verbs = new Set<Command['verb']>(['MAIL', 'RCPT', 'VRFY', 'EXPN', 'malformed']);

const idleVerbs = new Set<Command['verb']>([
  'EHLO',
  'HELO',
  'LHLO',
  'RSET',
  'NOOP',
  'HELP',
  'VRFY',
  'EXPN',
  'ETRN',
]);

/** A command that is no step of a transaction or login; `commandsWithoutMail` limits how many may come. */
export const isIdle = ({ verb }: Command): boolean => idleVerbs.has(verb);
