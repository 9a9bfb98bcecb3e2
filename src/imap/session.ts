// The server's half of an IMAP conversation, without I/O: IMAP4rev2 (RFC 9051) and IMAP4rev1
// (RFC 3501). Bytes go in through receive(); next() returns what happened; the owner answers every
// question; output() is what to send. It reads no clock, opens no file and knows no user or mailbox:
// it can be run from a string.

import { assert, unreachable } from '../base/assert.ts';
import { decodeBase64, encodeBase64 } from '../sasl/base64.ts';
import { AppendFlow } from './append-flow.ts';
import {
  capabilitiesAfterLogin,
  capabilitiesBeforeLogin,
  enableable,
  offersLogin,
} from './capabilities.ts';
import type { Command, CommandOf } from './command.ts';
import type { Announcement, Piece } from './command-reader.ts';
import { CommandReader } from './command-reader.ts';
import type { LoginState } from './command-rules.ts';
import { enablesCondstore, refusesEnabled, refusesState } from './command-rules.ts';
import type {
  Answer,
  Completion,
  Enabled,
  ImapFacts,
  OwnersCommand,
  Question,
  SessionEvent,
} from './event.ts';
import { formatCompletion, formatText } from './format.ts';
import { ImapInput } from './input.ts';
import { authLineBytesMax, outputBytes, unasked } from './limits.ts';
import type { ImapMachine, ImapMachineFactory } from './machine.ts';
import { Output } from './output.ts';
import type { ParseContext } from './parse-context.ts';
import type { AppendBegin } from './parser.ts';
import { beginsAppend, parseCommand, tagOf } from './parser.ts';

type CloseReason = Extract<SessionEvent, { readonly kind: 'close' }>['reason'];

type State =
  /** A command is read, or what stands between the messages of an APPEND. */
  | { readonly phase: 'command' | 'handshake' }
  /** There is a piece of an APPEND; `announced` is the literal that comes behind it. */
  | { readonly phase: 'append'; readonly announced: Announcement | undefined }
  | { readonly phase: 'content'; readonly left: number }
  | { readonly phase: 'auth' | 'idle' }
  | { readonly phase: 'idle-done'; readonly completion: Completion }
  | { readonly phase: 'closed'; readonly reason: CloseReason };

const reading: State = { phase: 'command' };
const needInput: SessionEvent = { kind: 'need-input' };
const flush: SessionEvent = { kind: 'flush' };
const appendAborted: SessionEvent = { kind: 'append-aborted' };

const completion = (status: Completion['status'], text: string, code?: string): Completion => ({
  kind: 'completion',
  status,
  code,
  text,
});

function completionIn(answer: Answer): Completion {
  assert(answer.kind === 'completion', 'this question is answered with a completion');
  return answer;
}

export class ImapSession implements ImapMachine {
  #facts: ImapFacts;
  #state: State = reading;
  #login: LoginState = 'not-authenticated';
  readonly #input = new ImapInput();
  readonly #reader = new CommandReader(this.#input);
  readonly #output = new Output();
  #question: Question | undefined;
  /** Of the command that is being executed. */
  #tag = '*';
  #append: AppendFlow | undefined;
  /** The owner has something of it: it is told when that comes to nothing. */
  #appendBegun = false;
  #abortOwed = false;
  readonly #enabled = new Set<Enabled>();
  #compressed = false;
  #commands = 0;
  #strangersCommands = 0;
  #errors = 0;
  #failedLogins = 0;

  constructor(facts: ImapFacts) {
    this.#facts = facts;
    // RFC 9051 §7.1: the greeting; with the capabilities a client need not ask for them.
    const text = `${facts.hostname} IMAP server ready`;
    this.#say('*', completion('OK', text, this.#capabilityCode()));
  }

  // What the owner may ask.

  get commands(): number {
    return this.#commands;
  }

  get idle(): boolean {
    return (
      this.#state.phase === 'command' &&
      this.#append === undefined &&
      this.#question === undefined &&
      this.#reader.fresh
    );
  }

  get loggedIn(): boolean {
    return this.#login !== 'not-authenticated';
  }

  get timeoutMs(): number {
    const { idleTimeout, loginTimeout } = this.#facts.limits;
    return this.loggedIn ? idleTimeout : loginTimeout;
  }

  isEnabled(extension: Enabled): boolean {
    return this.#enabled.has(extension);
  }

  get outputSize(): number {
    return this.#output.size;
  }

  // What the owner does.

  receive(bytes: Uint8Array): void {
    const { phase } = this.#state;
    // RFC 9051 §6.2.1: between the OK and the handshake there is nothing to be believed.
    if (phase !== 'closed' && phase !== 'handshake') this.#input.push(bytes);
  }

  next(): SessionEvent {
    assert(this.#question === undefined, 'the last question was answered');
    for (;;) {
      if (this.#abortOwed) {
        this.#abortOwed = false;
        return appendAborted;
      }
      if (this.#output.size >= outputBytes) return flush;
      const event = this.#step();
      if (event === undefined) continue; // we answered it ourselves
      if (event === needInput) this.#input.hold();
      return event;
    }
  }

  answer(answer: Answer): void {
    const question = this.#question;
    assert(question !== undefined, 'there is a question to answer');
    this.#question = undefined;
    switch (question.kind) {
      case 'login':
      case 'authenticate':
      case 'auth-response':
        this.#answerLogin(question, answer);
        break;
      case 'command':
        this.#complete(completionIn(answer));
        break;
      case 'append':
      case 'append-part':
        this.#answerAppend(question, answer);
        break;
      case 'append-end':
        this.#append = undefined;
        this.#appendBegun = false;
        this.#reader.clear();
        this.#state = reading;
        this.#complete(completionIn(answer));
        break;
      case 'idle':
        this.#answerIdle(answer);
        break;
      default:
        unreachable(question);
    }
  }

  untagged(response: string): void {
    if (this.#state.phase !== 'closed') this.#output.text(`* ${response}\r\n`);
  }

  raw(octets: Uint8Array | string): void {
    if (this.#state.phase === 'closed') return;
    if (typeof octets === 'string') this.#output.text(octets);
    else this.#output.bytes(octets);
  }

  output(): readonly (Uint8Array | string)[] {
    return this.#output.take();
  }

  tlsStarted(mechanisms: readonly string[]): void {
    assert(this.#state.phase === 'handshake', 'STARTTLS comes before TLS');
    this.#facts = { ...this.#facts, secure: true, mechanisms };
    // CVE-2011-0411, CVE-2021-33515: what came in the clear behind STARTTLS is not part of the
    // protected session.
    this.#input.clear();
    this.#reader.clear();
    this.#state = reading;
  }

  shuttingDown(because = 'Shutting down, come back soon'): void {
    this.#end(because, 'shutdown');
  }

  timedOut(): void {
    this.#end('Nothing was said for too long', 'timeout');
  }

  // From here on: input to events.

  #step(): SessionEvent | undefined {
    const state = this.#state;
    switch (state.phase) {
      case 'command':
        return this.#readCommand();
      case 'append':
        return this.#continueAppend(state.announced);
      case 'content':
        return this.#readContent(state.left);
      case 'auth':
        return this.#readAuthResponse();
      case 'idle':
        return this.#readDone();
      case 'idle-done':
        this.#state = reading;
        return this.#complete(state.completion);
      case 'handshake':
        return needInput;
      case 'closed':
        return { kind: 'close', reason: state.reason };
      default:
        return unreachable(state);
    }
  }

  #readCommand(): SessionEvent | undefined {
    const { limits } = this.#facts;
    const { octetsMax } = this.#unasked();
    const piece = this.#reader.read(limits.commandSize, octetsMax);
    if (piece === undefined) return needInput;
    switch (piece.kind) {
      case 'endless':
        return this.#endless();
      case 'too-long':
        return this.#refuseLine(piece.text, piece.announced);
      case 'piece':
        return this.#onPiece(piece);
      default:
        return unreachable(piece);
    }
  }

  // RFC 7888 §4: a message may come unasked as long as it may be stored, once somebody is logged in.
  #unasked(): { readonly literalMax: number; readonly octetsMax: number } {
    const { messageSize, commandSize } = this.#facts.limits;
    return this.loggedIn
      ? { literalMax: Number.POSITIVE_INFINITY, octetsMax: 2 * messageSize + commandSize }
      : { literalMax: unasked.literalOctets, octetsMax: 2 * commandSize };
  }

  /** RFC 7162 §4 */
  #refuseLine(text: string, announced: Announcement | undefined): undefined {
    const tag = this.#append?.tag ?? tagOf(text) ?? '*';
    return this.#refuse(tag, completion('BAD', 'That command is too long', 'TOOBIG'), announced);
  }

  #onPiece({
    text,
    announced,
  }: Extract<Piece, { readonly kind: 'piece' }>): SessionEvent | undefined {
    if (this.#append === undefined) {
      const begin = beginsAppend(text);
      if (begin === undefined)
        return announced === undefined ? this.#onCommand(text) : this.#gather(announced);
      const refusal = this.#mayAppend(begin);
      if (this.#state.phase === 'closed') return undefined;
      if (refusal !== undefined) return this.#refuse(begin.tag, refusal, announced);
      this.#append = new AppendFlow(begin, this.#context, this.#facts.limits);
    }
    this.#state = { phase: 'append', announced };
    return undefined;
  }

  /** The literal is an argument, unless that would be too much. */
  #gather(announced: Announcement): undefined {
    const { octets, synchronizing } = announced;
    const { text } = this.#reader;
    const tooBig = text.length + octets > this.#facts.limits.commandSize;
    // RFC 7888 §5, LITERAL-: none of more than 4096 octets unasked.
    if (tooBig || (!synchronizing && octets > this.#unasked().literalMax)) {
      const tag = this.#append?.tag ?? tagOf(text) ?? '*';
      return this.#refuse(tag, completion('BAD', 'That literal is too long', 'TOOBIG'), announced);
    }
    this.#reader.gather(octets);
    this.#state = reading;
    if (synchronizing) this.#output.text('+ Ready for the literal\r\n');
  }

  /** The command came to nothing; what of it comes unasked is skipped. */
  #refuse(tag: string, refusal: Completion, announced: Announcement | undefined): undefined {
    this.#abortAppend();
    this.#state = reading;
    this.#reader.refuse(announced);
    this.#tag = tag;
    return this.#complete(refusal);
  }

  #onCommand(text: string): SessionEvent | undefined {
    this.#reader.clear();
    // Field: clients end APPEND with a CRLF too many.
    if (text === '') return this.#countCommand();
    const parsed = parseCommand(text, this.#context);
    this.#tag = parsed.tag ?? '*';
    this.#countCommand();
    if (this.#state.phase === 'closed') return undefined;
    if (parsed.kind === 'malformed')
      return this.#complete(completion(parsed.status, parsed.text, parsed.code));
    const { command } = parsed;
    const refusal =
      refusesState(command.name, this.#login) ??
      refusesEnabled(command, (extension) => this.isEnabled(extension));
    if (refusal !== undefined) return this.#complete(refusal);
    return this.#execute(command);
  }

  #countCommand(): undefined {
    this.#commands += 1;
    if (this.loggedIn) return;
    this.#strangersCommands += 1;
    if (this.#strangersCommands > this.#facts.limits.commandsBeforeLogin)
      this.#end('Too many commands without a login', 'errors');
  }

  get #context(): ParseContext {
    const utf8Accept = this.isEnabled('UTF8=ACCEPT');
    const utf8 = utf8Accept || this.isEnabled('IMAP4REV2');
    return { limits: this.#facts.limits, utf8, utf8Accept };
  }

  #execute(command: Command): SessionEvent | undefined {
    switch (command.name) {
      case 'CAPABILITY':
        this.untagged(`CAPABILITY ${this.#capabilities()}`);
        return this.#complete(completion('OK', 'CAPABILITY completed'));
      case 'LOGOUT':
        this.untagged('BYE logging out');
        this.#complete(completion('OK', 'LOGOUT completed'));
        return this.#close('logout');
      case 'STARTTLS':
        return this.#startTls();
      case 'LOGIN':
        return this.#loginCommand(command);
      case 'AUTHENTICATE':
        return this.#authenticate(command);
      case 'ENABLE':
        return this.#enable(command);
      case 'COMPRESS':
        return this.#compress();
      case 'IDLE':
        return this.#ask({ kind: 'idle' });
      default:
        return this.#askCommand(command);
    }
  }

  #askCommand(command: OwnersCommand): SessionEvent | undefined {
    // RFC 8437 §3: BAD where it is not offered.
    if (command.name === 'UNAUTHENTICATE' && this.#compressed)
      return this.#complete(completion('BAD', 'Not while the connection is compressed'));
    if (enablesCondstore(command)) this.#enabled.add('CONDSTORE');
    return this.#ask({ kind: 'command', tag: this.#tag, command });
  }

  #ask(question: Question): SessionEvent {
    this.#question = question;
    return question;
  }

  // Logging in.

  // RFC 9051 §6.2.3: NO while LOGINDISABLED is said.
  #loginCommand({ user, password }: CommandOf<'LOGIN'>): SessionEvent | undefined {
    if (!offersLogin(this.#facts)) return this.#complete(this.#privacyRequired());
    return this.#ask({ kind: 'login', user, password });
  }

  #privacyRequired(): Completion {
    const { startTls, secure } = this.#facts;
    return startTls && !secure
      ? completion('NO', 'Begin TLS first', 'PRIVACYREQUIRED')
      : completion('NO', 'That way to log in is not offered', 'CANNOT');
  }

  // RFC 9051 §6.2.2
  #authenticate(command: CommandOf<'AUTHENTICATE'>): SessionEvent | undefined {
    const { mechanism, initial } = command;
    if (!this.#facts.mechanisms.includes(mechanism)) return this.#complete(this.#privacyRequired());
    return this.#ask({ kind: 'authenticate', mechanism, initial });
  }

  #answerLogin(question: Question, answer: Answer): void {
    if (answer.kind === 'challenge') {
      assert(question.kind !== 'login', 'challenges belong to AUTHENTICATE');
      this.#state = { phase: 'auth' };
      this.#output.text(`+ ${encodeBase64(answer.bytes)}\r\n`);
      return;
    }
    this.#state = reading;
    this.#complete(completionIn(answer));
    if (answer.kind !== 'completion' || answer.status !== 'NO' || this.loggedIn) return;
    this.#failedLogins += 1;
    if (this.#failedLogins >= this.#facts.limits.failedLogins)
      this.#end('Too many failed logins', 'errors');
  }

  #readAuthResponse(): SessionEvent | undefined {
    const line = this.#input.takeLine(authLineBytesMax, this.#unasked().octetsMax);
    if (line === undefined) return needInput;
    if (line.kind === 'endless') return this.#endless();
    this.#commands += 1;
    if (line.kind === 'too-long') return this.#cancelAuth('The response is too long');
    if (line.text === '*') return this.#cancelAuth('The exchange was cancelled');
    const response = decodeBase64(line.text);
    if (response === undefined) return this.#cancelAuth('The response is no base64');
    return this.#ask({ kind: 'auth-response', response });
  }

  #cancelAuth(because: string): SessionEvent {
    this.#state = reading;
    this.#complete(completion('BAD', because));
    return { kind: 'auth-cancelled' };
  }

  // RFC 9051 §6.2.1
  #startTls(): SessionEvent | undefined {
    const { secure, startTls } = this.#facts;
    if (secure) return this.#complete(completion('BAD', 'TLS is active', 'CLIENTBUG'));
    if (!startTls) return this.#complete(completion('BAD', 'TLS is not offered'));
    this.#complete(completion('OK', 'Begin TLS now'));
    this.#state = { phase: 'handshake' };
    return { kind: 'starttls' };
  }

  // RFC 5161 §3.1: what is not known is ignored; what is new is said.
  #enable(command: CommandOf<'ENABLE'>): SessionEvent | undefined {
    const hadCondstore = this.#enabled.has('CONDSTORE');
    const added: string[] = [];
    for (const name of command.capabilities) {
      const [extension, shown] = enableable.get(name) ?? [];
      if (extension === undefined || shown === undefined || this.#enabled.has(extension)) continue;
      this.#enabled.add(extension);
      // RFC 7162 §3.2.3
      if (extension === 'QRESYNC') this.#enabled.add('CONDSTORE');
      added.push(` ${shown}`);
    }
    this.untagged(`ENABLED${added.join('')}`);
    // RFC 7162 §3.1: something is to be said of the selected mailbox then.
    if (hadCondstore !== this.#enabled.has('CONDSTORE') && this.#login === 'selected')
      return this.#ask({ kind: 'command', tag: this.#tag, command });
    return this.#complete(completion('OK', 'ENABLE completed'));
  }

  // RFC 4978 §3
  #compress(): SessionEvent | undefined {
    if (this.#compressed)
      return this.#complete(completion('NO', 'DEFLATE is active', 'COMPRESSIONACTIVE'));
    this.#complete(completion('OK', 'DEFLATE active'));
    this.#compressed = true;
    // The client must wait for the OK: what it sent before is neither compressed nor to be trusted.
    this.#input.clear();
    this.#reader.clear();
    return { kind: 'compress' };
  }

  // IDLE.

  #answerIdle(answer: Answer): void {
    if (answer.kind !== 'proceed') {
      this.#complete(completionIn(answer));
      return;
    }
    this.#state = { phase: 'idle' };
    this.#output.text('+ idling\r\n');
  }

  // RFC 9051 §6.3.13
  #readDone(): SessionEvent | undefined {
    const { limits } = this.#facts;
    const line = this.#input.takeLine(limits.commandSize, this.#unasked().octetsMax);
    if (line === undefined) return needInput;
    if (line.kind === 'endless') return this.#endless();
    this.#commands += 1;
    const isDone = line.kind === 'line' && /^done *$/i.test(line.text);
    this.#state = {
      phase: 'idle-done',
      completion: isDone
        ? completion('OK', 'IDLE completed')
        : completion('BAD', 'Expected DONE', 'CLIENTBUG'),
    };
    return { kind: 'idle-done' };
  }

  // APPEND and REPLACE.

  #mayAppend({ tag, name, uid }: AppendBegin): Completion | undefined {
    this.#tag = tag;
    this.#countCommand();
    const refusal = refusesState(name, this.#login);
    if (refusal !== undefined) return refusal;
    // RFC 9586 §3.1
    return name === 'REPLACE' && !uid && this.isEnabled('UIDONLY')
      ? completion('BAD', 'Message numbers are not used with UIDONLY', 'UIDREQUIRED')
      : undefined;
  }

  #continueAppend(announced: Announcement | undefined): SessionEvent | undefined {
    const append = this.#append!;
    const step = append.step(this.#reader.text);
    switch (step.kind) {
      case 'ask':
        return this.#ask(step.question);
      case 'message-end':
        return { kind: 'append-message-end' };
      case 'argument':
        assert(announced !== undefined, 'a literal is missing only where one is announced');
        return this.#gather(announced);
      case 'malformed': {
        const { status, text, code } = step;
        return this.#refuse(append.tag, completion(status, text, code), announced);
      }
      default:
        return unreachable(step);
    }
  }

  #answerAppend(
    question: Extract<Question, { readonly kind: 'append' | 'append-part' }>,
    answer: Answer,
  ): void {
    const state = this.#state;
    assert(state.phase === 'append', 'an append is under way');
    const { announced } = state;
    if (answer.kind === 'completion') {
      this.#appendBegun = false;
      this.#refuse(this.#append!.tag, answer, announced);
      return;
    }
    assert(answer.kind === 'proceed', 'an append has no challenges');
    this.#appendBegun = true;
    const octets =
      question.kind === 'append'
        ? question.message.octets
        : question.part.kind === 'text'
          ? question.part.octets
          : undefined;
    if (octets === undefined) return; // parts follow, or the next one
    if (announced?.synchronizing === true) this.#output.text('+ Ready for the message\r\n');
    this.#reader.clear();
    this.#state = { phase: 'content', left: octets };
  }

  #readContent(left: number): SessionEvent | undefined {
    if (left === 0) {
      this.#state = reading;
      return this.#append!.octetsEnded() ? { kind: 'append-message-end' } : undefined;
    }
    const bytes = this.#input.takeContent(left);
    if (bytes === undefined) return needInput;
    this.#state = { phase: 'content', left: left - bytes.length };
    return { kind: 'content', bytes };
  }

  #abortAppend(): void {
    if (this.#appendBegun) this.#abortOwed = true;
    this.#appendBegun = false;
    this.#append = undefined;
  }

  // What we say.

  #complete(answer: Completion): undefined {
    if (answer.bye !== undefined) this.untagged(`BYE ${formatText(answer.bye)}`);
    this.#say(this.#tag, this.#withCapabilities(answer));
    if (answer.bye !== undefined) return this.#close('refused');
    // A connection may last for days: what counts is mistakes with nothing right between them.
    if (answer.status === 'OK' && this.#login !== 'not-authenticated') this.#errors = 0;
    if (answer.status !== 'BAD') return;
    this.#errors += 1;
    if (this.#errors >= this.#facts.limits.errorsPerConnection)
      this.#end('Too many errors', 'errors');
  }

  /** RFC 9051 §7.1, CAPABILITY: a login says what can be done now. */
  #withCapabilities(answer: Completion): Completion {
    this.#enter(answer.state);
    if (answer.state !== 'authenticated') return answer;
    if (answer.code === undefined) return { ...answer, code: this.#capabilityCode() };
    this.untagged(`CAPABILITY ${this.#capabilities()}`);
    return answer;
  }

  #enter(state: Completion['state']): void {
    switch (state) {
      case undefined:
        return;
      case 'selected':
        this.#login = 'selected';
        return;
      case 'authenticated':
        this.#login = 'authenticated';
        this.#errors = 0;
        this.#failedLogins = 0;
        return;
      case 'unselected':
        this.#login = 'authenticated';
        return;
      case 'unauthenticated':
        // RFC 8437 §4.1: all is as it was, but for TLS.
        this.#login = 'not-authenticated';
        this.#enabled.clear();
        this.#strangersCommands = 0;
        return;
      default:
        unreachable(state);
    }
  }

  #capabilities(): string {
    return this.loggedIn
      ? capabilitiesAfterLogin(this.#facts, this.#compressed)
      : capabilitiesBeforeLogin(this.#facts);
  }

  #capabilityCode(): string {
    return `CAPABILITY ${this.#capabilities()}`;
  }

  #say(tag: string, answer: Completion): void {
    this.#output.text(formatCompletion(tag, answer));
  }

  #end(because: string, reason: CloseReason, code?: string): undefined {
    assert(this.#question === undefined, 'questions are answered first');
    if (this.#state.phase === 'closed') return;
    this.#abortAppend();
    const shown = code === undefined ? because : `[${code}] ${because}`;
    if (this.#state.phase !== 'handshake') this.untagged(`BYE ${shown}`);
    return this.#close(reason);
  }

  #endless(): undefined {
    return this.#end('That is too much', 'errors', 'TOOBIG');
  }

  #close(reason: CloseReason): undefined {
    this.#input.clear();
    this.#state = { phase: 'closed', reason };
  }
}

export const createImapSession: ImapMachineFactory = (facts) => new ImapSession(facts);
