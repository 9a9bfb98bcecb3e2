// What all parts of a client's session share: where the conversation stands, what is known of the server, and the
// ways a command goes out and a session ends. The parts (greeting.ts, login-phase.ts, sending.ts) are functions of it;
// nobody but them and session.ts may hold one.

import { assert } from '../../base/assert.ts';
import type { SaslClient } from '../../sasl/mechanism.ts';
import type { Reply } from '../reply.ts';
import { formatReply } from '../reply.ts';
import { noCapabilities } from './capabilities.ts';
import { closureReply, during, inAnswerTo } from './closure.ts';
import type { ClientEvent, Closure, RecipientAnswer, Stage } from './event.ts';
import type { ClientSessionOptions } from './options.ts';
import type { AskedPhase, Phase } from './phases.ts';
import { stageOf } from './phases.ts';
import { briefReply, ReplyReader } from './reply-reader.ts';
import type { ClientTimeouts } from './timeouts.ts';
import { defaultTimeouts } from './timeouts.ts';
import type { Transaction } from './transaction.ts';

/** An exchange that is under way. */
export interface LoginExchange {
  readonly client: SaslClient;
  /** The initial response, where it waits for a challenge. */
  held: Uint8Array | undefined;
  /** We have cancelled it. */
  failed: boolean;
}

const ready: ClientEvent = { kind: 'ready' };

export class SessionCore {
  readonly options: ClientSessionOptions;
  readonly timeouts: ClientTimeouts;
  readonly reader = new ReplyReader();
  readonly send = (piece: string | Uint8Array): void => {
    this.output.push(piece);
  };
  output: (string | Uint8Array)[] = [];
  phase: Phase = 'greeting';
  /** In 'transaction'. */
  transaction: Transaction | undefined;
  /** In 'AUTH'. */
  login: LoginExchange | undefined;
  capabilities = noCapabilities;
  /** In 'closed'. */
  closure: Closure | undefined;
  /** An event that happened together with one that was returned. */
  queued: ClientEvent | undefined;
  /** The server may believe that a transaction is open. */
  leftOpen = false;

  constructor(options: ClientSessionOptions) {
    this.options = options;
    this.timeouts = options.timeouts ?? defaultTimeouts;
  }

  get stage(): Stage {
    return this.phase === 'transaction' ? this.openTransaction().stage : stageOf(this.phase);
  }

  /** When something is missing, in words. With BDAT all of a message may be out before anything is answered. */
  get moment(): string {
    return during(this.transaction?.complete === true ? 'end of data' : this.stage);
  }

  /** For what only a transaction has: asserts that there is one. */
  openTransaction(): Transaction {
    assert(this.transaction !== undefined, 'content belongs to a transaction');
    return this.transaction;
  }

  /** A command goes out; `shown` is what a trace has of it. */
  command(phase: AskedPhase, line: string, shown = line): void {
    this.options.trace?.('C', shown);
    this.phase = phase;
    this.send(`${line}\r\n`);
  }

  becomeReady(): ClientEvent {
    this.phase = 'ready';
    return ready;
  }

  refused(verb: 'STARTTLS' | 'AUTH' | 'RSET', reply: Reply): ClientEvent {
    this.phase = 'ready';
    return { kind: 'refused', verb, reply };
  }

  /** The server does not want us, or no longer. */
  unwelcome(reply: Reply): undefined {
    // RFC 5321 §3.1: a server that refuses the session still waits for QUIT; after 421 nobody does.
    if (reply.code !== 421) this.send('QUIT\r\n');
    this.close({ kind: 'refused', stage: this.stage, reply: briefReply(reply) });
  }

  /** The server breaks the rules: `text` says how. */
  broken(text: string): undefined {
    this.close({ kind: 'broken', stage: this.stage, text: `${text} ${inAnswerTo(this.stage)}` });
  }

  /** The stream ended or broke. */
  lost(text: string): void {
    this.close({ kind: 'lost', stage: this.stage, text: `${text} ${this.moment}` });
  }

  /** Ends everything. An open transaction gets its answers first. */
  close(because: Closure): undefined {
    const { transaction } = this;
    this.closure = because;
    this.phase = 'closed';
    this.transaction = undefined;
    this.login = undefined;
    this.reader.clear();
    if (transaction === undefined) return;
    this.output = [];
    const answers = transaction.answerRest(closureReply(because), because.kind === 'refused');
    this.queued = sent(transaction, answers);
  }

  traceReply(reply: Reply): void {
    const { trace } = this.options;
    if (trace === undefined) return;
    // Challenges of AUTH are left out of traces: with them and the answer a password can be guessed offline.
    const isChallenge = this.phase === 'AUTH' && reply.code === 334;
    const text = isChallenge ? '334 ***' : formatReply(reply);
    for (const line of text.trimEnd().split('\r\n')) trace('S', line);
  }
}

export const sent = (
  transaction: Transaction,
  answers: readonly RecipientAnswer[],
): ClientEvent => ({
  kind: 'sent',
  answers,
  answered: transaction.answered,
  complete: transaction.complete,
  ...(transaction.unchunked && { unchunked: true }),
});
