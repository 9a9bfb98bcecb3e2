// Content while it comes: DATA's lines up to the dot, the chunks of BDAT, and what is answered at their
// end. RFC 5321 §4.1.1.4, RFC 3030 §2, RFC 2033 §4.2 and §4.3.

import { assert } from '../../base/assert.ts';
import type { Command } from '../command.ts';
import { ContentReader } from '../content.ts';
import type { Reply } from '../reply.ts';
import { formatReply, isPositive, replies } from '../reply.ts';
import type { SessionCore } from './core.ts';
import type { SessionEvent } from './event.ts';
import type { CommandPhase } from './phases.ts';
import { after } from './phases.ts';
import { Chunk } from './transaction.ts';

const needInput: SessionEvent = { kind: 'need-input' };
const reset: SessionEvent = { kind: 'reset' };

/** Limit: a chunk this long would take years; its octets could not be told from commands. */
const chunkBytesMax = 2 ** 48;

// DATA.

/** The owner's answer to DATA: it has room, or has not. */
export function dataAnswered(core: SessionCore, answer: Reply): void {
  if (!isPositive(answer)) {
    core.send(answer);
    return;
  }
  core.openTransaction().reader = readerOf(core, 'dots');
  core.phase = core.leadsTo;
  core.refusals.stage = 'content';
  core.send(answer.code === 354 ? answer : replies.startContent);
}

export function readContent(core: SessionCore): SessionEvent {
  const { reader } = core.openTransaction();
  assert(reader !== undefined, 'content has begun');
  if (reader.ended) return contentComplete(core, reader);
  const { bytes, at } = core.input;
  if (bytes === undefined) return needInput;
  const piece = reader.read(bytes, at);
  core.input.used(reader.at);
  if (piece !== undefined) return { kind: 'content', bytes: piece };
  return reader.ended ? contentComplete(core, reader) : needInput;
}

function contentComplete(core: SessionCore, reader: ContentReader): SessionEvent {
  if (reader.refusal === undefined) return { kind: 'message', bytes: reader.bytes };
  return contentRefused(core, reader.refusal, core.recipients);
}

// BDAT.

/** `refusal`: the command is out of order, but its octets follow all the same. RFC 3030 §2. */
export function bdat(
  core: SessionCore,
  { bytes, last }: Extract<Command, { readonly verb: 'BDAT' }>,
  phase: CommandPhase,
  refusal?: Reply,
): SessionEvent | undefined {
  if (bytes > chunkBytesMax) return core.end(replies.chunkAbsurd, 'refused');
  core.phase = 'chunk';
  const lacking = refusal ?? (core.recipients === 0 ? replies.noRecipients : undefined);
  if (lacking !== undefined) {
    core.chunk = new Chunk(bytes, last, lacking, phase);
    return undefined;
  }
  core.chunk = new Chunk(bytes, last);
  const { reader, binary } = core.openTransaction();
  if (reader === undefined) return { kind: 'data', via: 'BDAT', binary };
  refuseTooBig(core, core.chunk, reader);
  return undefined;
}

// BURL.

// RFC 4468 §3.2: "If no valid RCPT TO address is supplied, the BURL command will simply fail".
export function burl(
  core: SessionCore,
  { url, last }: Extract<Command, { readonly verb: 'BURL' }>,
): SessionEvent | undefined {
  if (core.recipients === 0) return core.send(replies.noRecipients);
  return { kind: 'burl', url, last };
}

/** RFC 4468 §3.2: "If the URL fetch fails, the server will fail the entire transaction." */
export function urlRefused(core: SessionCore, answer: Reply): void {
  core.next = contentRefused(core, answer, 1);
}

/** From here on it is as if a chunk had come: what the client has sent meanwhile follows it. */
export function urlFetched(core: SessionCore, bytes: Uint8Array, last: boolean): void {
  core.input.unshift(bytes);
  core.next = bdat(core, { verb: 'BDAT', bytes: bytes.length, last }, 'transaction');
}

/** The owner's answer to the first chunk. */
export function chunkAnswered(core: SessionCore, answer: Reply): void {
  const { chunk } = core;
  assert(chunk !== undefined, 'BDAT has begun');
  if (!isPositive(answer)) {
    chunk.refusal = answer;
    return;
  }
  const transaction = core.openTransaction();
  transaction.reader = readerOf(core, transaction.binary ? 'octets' : 'lines');
  refuseTooBig(core, chunk, transaction.reader);
}

/** A chunk may be announced longer than the message may still become. */
function refuseTooBig(core: SessionCore, chunk: Chunk, reader: ContentReader): void {
  const { messageSize } = core.facts.limits;
  if (messageSize !== 0 && reader.bytes + chunk.left > messageSize)
    chunk.refusal = reader.refusal ?? replies.messageTooBig;
}

export function readChunk(core: SessionCore): SessionEvent | undefined {
  const { chunk } = core;
  assert(chunk !== undefined, 'BDAT has begun');
  if (chunk.left === 0) return chunkComplete(core, chunk);
  if (core.input.bytes === undefined) return needInput;
  const piece = chunk.read(core.input, core.transaction?.reader);
  return piece === undefined ? undefined : { kind: 'content', bytes: piece };
}

function chunkComplete(core: SessionCore, chunk: Chunk): SessionEvent | undefined {
  const { last, back } = chunk;
  const reader = core.transaction?.reader;
  if (last) reader?.finish();
  const because = chunk.refusal ?? reader?.refusal;
  if (because === undefined) {
    assert(reader !== undefined, 'a chunk is refused or read');
    if (last) return { kind: 'message', bytes: reader.bytes };
    core.chunk = undefined;
    core.phase = after.chunk.more;
    return core.send(replies.chunkOk);
  }
  // Content that failed ends its transaction; BDAT out of order leaves everything as it was.
  if (back === undefined) return contentRefused(core, because, last ? core.recipients : 1);
  if (core.lmtp && last && core.transaction !== undefined) {
    // RFC 2033 §4.3: a reply for each recipient, and there are none.
    core.endTransaction();
    core.phase = after.chunk.refused;
    return reset;
  }
  core.chunk = undefined;
  core.phase = back;
  return core.send(because);
}

// The end of content.

/** `each`: of LMTP, one for each recipient. */
export function messageAnswered(
  core: SessionCore,
  answer: Reply,
  each: readonly Reply[] | undefined,
): void {
  const { recipients } = core;
  // RFC 5321 §4.1.1.4: buffers are cleared whatever the answer.
  core.endTransaction();
  core.phase = after.content.message;
  if (isPositive(answer)) {
    core.errors = 0;
    core.commandsWithoutMail = 0;
  }
  if (each === undefined) sendForEach(core, answer, recipients);
  else
    for (const [index, one] of each.entries()) {
      core.refusals.note(one, index);
      core.output += formatReply(one);
    }
  core.refusals.over();
}

function contentRefused(core: SessionCore, because: Reply, recipients: number): SessionEvent {
  core.refusals.content = core.transaction?.reader?.refused;
  core.endTransaction();
  core.phase = after.content.refused;
  sendForEach(core, because, recipients);
  core.refusals.content = undefined;
  return { kind: 'reset', because };
}

/** RFC 2033 §4.2: in LMTP content is answered once for each recipient. */
function sendForEach(core: SessionCore, answer: Reply, recipients: number): void {
  core.send(answer);
  if (core.lmtp) for (let i = 1; i < recipients; i += 1) core.output += formatReply(answer);
}

function readerOf(core: SessionCore, framing: 'dots' | 'lines' | 'octets'): ContentReader {
  const { bareNewlines, limits } = core.facts;
  return new ContentReader({ framing, bareNewlines, limits });
}
