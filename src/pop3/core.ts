// What all parts of a POP3 session share: where the conversation stands, what it has counted, and the
// way a response goes out. The parts (commands.ts, message-phase.ts, login-phase.ts) are functions of it;
// nobody but them and session.ts may hold one.

import { assert } from '../base/assert.ts';
import type { LineRules } from '../base/line-splitter.ts';
import { LineSplitter } from '../base/line-splitter.ts';
import type { Retrieval } from './command.ts';
import type { CloseReason, Pop3Facts, Question } from './event.ts';
import type { Maildrop } from './maildrop.ts';
import type { MessageEncoder } from './message-encoder.ts';
import { Output } from './output.ts';
import type { Phase } from './phases.ts';
import type { Response } from './response.ts';
import { formatResponse, ok } from './response.ts';

/** LIST and UIDL: `next` is the message where it goes on. */
export interface Listing {
  readonly verb: 'LIST' | 'UIDL';
  readonly next: number;
}

// RFC 1939 §3: printable ASCII, and CRLF ends a line; RFC 6856 §2.2: UTF-8 in user names and passwords.
const lineRules: LineRules = { tabs: false };

export class SessionCore {
  facts: Pop3Facts;
  phase: Phase = 'authorization';
  /** Where the present command leads. */
  leadsTo: Phase = 'authorization';
  /** Why the phase is 'closed'. */
  closed: CloseReason = 'quit';
  readonly input = new LineSplitter(lineRules);
  readonly output = new Output();
  question: Question | undefined;
  /** Whom USER named. */
  user: string | undefined;
  /** From the login to the end. */
  maildrop: Maildrop | undefined;
  /** How much of the message in 'message' is wanted. */
  retrieval: Retrieval | undefined;
  /** Where its pieces go in 'pieces'. */
  encoder: MessageEncoder | undefined;
  /** How far it is in 'listing'. */
  listing: Listing | undefined;
  utf8 = false;
  commands = 0;
  errors = 0;
  failedLogins = 0;

  constructor(facts: Pop3Facts) {
    this.facts = facts;
  }

  /** For what the table of phases allows only after a login: asserts that there was one. */
  openMaildrop(): Maildrop {
    assert(this.maildrop !== undefined, 'a mailbox is open');
    return this.maildrop;
  }

  /** Returns undefined: there is no event in it for the owner. */
  say(response: Response): undefined {
    this.output.text(formatResponse(response));
  }

  /** Says no to what a client that knows the protocol does not do. */
  mistake(response: Response): undefined {
    this.errors += 1;
    this.say(response);
  }

  /** A multi-line response; none of the lines begins with a dot. */
  lines(first: Response, lines: readonly string[]): undefined {
    this.say(first);
    for (const line of lines) this.output.text(`${line}\r\n`);
    this.output.text('.\r\n');
  }

  goodbye(text: string): Response {
    return ok(`${this.facts.hostname} POP3 ${text}`);
  }

  /** The last response of the conversation. */
  end(response: Response, reason: CloseReason): undefined {
    assert(this.question === undefined, 'the last question was answered');
    this.say(response);
    this.close(reason);
  }

  close(reason: CloseReason): void {
    this.phase = 'closed';
    this.closed = reason;
    this.maildrop = undefined;
    this.input.clear();
  }
}
