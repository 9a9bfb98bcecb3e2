// RETR and TOP: a message on its way from the owner to the client, whole or in pieces. RFC 1939 §5.

import { assert } from '../base/assert.ts';
import type { Retrieval } from './command.ts';
import type { SessionCore } from './core.ts';
import { MessageEncoder } from './message-encoder.ts';
import { after } from './phases.ts';
import { ok, responses } from './response.ts';

/** The owner has all of it. */
export function sendWhole(core: SessionCore, bytes: Uint8Array): void {
  begin(core, retrievalOf(core)).whole(bytes);
  core.retrieval = undefined;
  core.phase = after.message.sent;
}

/** The owner gives it piece by piece. */
export function beginPieces(core: SessionCore): void {
  core.encoder = begin(core, retrievalOf(core));
  core.retrieval = undefined;
  core.phase = after.message.pieces;
}

/** False when no more of it is wanted: TOP is served. */
export function sendPiece(core: SessionCore, bytes: Uint8Array): boolean {
  const encoder = encoderOf(core);
  encoder.write(bytes);
  return !encoder.done;
}

export function endPieces(core: SessionCore): void {
  encoderOf(core).end();
  core.encoder = undefined;
  core.phase = after.pieces.sent;
}

function begin(core: SessionCore, command: Retrieval): MessageEncoder {
  const size = core.openMaildrop().sizeOf(command.message);
  core.output.expect(size, !core.input.empty);
  const whole = command.verb === 'RETR';
  core.say(whole ? ok(`${size} octets`) : responses.messageFollows);
  const bodyLines = whole ? undefined : command.lines;
  return new MessageEncoder(core.output, { utf8: core.utf8, bodyLines });
}

function retrievalOf({ phase, retrieval }: SessionCore): Retrieval {
  assert(phase === 'message' && retrieval !== undefined, 'a message was asked for');
  return retrieval;
}

function encoderOf({ phase, encoder }: SessionCore): MessageEncoder {
  assert(phase === 'pieces' && encoder !== undefined, 'a message is being sent');
  return encoder;
}
