// APPEND and REPLACE in a conversation: who may, what is asked of the owner, and the octets of messages
// on their way through. What stands between the messages is understood in append-flow.ts.

import { assert, unreachable } from '../../base/assert.ts';
import type { Answer, Completion, Question, SessionEvent } from '../event.ts';
import type { ParseContext } from '../parse-context.ts';
import type { AppendBegin } from '../parser.ts';
import { AppendFlow } from './append-flow.ts';
import type { Announcement } from './command-reader.ts';
import type { SessionCore } from './core.ts';
import { completion } from './core.ts';
import { gather, refuse } from './literals.ts';
import { after, refusesState } from './phases.ts';

const needInput: SessionEvent = { kind: 'need-input' };

/** The first piece of the command is there. */
export function beginAppend(
  core: SessionCore,
  begin: AppendBegin,
  context: ParseContext,
  announced: Announcement | undefined,
): undefined {
  const refusal = mayAppend(core, begin);
  if (core.phase === 'closed') return undefined;
  if (refusal !== undefined) return refuse(core, begin.tag, refusal, announced);
  core.append = new AppendFlow(begin, context, core.facts.limits);
  core.announced = announced;
  core.phase = after.command.append;
}

function mayAppend(core: SessionCore, { tag, name, uid }: AppendBegin): Completion | undefined {
  core.tag = tag;
  core.countCommand();
  const refusal = refusesState(name, core.login);
  if (refusal !== undefined) return refusal;
  // RFC 9586 §3.1
  return name === 'REPLACE' && !uid && core.enabled.has('UIDONLY')
    ? completion('BAD', 'Message numbers are not used with UIDONLY', 'UIDREQUIRED')
    : undefined;
}

export function continueAppend(core: SessionCore): SessionEvent | undefined {
  const { announced } = core;
  const append = flowOf(core);
  const step = append.step(core.reader.text);
  switch (step.kind) {
    case 'ask':
      return core.ask(step.question);
    case 'message-end':
      return { kind: 'append-message-end' };
    case 'argument':
      assert(announced !== undefined, 'a literal is missing only where one is announced');
      return gather(core, announced);
    case 'malformed': {
      const { status, text, code } = step;
      return refuse(core, append.tag, completion(status, text, code), announced);
    }
    default:
      return unreachable(step);
  }
}

/** The owner's answer to `append` or `append-part`: it takes the message or part, or refuses the whole command. */
export function appendAnswered(
  core: SessionCore,
  question: Extract<Question, { readonly kind: 'append' | 'append-part' }>,
  answer: Answer,
): void {
  assert(core.phase === 'append', 'an append is under way');
  const { announced } = core;
  if (answer.kind === 'completion') {
    core.appendBegun = false;
    refuse(core, flowOf(core).tag, answer, announced);
    return;
  }
  assert(answer.kind === 'proceed', 'an append has no challenges');
  core.appendBegun = true;
  const octets = octetsOf(question);
  if (octets === undefined) return; // parts follow, or the next one
  if (announced?.synchronizing === true) core.output.text('+ Ready for the message\r\n');
  core.reader.clear();
  core.left = octets;
  core.phase = after.append.octets;
}

/** How many octets follow; undefined where none do, as for a URL. */
function octetsOf(
  question: Extract<Question, { readonly kind: 'append' | 'append-part' }>,
): number | undefined {
  if (question.kind === 'append') return question.message.octets;
  return question.part.kind === 'text' ? question.part.octets : undefined;
}

/** To `append-end`: all messages were stored, or none. */
export function appendEnded(core: SessionCore, answer: Completion): void {
  core.append = undefined;
  core.appendBegun = false;
  core.reader.clear();
  core.phase = after.append.end;
  core.complete(answer);
}

export function readContent(core: SessionCore): SessionEvent | undefined {
  if (core.left === 0) {
    core.phase = after.content.end;
    return flowOf(core).octetsEnded() ? { kind: 'append-message-end' } : undefined;
  }
  const bytes = core.input.takeContent(core.left);
  if (bytes === undefined) return needInput;
  core.left -= bytes.length;
  return { kind: 'content', bytes };
}

function flowOf({ append }: SessionCore): AppendFlow {
  assert(append !== undefined, 'an append is under way');
  return append;
}
