// Reads commands: pieces of them are put together, what may not be said now is refused, and the rest is
// carried out. RFC 9051 §2.2.1 and §3.

import { unreachable } from '../../base/assert.ts';
import type { SessionEvent } from '../event.ts';
import type { ParseContext } from '../parse-context.ts';
import { beginsAppend, parseCommand } from '../parser.ts';
import { beginAppend } from './append-phase.ts';
import type { Piece } from './command-reader.ts';
import { refusesEnabled } from './command-rules.ts';
import { perform } from './commands.ts';
import type { SessionCore } from './core.ts';
import { completion } from './core.ts';
import { gather, refuseLine, skippedMax } from './literals.ts';
import { refusesState } from './phases.ts';

const needInput: SessionEvent = { kind: 'need-input' };

export function readCommand(core: SessionCore): SessionEvent | undefined {
  const piece = core.reader.read(core.facts.limits.commandSize, skippedMax(core));
  if (piece === undefined) return needInput;
  switch (piece.kind) {
    case 'endless':
      return core.endless();
    case 'too-long':
      return refuseLine(core, piece.text, piece.announced);
    case 'piece':
      return onPiece(core, piece);
    default:
      return unreachable(piece);
  }
}

function onPiece(
  core: SessionCore,
  { text, announced }: Extract<Piece, { readonly kind: 'piece' }>,
): SessionEvent | undefined {
  if (core.append === undefined) {
    const begin = beginsAppend(text);
    if (begin === undefined)
      return announced === undefined ? onCommand(core, text) : gather(core, announced);
    return beginAppend(core, begin, contextOf(core), announced);
  }
  core.announced = announced;
  core.phase = 'append';
  return undefined;
}

function onCommand(core: SessionCore, text: string): SessionEvent | undefined {
  core.reader.clear();
  // Field: clients end APPEND with a CRLF too many.
  if (text === '') return core.countCommand();
  const parsed = parseCommand(text, contextOf(core));
  core.tag = parsed.tag ?? '*';
  core.countCommand();
  if (core.phase === 'closed') return undefined;
  if (parsed.kind === 'malformed')
    return core.complete(completion(parsed.status, parsed.text, parsed.code));
  const { command } = parsed;
  const refusal =
    refusesState(command.name, core.login) ??
    refusesEnabled(command, (extension) => core.enabled.has(extension));
  return refusal === undefined ? perform(core, command) : core.complete(refusal);
}

function contextOf({ enabled, facts }: SessionCore): ParseContext {
  const utf8Accept = enabled.has('UTF8=ACCEPT');
  const utf8 = utf8Accept || enabled.has('IMAP4REV2');
  return { limits: facts.limits, utf8, utf8Accept };
}
