// What each command does where the table of phases allows it: a question for the owner, or a reply of
// our own. RFC 5321 §4.1.1.

import { unreachable } from '../../base/assert.ts';
import type { Command } from '../command.ts';
import { helpReply } from '../command.ts';
import type { Reply } from '../reply.ts';
import { replies } from '../reply.ts';
import { bdat, burl } from './content-phase.ts';
import type { SessionCore } from './core.ts';
import { mailQuestion, rcptQuestion } from './envelope-commands.ts';
import type { Question, SessionEvent } from './event.ts';
import { auth } from './login-phase.ts';
import type { CommandPhase } from './phases.ts';

/** A command that could be read. */
export type Understood = Exclude<Command, { readonly verb: 'malformed' }>;

const reset: SessionEvent = { kind: 'reset' };
const starttls: SessionEvent = { kind: 'starttls' };

/** Undefined when it was answered and there is nothing for the owner to do. */
export function perform(
  core: SessionCore,
  command: Understood,
  phase: CommandPhase,
): SessionEvent | undefined {
  switch (command.verb) {
    case 'EHLO':
    case 'HELO':
    case 'LHLO':
      return { kind: 'hello', client: command.client, verb: command.verb };
    case 'MAIL':
      return mail(core, command);
    case 'RCPT':
      return askOrSend(core, rcptQuestion(command, core, core.openTransaction()));
    case 'DATA':
      return data(core);
    case 'BDAT':
      return bdat(core, command, phase);
    case 'BURL':
      return burl(core, command);
    case 'RSET':
      return rset(core);
    case 'NOOP':
      return core.send(replies.ok);
    case 'HELP':
      return core.send(helpReply(command.topic));
    case 'VRFY':
      return { kind: 'vrfy', argument: command.argument, utf8: command.utf8 };
    case 'EXPN':
      return { kind: 'expn', argument: command.argument, utf8: command.utf8 };
    case 'ETRN':
      return { kind: 'etrn', argument: command.argument };
    case 'ATRN':
      // RFC 2645 §5.2.1: 530 for whoever has not logged in.
      if (!core.authenticated) return core.send(replies.authRequired);
      return { kind: 'atrn', domains: command.domains };
    case 'STARTTLS':
      return startTls(core);
    case 'AUTH':
      return auth(core, command);
    case 'XCLIENT':
      return { kind: 'xclient', told: command.told };
    case 'QUIT':
      return core.end(replies.bye, 'quit');
    default:
      return unreachable(command);
  }
}

const askOrSend = (core: SessionCore, found: Question | Reply): SessionEvent | undefined =>
  'kind' in found ? found : core.send(found);

function mail(
  core: SessionCore,
  command: Extract<Command, { readonly verb: 'MAIL' }>,
): SessionEvent | undefined {
  const { authRequired, limits } = core.facts;
  // RFC 4954 §6: 530 to any command but AUTH, EHLO, HELO, NOOP, RSET and QUIT.
  if (authRequired && !core.authenticated) return core.send(replies.authRequired);
  if (limits.messagesPerConnection !== 0 && core.messages >= limits.messagesPerConnection)
    return core.end(replies.tooManyMessages, 'refused');
  return askOrSend(core, mailQuestion(command, core));
}

function data(core: SessionCore): SessionEvent | undefined {
  const { binary, recipients } = core.openTransaction();
  // RFC 3030 §3: not for BINARYMIME.
  if (binary) return core.send(replies.chunksOnly);
  // RFC 5321 §3.3 and RFC 2033 §4.2: 503 when no recipient was accepted.
  if (recipients === 0) return core.send(replies.noRecipients);
  return { kind: 'data', via: 'DATA', binary: false };
}

// RFC 5321 §4.1.1.5: no effect but 250 when there is no transaction.
function rset(core: SessionCore): SessionEvent | undefined {
  const open = core.transaction !== undefined;
  core.endTransaction();
  core.refusals.over();
  core.phase = core.leadsTo;
  core.send(replies.reset);
  return open ? reset : undefined;
}

// RFC 3207 §4
function startTls(core: SessionCore): SessionEvent | undefined {
  // The session forgets what was said in the clear, but its owner would still know the login: no STARTTLS after one.
  if (core.authenticated) return core.send(replies.badSequence);
  const open = core.transaction !== undefined;
  core.endTransaction();
  core.send(replies.startTls);
  core.phase = core.leadsTo;
  core.input.clear();
  if (!open) return starttls;
  core.next = starttls;
  return reset;
}
