// A message given to a session: as a transaction, or answered without one where there is no point in asking.
// RFC 5321 §3.3, RFC 1870 §6.1, RFC 2033 §4.2.

import { assert } from '../../base/assert.ts';
import type { Reply } from '../reply.ts';
import { reply as makeReply } from '../reply.ts';
import { closureReply } from './closure.ts';
import type { SessionCore } from './core.ts';
import { sent } from './core.ts';
import type { ClientEvent, Outgoing } from './event.ts';
import { briefReply } from './reply-reader.ts';
import { Transaction, tooBig } from './transaction.ts';

const wantContent: ClientEvent = { kind: 'content' };
const noAnswer = makeReply(451, '5.0', 'The next host did not answer for this recipient');

export function beginTransaction(core: SessionCore, outgoing: Outgoing): void {
  const { messageBytesMax } = core.capabilities;
  // RFC 1870 §6.1: over the declared fixed limit there is no point in asking.
  if (contentSize(outgoing) > messageBytesMax) {
    answerAll(core, outgoing, { reply: tooBig(messageBytesMax), stage: 'MAIL', remote: false });
    return;
  }
  const { protocol, chunking = true, trace } = core.options;
  const transaction = new Transaction({
    outgoing,
    capabilities: core.capabilities,
    protocol,
    chunking,
    resetFirst: core.leftOpen,
    send: core.send,
    trace: trace && ((line) => trace('C', line)),
  });
  core.phase = 'transaction';
  core.transaction = transaction;
  transaction.start();
}

/** The session has ended before anything of the message was sent. */
export function answerUnsent(core: SessionCore, outgoing: Outgoing): void {
  const { closure } = core;
  assert(closure !== undefined, 'the session was interrupted');
  const remote = closure.kind === 'refused';
  answerAll(core, outgoing, { reply: closureReply(closure), stage: 'idle', remote });
}

export function transactionAnswered(core: SessionCore, reply: Reply): ClientEvent | undefined {
  const transaction = core.openTransaction();
  const step = transaction.onReply(briefReply(reply));
  if (step === 'wait') return undefined;
  if (step === 'content') return wantContent;
  if (step !== 'done') return core.broken(step.problem);
  core.leftOpen = transaction.leftOpen;
  core.phase = 'ready';
  core.transaction = undefined;
  return sent(transaction, transaction.answerRest(noAnswer, false));
}

interface LocalAnswer {
  readonly reply: Reply;
  readonly stage: 'MAIL' | 'idle';
  readonly remote: boolean;
}

function answerAll(core: SessionCore, { recipients }: Outgoing, answer: LocalAnswer): void {
  const answers = recipients.map(() => answer);
  core.queued = { kind: 'sent', answers, answered: answer.stage !== 'idle', complete: false };
}

function contentSize({ content }: Outgoing): number {
  if (content.kind === 'stream') return content.size;
  let size = 0;
  for (const piece of content.pieces) size += piece.length;
  return size;
}
