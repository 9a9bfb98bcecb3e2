// The server's half of a POP3 conversation, without I/O. Bytes go in through receive(); next()
// returns what happened; the owner answers every question; output() is what to send. It reads no
// clock, opens no file and knows no user: it can be run from a string. RFC 1939, 2449, 2595, 5034,
// 6856. Messages go only by QUIT: whatever else ends the conversation removes nothing (RFC 1939 §6).
// Which command may come when is a table: phases.ts.

import { assert, unreachable } from '../base/assert.ts';
import type { Line, MalformedLine } from '../base/line-splitter.ts';
import type { Command } from './command.ts';
import { parseCommand } from './command.ts';
import { contents, continueListing, perform, updated } from './commands.ts';
import { SessionCore } from './core.ts';
import type { Answer, Pop3Facts, Question, SessionEvent } from './event.ts';
import { isQuestion } from './event.ts';
import { authLineBytesMax, commandBytesMax, outputBytes } from './limits.ts';
import { challenged, isLogin, loginRefused, readResponse } from './login-phase.ts';
import type { MessageList } from './maildrop.ts';
import { Maildrop } from './maildrop.ts';
import { beginPieces, endPieces, sendPiece, sendWhole } from './message-phase.ts';
import type { CommandPhase } from './phases.ts';
import { after, commands } from './phases.ts';
import type { Response } from './response.ts';
import { ok, responses } from './response.ts';

const needInput: SessionEvent = { kind: 'need-input' };
const flush: SessionEvent = { kind: 'flush' };

export class Pop3Session {
  readonly #core: SessionCore;

  constructor(facts: Pop3Facts) {
    this.#core = new SessionCore(facts);
    // RFC 1939 §7: without angle brackets, which would offer APOP.
    this.#core.say(ok(`${facts.hostname} POP3 server ready`));
  }

  // What the owner may ask.

  /** Lines read so far: changes whenever a new wait for a command begins. */
  get commands(): number {
    return this.#core.commands;
  }

  /** Nothing is marked as deleted: the connection can be ended without loss. */
  get idle(): boolean {
    const { maildrop, phase } = this.#core;
    return maildrop === undefined || (phase === 'transaction' && !maildrop.hasDeleted);
  }

  /** RFC 1939 §3. */
  get phase(): string {
    return this.#core.phase;
  }

  get loggedIn(): boolean {
    return this.#core.maildrop !== undefined;
  }

  get secure(): boolean {
    return this.#core.facts.secure;
  }

  get timeoutMs(): number {
    return this.#core.facts.limits.idleTimeout;
  }

  // What the owner does.

  /** The bytes must stay as they are until next() says `need-input`. */
  receive(bytes: Uint8Array): void {
    const { phase, input } = this.#core;
    // RFC 2595 §4: between the +OK and the handshake there is nothing to be believed.
    if (phase !== 'closed' && phase !== 'handshake') input.push(bytes);
  }

  next(): SessionEvent {
    const core = this.#core;
    assert(core.question === undefined, 'the last question was answered');
    for (;;) {
      if (core.output.size >= outputBytes) return flush;
      const event = this.#step();
      if (event === undefined) continue; // we answered it ourselves
      if (isQuestion(event)) core.question = event;
      return event;
    }
  }

  answer(answer: Answer): void {
    const core = this.#core;
    const { question } = core;
    assert(question !== undefined, 'there is a question to answer');
    core.question = undefined;
    switch (answer.kind) {
      case 'opened':
        this.#opened(question, answer.messages);
        break;
      case 'challenge':
        challenged(core, question, answer.bytes);
        break;
      case 'content':
        sendWhole(core, answer.bytes);
        break;
      case 'pieces':
        beginPieces(core);
        break;
      case 'updated':
        assert(core.phase === 'update', 'QUIT comes before the update');
        updated(core);
        break;
      case 'refused':
        this.#refused(question, answer.response, answer.close === true);
        break;
      default:
        unreachable(answer);
    }
  }

  /** A piece of the message. False when no more of it is wanted: TOP is served. */
  content(bytes: Uint8Array): boolean {
    return sendPiece(this.#core, bytes);
  }

  contentEnd(): void {
    endPieces(this.#core);
  }

  /** What to send, in order; taken once. Text is ASCII. */
  output(): readonly (string | Buffer)[] {
    return this.#core.output.take();
  }

  /** The owner has no use any more for what output() gave. */
  sent(piece: string | Buffer): void {
    this.#core.output.sent(piece);
  }

  /** The handshake is done. RFC 2595 §4: still AUTHORIZATION, with what is offered now. */
  tlsStarted(mechanisms: readonly string[]): void {
    const core = this.#core;
    assert(core.phase === 'handshake', 'STLS comes before TLS');
    core.facts = { ...core.facts, secure: true, mechanisms };
    // CVE-2011-0411: what came in the clear after STLS is not part of the protected session.
    core.input.clear();
    core.user = undefined;
    core.phase = after.handshake.secure;
  }

  shuttingDown(): void {
    this.#core.end(responses.shuttingDown, 'shutdown');
  }

  // From here on: input to events.

  #step(): SessionEvent | undefined {
    const core = this.#core;
    switch (core.phase) {
      case 'authorization':
      case 'transaction':
        return this.#readCommand(core.phase);
      case 'auth':
        return readResponse(core);
      case 'listing':
        assert(core.listing !== undefined, 'a listing is being sent');
        return continueListing(core, core.listing);
      case 'handshake':
        return needInput;
      case 'closed':
        return { kind: 'close', reason: core.closed };
      case 'message':
      case 'pieces':
      case 'update':
        throw new Error('the owner has not finished its answer');
      default:
        return unreachable(core.phase);
    }
  }

  #readCommand(phase: CommandPhase): SessionEvent | undefined {
    const core = this.#core;
    const line = core.input.takeLine(commandBytesMax, lineLimit);
    if (line === undefined) return needInput;
    core.commands += 1;
    const command = commandOf(line);
    const { limits } = core.facts;
    if (command.verb !== 'QUIT') {
      if (core.errors >= limits.errors) return core.end(responses.tooManyErrors, 'errors');
      if (phase === 'authorization' && core.commands > limits.commandsBeforeLogin)
        return core.end(responses.tooManyCommands, 'errors');
    }
    if (command.verb === 'malformed') return core.mistake(command.answer);
    const next = commands[command.verb][phase];
    if (typeof next !== 'string') return core.mistake(next);
    core.leadsTo = next;
    return perform(core, command);
  }

  // Answers of the owner.

  #opened(question: Question, messages: MessageList): void {
    const core = this.#core;
    assert(isLogin(question), 'a mailbox is opened by a login');
    core.user = undefined;
    core.maildrop = new Maildrop(messages);
    core.phase = after.auth.success;
    core.errors = 0;
    core.say(ok(`maildrop has ${contents(core.maildrop)}`));
  }

  #refused(question: Question, response: Response, close: boolean): void {
    const core = this.#core;
    if (question.kind === 'update') {
      core.end(response, 'refused');
      return;
    }
    if (question.kind === 'message') core.phase = after.message.refused;
    if (isLogin(question)) loginRefused(core);
    core.say(response);
    if (close) core.close('refused');
    else if (core.failedLogins >= core.facts.limits.failedLogins)
      core.end(responses.tooManyLogins, 'errors');
  }
}

const lineLimit = (word: string): number => (word === 'AUTH ' ? authLineBytesMax : commandBytesMax);

const commandOf = (line: Line): Command =>
  line.kind === 'line' ? parseCommand(line.text) : malformed[line.kind];

const malformed: Readonly<Record<MalformedLine, Command>> = {
  'too-long': { verb: 'malformed', answer: responses.lineTooLong },
  'not-printable': { verb: 'malformed', answer: responses.badLine },
  'bad-utf8': { verb: 'malformed', answer: responses.badUtf8 },
};
