// The server's half of an IMAP conversation, without I/O: IMAP4rev2 (RFC 9051) and IMAP4rev1
// (RFC 3501). Bytes go in through receive(); next() returns what happened; the owner answers every
// question; output() is what to send. It reads no clock, opens no file and knows no user or mailbox:
// it can be run from a string. Which command may come when is a table: phases.ts.

import { assert, unreachable } from '../../base/assert.ts';
import type { Answer, Completion, Enabled, ImapFacts, SessionEvent } from '../event.ts';
import { outputBytes } from '../limits.ts';
import type { ImapMachine, ImapMachineFactory } from '../machine.ts';
import { appendAnswered, appendEnded, continueAppend, readContent } from './append-phase.ts';
import { readCommand } from './command-phase.ts';
import { completion, SessionCore } from './core.ts';
import { completeIdle, idleAnswered, readDone } from './idle-phase.ts';
import { loginAnswered, readResponse } from './login-phase.ts';
import { after } from './phases.ts';

const needInput: SessionEvent = { kind: 'need-input' };
const flush: SessionEvent = { kind: 'flush' };
const appendAborted: SessionEvent = { kind: 'append-aborted' };

export class ImapSession implements ImapMachine {
  readonly #core: SessionCore;

  constructor(facts: ImapFacts) {
    const core = new SessionCore(facts);
    this.#core = core;
    // RFC 9051 §7.1: the greeting; with the capabilities a client need not ask for them.
    const text = `${facts.hostname} IMAP server ready`;
    core.say('*', completion('OK', text, core.capabilities()));
  }

  // What the owner may ask.

  get commands(): number {
    return this.#core.commands;
  }

  get idle(): boolean {
    const { phase, append, question, reader } = this.#core;
    return phase === 'command' && append === undefined && question === undefined && reader.fresh;
  }

  /** What it is at: IDLE and the like, or else its state. RFC 9051 §3. */
  get phase(): string {
    const { phase, login } = this.#core;
    return phase === 'command' ? login : phase;
  }

  get loggedIn(): boolean {
    return this.#core.loggedIn;
  }

  get timeoutMs(): number {
    const { idleTimeout, loginTimeout } = this.#core.facts.limits;
    return this.loggedIn ? idleTimeout : loginTimeout;
  }

  isEnabled(extension: Enabled): boolean {
    return this.#core.enabled.has(extension);
  }

  get outputSize(): number {
    return this.#core.output.size;
  }

  // What the owner does.

  receive(bytes: Uint8Array): void {
    const { phase, input } = this.#core;
    // RFC 9051 §6.2.1: between the OK and the handshake there is nothing to be believed.
    if (phase !== 'closed' && phase !== 'handshake') input.push(bytes);
  }

  next(): SessionEvent {
    const core = this.#core;
    assert(core.question === undefined, 'the last question was answered');
    for (;;) {
      if (core.abortOwed) {
        core.abortOwed = false;
        return appendAborted;
      }
      if (core.output.size >= outputBytes) return flush;
      const event = this.#step();
      if (event === undefined) continue; // we answered it ourselves
      if (event.kind === 'need-input') core.input.hold();
      return event;
    }
  }

  answer(answer: Answer): void {
    const core = this.#core;
    const { question } = core;
    assert(question !== undefined, 'there is a question to answer');
    core.question = undefined;
    switch (question.kind) {
      case 'login':
      case 'authenticate':
      case 'auth-response':
        loginAnswered(core, question, answer);
        break;
      case 'command':
        core.complete(completionIn(answer));
        break;
      case 'append':
      case 'append-part':
        appendAnswered(core, question, answer);
        break;
      case 'append-end':
        appendEnded(core, completionIn(answer));
        break;
      case 'idle':
        idleAnswered(core, answer);
        break;
      default:
        unreachable(question);
    }
  }

  untagged(response: string): void {
    this.#core.untagged(response);
  }

  raw(octets: Uint8Array | string): void {
    const { phase, output } = this.#core;
    if (phase === 'closed') return;
    if (typeof octets === 'string') output.text(octets);
    else output.bytes(octets);
  }

  output(): readonly (Uint8Array | string)[] {
    return this.#core.output.take();
  }

  tlsStarted(mechanisms: readonly string[]): void {
    const core = this.#core;
    assert(core.phase === 'handshake', 'STARTTLS comes before TLS');
    core.facts = { ...core.facts, secure: true, mechanisms };
    // CVE-2011-0411, CVE-2021-33515: what came in the clear behind STARTTLS is not part of the
    // protected session.
    core.input.clear();
    core.reader.clear();
    core.phase = after.handshake.secure;
  }

  shuttingDown(because = 'Shutting down, come back soon'): void {
    this.#core.end(because, 'shutdown');
  }

  timedOut(): void {
    this.#core.end('Nothing was said for too long', 'timeout');
  }

  // From here on: input to events.

  #step(): SessionEvent | undefined {
    const core = this.#core;
    switch (core.phase) {
      case 'command':
        return readCommand(core);
      case 'append':
        return continueAppend(core);
      case 'content':
        return readContent(core);
      case 'auth':
        return readResponse(core);
      case 'idle':
        return readDone(core);
      case 'idle-done':
        return completeIdle(core);
      case 'handshake':
        return needInput;
      case 'closed':
        return { kind: 'close', reason: core.closed };
      default:
        return unreachable(core.phase);
    }
  }
}

function completionIn(answer: Answer): Completion {
  assert(answer.kind === 'completion', 'this question is answered with a completion');
  return answer;
}

export const createImapSession: ImapMachineFactory = (facts) => new ImapSession(facts);
