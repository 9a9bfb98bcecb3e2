// What all parts of an IMAP session share: where the conversation stands, what it has counted, and the
// way a response goes out. The parts (commands.ts, command-phase.ts, append-phase.ts, login-phase.ts)
// are functions of it; nobody but them and session.ts may hold one.

import { assert } from '../../base/assert.ts';
import { capabilitiesAfterLogin, capabilitiesBeforeLogin } from '../capabilities.ts';
import type { CloseReason, Completion, Enabled, ImapFacts, Question } from '../event.ts';
import { formatCompletion, formatText } from '../format.ts';
import type { AppendFlow } from './append-flow.ts';
import type { Announcement } from './command-reader.ts';
import { CommandReader } from './command-reader.ts';
import { ImapInput } from './input.ts';
import { Output } from './output.ts';
import type { LoginState, Phase } from './phases.ts';
import { loginAfter } from './phases.ts';

export const completion = (
  status: Completion['status'],
  text: string,
  code?: string,
): Completion => ({ kind: 'completion', status, code, text });

export class SessionCore {
  facts: ImapFacts;
  phase: Phase = 'command';
  login: LoginState = 'not-authenticated';
  /** Why the phase is 'closed'. */
  closed: CloseReason = 'logout';
  readonly input = new ImapInput();
  readonly reader = new CommandReader(this.input);
  readonly output = new Output();
  question: Question | undefined;
  /** Of the command that is being executed. */
  tag = '*';
  /** While an APPEND or REPLACE comes. */
  append: AppendFlow | undefined;
  /** The owner holds part of an APPEND, and must be told (`append-aborted`) if the command fails. */
  appendBegun = false;
  /** The next event is `append-aborted`. */
  abortOwed = false;
  /** The literal that follows the piece that was read last. */
  announced: Announcement | undefined;
  /** Octets of the present message or text that are still to come. */
  left = 0;
  /** What IDLE is completed with. */
  idleCompletion: Completion | undefined;
  readonly enabled = new Set<Enabled>();
  compressed = false;
  commands = 0;
  /** Before a login. */
  strangersCommands = 0;
  /** Without a command that was right between them. */
  errors = 0;
  failedLogins = 0;

  constructor(facts: ImapFacts) {
    this.facts = facts;
  }

  get loggedIn(): boolean {
    return this.login !== 'not-authenticated';
  }

  ask(question: Question): Question {
    this.question = question;
    return question;
  }

  countCommand(): undefined {
    this.commands += 1;
    if (this.loggedIn) return;
    this.strangersCommands += 1;
    if (this.strangersCommands > this.facts.limits.commandsBeforeLogin)
      this.end('Too many commands without a login', 'errors');
  }

  untagged(response: string): void {
    if (this.phase !== 'closed') this.output.text(`* ${response}\r\n`);
  }

  /** The tagged response. Returns undefined: there is no event in it for the owner. */
  complete(answer: Completion): undefined {
    if (answer.bye !== undefined) this.untagged(`BYE ${formatText(answer.bye)}`);
    this.say(this.tag, this.#withCapabilities(answer));
    if (answer.bye !== undefined) return this.close('refused');
    // A connection may last for days, so only mistakes in a row count.
    if (answer.status === 'OK' && this.loggedIn) this.errors = 0;
    if (answer.status !== 'BAD') return;
    this.errors += 1;
    if (this.errors >= this.facts.limits.errorsPerConnection) this.end('Too many errors', 'errors');
  }

  say(tag: string, answer: Completion): void {
    this.output.text(formatCompletion(tag, answer));
  }

  /** RFC 9051 §7.1, CAPABILITY: a login says what can be done now. */
  #withCapabilities(answer: Completion): Completion {
    this.#enter(answer.state);
    if (answer.state !== 'authenticated') return answer;
    if (answer.code === undefined) return { ...answer, code: this.capabilities() };
    this.untagged(this.capabilities());
    return answer;
  }

  #enter(state: Completion['state']): void {
    if (state === undefined) return;
    this.login = loginAfter[state];
    if (state === 'authenticated') {
      this.failedLogins = 0;
    } else if (state === 'unauthenticated') {
      // RFC 8437 §4.1: all is as it was, but for TLS.
      this.enabled.clear();
      this.strangersCommands = 0;
    }
  }

  capabilities(): string {
    const offered = this.loggedIn
      ? capabilitiesAfterLogin(this.facts, this.compressed)
      : capabilitiesBeforeLogin(this.facts);
    return `CAPABILITY ${offered}`;
  }

  abortAppend(): void {
    if (this.appendBegun) this.abortOwed = true;
    this.appendBegun = false;
    this.append = undefined;
  }

  /** Says BYE, unless TLS is just about to begin. */
  end(because: string, reason: CloseReason, code?: string): undefined {
    assert(this.question === undefined, 'questions are answered first');
    if (this.phase === 'closed') return;
    this.abortAppend();
    const shown = code === undefined ? because : `[${code}] ${because}`;
    if (this.phase !== 'handshake') this.untagged(`BYE ${shown}`);
    return this.close(reason);
  }

  endless(): undefined {
    return this.end('That is too much', 'errors', 'TOOBIG');
  }

  close(reason: CloseReason): undefined {
    this.input.clear();
    this.phase = 'closed';
    this.closed = reason;
  }
}
