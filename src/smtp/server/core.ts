// What all parts of a server session share: where the conversation stands, what it has counted, and the
// way a reply goes out. The parts (commands.ts, content-phase.ts, login-phase.ts, greeting.ts) are
// functions of it; nobody but them and session.ts may hold one.

import { assert } from '../../base/assert.ts';
import type { LineRules } from '../../base/line-splitter.ts';
import { LineSplitter } from '../../base/line-splitter.ts';
import type { Reply } from '../reply.ts';
import { formatReply, isPermanent } from '../reply.ts';
import type { CloseReason, ServerFacts, SessionEvent } from './event.ts';
import type { Phase } from './phases.ts';
import { Refusals } from './refusals.ts';
import type { Chunk, Transaction } from './transaction.ts';

// RFC 5321 §2.3.8: an LF alone ends no line. §4.1.2: no control characters.
// Field: tabs at the end of lines, or in what a client calls itself.
const lineRules: LineRules = { tabs: true };

export class SessionCore {
  facts: ServerFacts;
  phase: Phase = 'connect';
  /** Where a positive answer to the present command leads. */
  leadsTo: Phase = 'connect';
  /** Why the phase is 'closed'. */
  closed: CloseReason = 'quit';
  /** While one is open. */
  transaction: Transaction | undefined;
  /** While its octets are read. */
  chunk: Chunk | undefined;
  readonly input = new LineSplitter(lineRules);
  output = '';
  /** An event that next() returns before it reads anything else. */
  next: SessionEvent | undefined;
  /** The present line is ASCII. */
  ascii = true;
  extended = false;
  /** By a proxy, before we greeted. */
  introduced = false;
  authenticated = false;
  /** Since the last message that was accepted, as `commandsWithoutMail`. */
  errors = 0;
  commandsWithoutMail = 0;
  /** Transactions in this connection. */
  messages = 0;
  /** Of recipients that were accepted in this connection, where their number is limited. */
  domains: Set<string> | undefined;
  readonly refusals = new Refusals();

  constructor(facts: ServerFacts) {
    this.facts = facts;
  }

  get lmtp(): boolean {
    return this.facts.protocol === 'lmtp';
  }

  get recipients(): number {
    return this.transaction?.recipients ?? 0;
  }

  /** To be followed by the phase that comes then. */
  endTransaction(): void {
    this.transaction = undefined;
    this.chunk = undefined;
  }

  /** Gives a reply. Returns undefined: there is no event in it for the owner. */
  send(answer: Reply): undefined {
    this.refusals.note(answer);
    if (isPermanent(answer)) this.errors += 1;
    this.output += formatReply(answer);
    // RFC 5321 §3.8: 421 closes the channel, whoever says it.
    if (answer.code === 421) this.close('refused');
  }

  /** The last reply of the conversation. */
  end(answer: Reply, reason: CloseReason): undefined {
    this.refusals.note(answer);
    this.output += formatReply(answer);
    this.close(reason);
  }

  close(reason: CloseReason): void {
    this.phase = 'closed';
    this.closed = reason;
    this.endTransaction();
    this.input.clear();
    this.next = undefined;
  }

  /** For a command that the table of phases allows: asserts that it does. */
  openTransaction(): Transaction {
    assert(this.transaction !== undefined, 'a transaction is open');
    return this.transaction;
  }
}
