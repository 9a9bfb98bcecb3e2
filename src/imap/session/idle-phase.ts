// IDLE: RFC 9051 §6.3.13. The client waits, the owner tells what happens, until a line comes.

import { assert } from '../../base/assert.ts';
import type { Answer, SessionEvent } from '../event.ts';
import type { SessionCore } from './core.ts';
import { completion } from './core.ts';
import { skippedMax } from './literals.ts';
import { after } from './phases.ts';

const needInput: SessionEvent = { kind: 'need-input' };

export function idleAnswered(core: SessionCore, answer: Answer): void {
  if (answer.kind === 'proceed') {
    core.phase = after.command.idle;
    core.output.text('+ idling\r\n');
    return;
  }
  assert(answer.kind === 'completion', 'IDLE has no challenges');
  core.complete(answer);
}

export function readDone(core: SessionCore): SessionEvent | undefined {
  const line = core.input.takeLine(core.facts.limits.commandSize, skippedMax(core));
  if (line === undefined) return needInput;
  if (line.kind === 'endless') return core.endless();
  core.commands += 1;
  const isDone = line.kind === 'line' && /^done *$/i.test(line.text);
  core.idleCompletion = isDone
    ? completion('OK', 'IDLE completed')
    : completion('BAD', 'Expected DONE', 'CLIENTBUG');
  core.phase = after.idle.line;
  return { kind: 'idle-done' };
}

/** The owner has told what there was to be told. */
export function completeIdle(core: SessionCore): undefined {
  const { idleCompletion } = core;
  assert(idleCompletion !== undefined, 'IDLE is over');
  core.idleCompletion = undefined;
  core.phase = after['idle-done'].completed;
  return core.complete(idleCompletion);
}
