// The server's half of an SMTP or LMTP conversation, without I/O. Bytes go in through receive();
// next() returns what happened; the owner answers every question with a Reply; output() is what to
// send. It reads no clock, opens no file and knows no user: it can be run from a string.
// RFC 5321, 2033 (LMTP), 2920, 3030, 3207, 4954, 6531. It asserts on its owner's mistakes and never
// on the peer's. Which command may come when is a table: phases.ts.

import { assert, unreachable } from '../../base/assert.ts';
import type { Mailbox } from '../../mail/fields/address.ts';
import { domainKey } from '../../mail/fields/address.ts';
import { encodeBase64 } from '../../sasl/base64.ts';
import { extraBytes } from '../extensions/index.ts';
import { authLineBytes, commandLineBytes, xclientLineBytes } from '../limits.ts';
import type { Reply } from '../reply.ts';
import { isPermanent, isPositive, replies } from '../reply.ts';
import { unavailable } from './availability.ts';
import { commandOf, isIdle } from './command-line.ts';
import type { Understood } from './commands.ts';
import { perform } from './commands.ts';
import {
  bdat,
  chunkAnswered,
  dataAnswered,
  messageAnswered,
  readChunk,
  readContent,
  urlFetched,
  urlRefused,
} from './content-phase.ts';
import { SessionCore } from './core.ts';
import type { NewClient, Question, Refused, ServerFacts, SessionEvent } from './event.ts';
import { isQuestion } from './event.ts';
import { greeted, helloAnswered } from './greeting.ts';
import { respond, takeResponse } from './login-phase.ts';
import type { CommandPhase, Phase } from './phases.ts';
import { after, commands } from './phases.ts';
import { Transaction } from './transaction.ts';

const needInput: SessionEvent = { kind: 'need-input' };
const turned: SessionEvent = { kind: 'turned' };

export class ServerSession {
  readonly #core: SessionCore;
  #question: Question | undefined;
  #commands = 0;

  constructor(facts: ServerFacts) {
    assert(/^[^\x00-\x20\x7f]+$/.test(facts.hostname), 'our name is one word');
    this.#core = new SessionCore(facts);
  }

  // What the owner may ask.

  get phase(): Phase {
    return this.#core.phase;
  }

  /** Lines read so far: changes whenever a new wait for a command begins. */
  get commands(): number {
    return this.#commands;
  }

  /** No transaction is open: the connection can be ended without loss. */
  get idle(): boolean {
    return this.#core.transaction === undefined && this.#core.chunk === undefined;
  }

  /** Content is awaited, not a command. */
  get inContent(): boolean {
    const { phase } = this.#core;
    return phase === 'content' || phase === 'chunk';
  }

  /** How long to wait for input in the present phase. RFC 5321 §4.5.3.2. */
  get timeoutMs(): number {
    const { commandTimeout, contentTimeout } = this.#core.facts.limits;
    return this.inContent ? contentTimeout : commandTimeout;
  }

  get secure(): boolean {
    return this.#core.facts.secure;
  }

  /** The client said EHLO or LHLO. */
  get extended(): boolean {
    return this.#core.extended;
  }

  get authenticated(): boolean {
    return this.#core.authenticated;
  }

  // What the owner does.

  /** The bytes must stay as they are until next() says `need-input`. */
  receive(bytes: Uint8Array): void {
    const { phase, input } = this.#core;
    // RFC 3207 §4: between the 220 and the handshake there is nothing to be believed.
    if (phase !== 'closed' && phase !== 'handshake') input.push(bytes);
  }

  next(): SessionEvent {
    assert(this.#question === undefined, 'the last question was answered');
    for (;;) {
      const event = this.#takeNext() ?? this.#step();
      if (event === undefined) continue; // we answered it ourselves
      if (isQuestion(event)) this.#question = event;
      return event;
    }
  }

  /** In LMTP, a single answer to `message` is the answer for each recipient. */
  answer(answer: Reply): void {
    const core = this.#core;
    const question = this.#takeQuestion();
    switch (question.kind) {
      case 'connect':
        greeted(core, answer);
        break;
      case 'hello':
        helloAnswered(core, question.verb, answer);
        break;
      case 'mail':
        if (isPositive(answer)) this.#opened(new Transaction(question.params));
        core.send(answer);
        break;
      case 'rcpt':
        if (isPositive(answer)) this.#accepted(question.to);
        core.send(answer);
        break;
      case 'data':
        if (question.via === 'DATA') dataAnswered(core, answer);
        else chunkAnswered(core, answer);
        break;
      case 'message':
        messageAnswered(core, answer, undefined);
        break;
      case 'auth':
      case 'auth-response':
        this.#authAnswered(answer);
        break;
      case 'xclient':
        assert(!isPositive(answer), 'XCLIENT is answered by the next greeting');
        core.send(answer);
        break;
      case 'burl':
        assert(!isPositive(answer), 'what was fetched is given to fetched()');
        urlRefused(core, answer);
        break;
      case 'atrn':
        core.send(answer);
        if (isPositive(answer)) core.phase = core.leadsTo;
        break;
      case 'unknown':
        assert(!isPositive(answer), 'nobody knows what it means');
        // It counts as an error, whatever the reply.
        if (!isPermanent(answer)) core.errors += 1;
        core.send(answer);
        break;
      case 'vrfy':
      case 'expn':
      case 'etrn':
        core.send(answer);
        break;
      default:
        unreachable(question);
    }
  }

  /** LMTP's answer to `message`: one reply for each accepted RCPT, in order. RFC 2033 §4.2. */
  answerEach(answers: readonly Reply[]): void {
    const question = this.#takeQuestion();
    const { lmtp, recipients } = this.#core;
    assert(question.kind === 'message', 'only a message has a reply for each recipient');
    assert(lmtp, 'only LMTP has a reply for each recipient');
    const [first] = answers;
    assert(first !== undefined && answers.length === recipients, 'one for each recipient');
    messageAnswered(this.#core, answers.find(isPositive) ?? first, answers);
  }

  /** RFC 4954 §4: the exchange goes on with a 334; an empty challenge is "334 ". */
  challenge(bytes: Uint8Array): void {
    const { kind } = this.#takeQuestion();
    assert(kind === 'auth' || kind === 'auth-response', 'challenges belong to AUTH');
    this.#core.phase = after.auth.challenge;
    this.#core.output += `334 ${encodeBase64(bytes)}\r\n`;
  }

  /** The answer to `xclient`: the conversation begins anew, with somebody else. */
  clientTold({ trusted, xclient, authenticated, introduced }: NewClient): void {
    const { kind } = this.#takeQuestion();
    const core = this.#core;
    assert(kind === 'xclient', 'only a proxy tells of clients');
    core.facts = { ...core.facts, trusted, xclient };
    core.phase = core.leadsTo;
    core.introduced = introduced !== undefined;
    core.extended = introduced === 'EHLO';
    core.authenticated = authenticated;
    core.errors = 0;
    core.commandsWithoutMail = 0;
    core.messages = 0;
    core.domains = undefined;
  }

  /** RFC 4468: the octets that the URL names. They must stay as they are until next() says `need-input`. */
  fetched(bytes: Uint8Array): void {
    const question = this.#takeQuestion();
    assert(question.kind === 'burl', 'somebody gave a URL');
    urlFetched(this.#core, bytes, question.last);
  }

  /** What to send; '' for nothing. Taken once. Text, to be written as UTF-8. */
  output(): string {
    const { output } = this.#core;
    this.#core.output = '';
    return output;
  }

  /** What was refused since this was last asked. */
  takeRefused(): readonly Refused[] {
    return this.#core.refusals.take();
  }

  /** The handshake is done. RFC 3207 §4.2: as if the client had just connected. */
  tlsStarted({ mechanisms, trusted }: Pick<ServerFacts, 'mechanisms' | 'trusted'>): void {
    const core = this.#core;
    assert(core.phase === 'handshake', 'STARTTLS comes before TLS');
    core.facts = { ...core.facts, secure: true, mechanisms, trusted };
    // CVE-2011-0411: what came in the clear after STARTTLS is not part of the protected session.
    core.input.clear();
    core.phase = after.handshake.secure;
    core.extended = false;
    core.authenticated = false;
  }

  timedOut(): void {
    this.#end('timeout', replies.timeout);
  }

  shuttingDown(): void {
    this.#end('shutdown', replies.shuttingDown);
  }

  // From here on: input to events.

  #takeNext(): SessionEvent | undefined {
    const { next } = this.#core;
    this.#core.next = undefined;
    return next;
  }

  #step(): SessionEvent | undefined {
    const core = this.#core;
    switch (core.phase) {
      case 'connect':
        return { kind: 'connect' };
      case 'content':
        return readContent(core);
      case 'chunk':
        return readChunk(core);
      case 'auth':
        return this.#readResponse();
      case 'handshake':
        return needInput;
      case 'turned':
        return turned;
      case 'closed':
        return { kind: 'close', reason: core.closed };
      default:
        return this.#readCommand(core.phase);
    }
  }

  #readResponse(): SessionEvent {
    const line = takeResponse(this.#core);
    if (line === undefined) return needInput;
    this.#commands += 1;
    return respond(this.#core, line);
  }

  #readCommand(phase: CommandPhase | 'unwelcome'): SessionEvent | undefined {
    const core = this.#core;
    const { limits, localDomain } = core.facts;
    const line = core.input.takeLine(limits.commandLine ?? commandLineBytes, this.#lineLimit);
    if (line === undefined) return needInput;
    this.#commands += 1;
    const command = commandOf(line, localDomain);
    core.refusals.command(command, line);
    core.ascii = line.kind === 'line' && line.ascii;
    if (command.verb === 'QUIT') return core.end(replies.bye, 'quit');
    if (core.errors >= limits.errorsPerConnection) return core.end(replies.tooManyErrors, 'errors');
    // RFC 5321 §3.1: after a 554 greeting everything but QUIT is 503.
    if (phase === 'unwelcome') return core.send(replies.notWelcome);
    if (isIdle(command)) {
      core.commandsWithoutMail += 1;
      if (core.commandsWithoutMail > limits.commandsWithoutMail)
        return core.end(replies.tooManyIdleCommands, 'errors');
    }
    if (command.verb !== 'malformed') return this.#on(command, phase);
    const asksUnknown = core.facts.asksUnknown === true && line.kind === 'line' && line.text !== '';
    if (asksUnknown && command.answer === replies.unknownCommand)
      return { kind: 'unknown', line: line.text };
    return core.send(command.answer);
  }

  /** RFC 5321 §4.5.3.1.4: 512, and what the extensions add to it. */
  readonly #lineLimit = (word: string): number => {
    const { commandLine = commandLineBytes } = this.#core.facts.limits;
    if (word.startsWith('MAIL')) return commandLine + extraBytes.mail;
    if (word.startsWith('RCPT')) return commandLine + extraBytes.rcpt;
    if (word.startsWith('XCLIE') && this.#core.facts.xclient === true) return xclientLineBytes;
    return word.startsWith('AUTH') ? Math.max(commandLine, authLineBytes) : commandLine;
  };

  /** Refuses what is not available or not in order (RFC 5321 §4.1.4), and does the rest. */
  #on(command: Understood, phase: CommandPhase): SessionEvent | undefined {
    const core = this.#core;
    const { verb } = command;
    if (verb === 'MAIL' && core.transaction === undefined) core.refusals.from(command.from);
    if (verb === 'RCPT') core.refusals.to(command.to);
    const lacking = unavailable(verb, core.facts, core.authenticated);
    if (lacking !== undefined) return core.send(lacking);
    const next = commands[verb][phase];
    if (typeof next === 'string') {
      core.leadsTo = next;
      return perform(core, command, phase);
    }
    const refusal = core.lmtp && next === replies.needHello ? replies.needLhlo : next;
    return verb === 'BDAT' ? bdat(core, command, phase, refusal) : core.send(refusal);
  }

  // What follows from answers.

  #takeQuestion(): Question {
    const question = this.#question;
    assert(question !== undefined, 'there is a question to answer');
    this.#question = undefined;
    return question;
  }

  #opened(transaction: Transaction): void {
    const core = this.#core;
    core.transaction = transaction;
    core.phase = core.leadsTo;
    core.messages += 1;
  }

  #accepted(recipient: Mailbox): void {
    const core = this.#core;
    core.openTransaction().recipients += 1;
    core.refusals.accepted(recipient);
    if (core.facts.limits.domainsPerConnection === 0) return;
    core.domains ??= new Set();
    core.domains.add(domainKey(recipient.domain));
  }

  #authAnswered(answer: Reply): void {
    const yes = isPositive(answer);
    this.#core.phase = yes ? after.auth.success : after.auth.failure;
    if (yes) this.#core.authenticated = true;
    this.#core.send(answer);
  }

  #end(reason: 'timeout' | 'shutdown', answer: Reply): void {
    assert(this.#question === undefined, 'the last question was answered');
    this.#core.refusals.stage = reason;
    this.#core.end(answer, reason);
  }
}
