// The server's half of a POP3 conversation, without I/O. Bytes go in through receive(); next()
// returns what happened; the owner answers every question; output() is what to send. It reads no
// clock, opens no file and knows no user: it can be run from a string. RFC 1939, 2449, 2595, 5034,
// 6856. Messages go only by QUIT: whatever else ends the conversation removes nothing (RFC 1939 §6).

import { assert, unreachable } from '../base/assert.ts';
import { decodeBase64, encodeBase64 } from '../sasl/base64.ts';
import { capabilityLines } from './capabilities.ts';
import type { Command } from './command.ts';
import { parseCommand } from './command.ts';
import type { Answer, Pop3Facts, Question, SessionEvent } from './event.ts';
import { isQuestion } from './event.ts';
import { authLineBytesMax, commandBytesMax, outputBytes } from './limits.ts';
import type { Line } from './line-input.ts';
import { LineInput } from './line-input.ts';
import { Maildrop } from './maildrop.ts';
import { MessageEncoder } from './message-encoder.ts';
import { Output } from './output.ts';
import type { Response } from './response.ts';
import { err, formatResponse, ok, responses } from './response.ts';

type CloseReason = Extract<SessionEvent, { readonly kind: 'close' }>['reason'];

/** RFC 1939 §3: AUTHORIZATION, TRANSACTION, UPDATE; and what a longer answer needs meanwhile. */
type State =
  | { readonly phase: 'authorization'; readonly user: string | undefined }
  | { readonly phase: 'auth' | 'handshake' }
  | { readonly phase: 'transaction'; readonly maildrop: Maildrop }
  /** A message is being sent; `command` says how much of it. */
  | { readonly phase: 'message'; readonly maildrop: Maildrop; readonly command: Retrieval }
  | { readonly phase: 'pieces'; readonly maildrop: Maildrop; readonly encoder: MessageEncoder }
  | Listing
  | { readonly phase: 'update'; readonly maildrop: Maildrop }
  | { readonly phase: 'closed'; readonly reason: CloseReason };

/** `next` is the message where it goes on. */
interface Listing {
  readonly phase: 'listing';
  readonly maildrop: Maildrop;
  readonly verb: 'LIST' | 'UIDL';
  readonly next: number;
}

type Retrieval = Extract<Command, { readonly verb: 'RETR' | 'TOP' }>;

const authorization: State = { phase: 'authorization', user: undefined };
const needInput: SessionEvent = { kind: 'need-input' };
const flush: SessionEvent = { kind: 'flush' };
const authCancelled: SessionEvent = { kind: 'auth-cancelled' };

export class Pop3Session {
  #facts: Pop3Facts;
  #state: State = authorization;
  readonly #input = new LineInput();
  readonly #output = new Output();
  #question: Question | undefined;
  #utf8 = false;
  #commands = 0;
  #errors = 0;
  #failedLogins = 0;

  constructor(facts: Pop3Facts) {
    this.#facts = facts;
    // RFC 1939 §7: without angle brackets, which would offer APOP.
    this.#say(ok(`${facts.hostname} POP3 server ready`));
  }

  // What the owner may ask.

  /** Lines read so far: changes whenever a new wait for a command begins. */
  get commands(): number {
    return this.#commands;
  }

  /** Nothing is marked as deleted: the connection can be ended without loss. */
  get idle(): boolean {
    const state = this.#state;
    return !('maildrop' in state) || (state.phase === 'transaction' && !state.maildrop.hasDeleted);
  }

  get loggedIn(): boolean {
    return 'maildrop' in this.#state;
  }

  get secure(): boolean {
    return this.#facts.secure;
  }

  get timeoutMs(): number {
    return this.#facts.limits.idleTimeout;
  }

  // What the owner does.

  /** The bytes must stay as they are until next() says `need-input`. */
  receive(bytes: Uint8Array): void {
    const { phase } = this.#state;
    // RFC 2595 §4: between the +OK and the handshake there is nothing to be believed.
    if (phase !== 'closed' && phase !== 'handshake') this.#input.push(bytes);
  }

  next(): SessionEvent {
    assert(this.#question === undefined, 'the last question was answered');
    for (;;) {
      if (this.#output.size >= outputBytes) return flush;
      const event = this.#step();
      if (event === undefined) continue; // we answered it ourselves
      if (isQuestion(event)) this.#question = event;
      return event;
    }
  }

  answer(answer: Answer): void {
    const question = this.#question;
    assert(question !== undefined, 'there is a question to answer');
    this.#question = undefined;
    switch (answer.kind) {
      case 'opened':
        this.#opened(question, answer.messages);
        break;
      case 'challenge':
        assert(isLogin(question) && question.kind !== 'login', 'challenges belong to AUTH');
        this.#state = { phase: 'auth' };
        // RFC 5034 §4: "+", a space, and base64; an empty challenge is "+ ".
        this.#output.text(`+ ${encodeBase64(answer.bytes)}\r\n`);
        break;
      case 'content': {
        const encoder = this.#beginMessage();
        encoder.whole(answer.bytes);
        this.#endMessage();
        break;
      }
      case 'pieces': {
        const { maildrop } = this.#messageState();
        this.#state = { phase: 'pieces', maildrop, encoder: this.#beginMessage() };
        break;
      }
      case 'updated':
        this.#updated();
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
    const state = this.#state;
    assert(state.phase === 'pieces', 'a message is being sent');
    state.encoder.write(bytes);
    return !state.encoder.done;
  }

  contentEnd(): void {
    const state = this.#state;
    assert(state.phase === 'pieces', 'a message is being sent');
    state.encoder.end();
    this.#state = { phase: 'transaction', maildrop: state.maildrop };
  }

  /** What to send, in order; taken once. Text is ASCII. */
  output(): readonly (string | Buffer)[] {
    return this.#output.take();
  }

  /** The owner has no use any more for what output() gave. */
  sent(piece: string | Buffer): void {
    this.#output.sent(piece);
  }

  /** The handshake is done. RFC 2595 §4: still AUTHORIZATION, with what is offered now. */
  tlsStarted(mechanisms: readonly string[]): void {
    assert(this.#state.phase === 'handshake', 'STLS comes before TLS');
    this.#facts = { ...this.#facts, secure: true, mechanisms };
    // CVE-2011-0411: what came in the clear after STLS is not part of the protected session.
    this.#input.clear();
    this.#state = authorization;
  }

  shuttingDown(): void {
    this.#end(responses.shuttingDown, 'shutdown');
  }

  // From here on: input to events.

  #step(): SessionEvent | undefined {
    const state = this.#state;
    switch (state.phase) {
      case 'authorization':
      case 'transaction':
        return this.#readCommand(state);
      case 'auth':
        return this.#readResponse();
      case 'listing':
        return this.#continueListing(state);
      case 'handshake':
        return needInput;
      case 'closed':
        return { kind: 'close', reason: state.reason };
      case 'message':
      case 'pieces':
      case 'update':
        throw new Error('the owner has not finished its answer');
      default:
        return unreachable(state);
    }
  }

  #readCommand(
    state: Extract<State, { readonly phase: 'authorization' | 'transaction' }>,
  ): SessionEvent | undefined {
    const line = this.#input.take(commandBytesMax, lineLimit);
    if (line === undefined) return needInput;
    this.#commands += 1;
    const command = commandOf(line);
    const { limits } = this.#facts;
    if (command.verb !== 'QUIT') {
      if (this.#errors >= limits.errors) return this.#end(responses.tooManyErrors, 'errors');
      if (state.phase === 'authorization' && this.#commands > limits.commandsBeforeLogin)
        return this.#end(responses.tooManyCommands, 'errors');
    }
    return state.phase === 'authorization'
      ? this.#onAuthorization(command, state.user)
      : this.#onTransaction(command, state.maildrop);
  }

  /** RFC 1939 §4. */
  #onAuthorization(command: Command, user: string | undefined): SessionEvent | undefined {
    switch (command.verb) {
      case 'USER':
        return this.#user(command.name);
      case 'PASS':
        return this.#pass(user, command.password);
      case 'AUTH':
        return this.#auth(command.mechanism, command.initial);
      case 'STLS':
        return this.#startTls();
      case 'UTF8':
        this.#utf8 = true;
        return this.#say(responses.utf8);
      case 'CAPA':
        return this.#capabilities(false);
      case 'LANG':
        return this.#language(command.range);
      case 'QUIT':
        // RFC 1939 §4: no UPDATE state from here.
        return this.#end(this.#goodbye('server signing off'), 'quit');
      case 'malformed':
        return this.#mistake(command.answer);
      case 'STAT':
      case 'LIST':
      case 'UIDL':
      case 'RETR':
      case 'TOP':
      case 'DELE':
      case 'NOOP':
      case 'RSET':
        return this.#mistake(responses.notLoggedIn);
      default:
        return unreachable(command);
    }
  }

  /** RFC 1939 §5. */
  #onTransaction(command: Command, maildrop: Maildrop): SessionEvent | undefined {
    switch (command.verb) {
      case 'STAT':
        // RFC 1939 §5: no additional information, strongly discouraged.
        return this.#say(ok(`${maildrop.count} ${maildrop.octets}`));
      case 'LIST':
      case 'UIDL':
        return this.#list(command, maildrop);
      case 'RETR':
      case 'TOP':
        return this.#retrieve(command, maildrop);
      case 'DELE':
        return this.#delete(command.message, maildrop);
      case 'NOOP':
        return this.#say(responses.nothing);
      case 'RSET':
        maildrop.restore();
        return this.#say(ok(`maildrop has ${contents(maildrop)}`));
      case 'CAPA':
        return this.#capabilities(true);
      case 'LANG':
        return this.#language(command.range);
      case 'QUIT':
        this.#state = { phase: 'update', maildrop };
        return { kind: 'update', deleted: maildrop.deleted() };
      case 'malformed':
        return this.#mistake(command.answer);
      case 'USER':
      case 'PASS':
      case 'AUTH':
      case 'STLS':
      case 'UTF8':
        return this.#mistake(responses.loggedIn);
      default:
        return unreachable(command);
    }
  }

  // Logging in.

  // RFC 1939 §7 and RFC 3206 §5: USER tells nobody whether there is such a user.
  #user(name: string): undefined {
    const refusal = this.#refusesPasswords();
    if (refusal !== undefined) return this.#mistake(refusal);
    this.#state = { phase: 'authorization', user: name };
    return this.#say(responses.userOk);
  }

  #pass(user: string | undefined, password: string): SessionEvent | undefined {
    const refusal = this.#refusesPasswords();
    if (refusal !== undefined) return this.#mistake(refusal);
    if (user === undefined) return this.#mistake(responses.userFirst);
    this.#state = authorization;
    return { kind: 'login', user, password };
  }

  /** USER and PASS are a password in the clear, as PLAIN is: where that is not offered, nor are they. */
  #refusesPasswords(): Response | undefined {
    const { mechanisms, startTls, secure } = this.#facts;
    if (mechanisms.includes('PLAIN')) return undefined;
    return startTls && !secure ? responses.needTls : responses.noPasswords;
  }

  // RFC 5034 §4
  #auth(mechanism: string | undefined, initial: string | undefined): SessionEvent | undefined {
    const { mechanisms } = this.#facts;
    if (mechanisms.length === 0)
      return this.#mistake(this.#refusesPasswords() ?? responses.needTls);
    if (mechanism === undefined) return this.#lines(responses.mechanisms, mechanisms);
    if (!mechanisms.includes(mechanism)) return this.#mistake(responses.noMechanism);
    if (initial === undefined) return { kind: 'auth', mechanism, initial };
    // RFC 5034 §4: "=" is an initial response of no octets.
    const response = initial === '=' ? new Uint8Array() : decodeBase64(initial);
    if (response === undefined) return this.#mistake(responses.badBase64);
    return { kind: 'auth', mechanism, initial: response };
  }

  #readResponse(): SessionEvent | undefined {
    const line = this.#input.take(authLineBytesMax, () => authLineBytesMax);
    if (line === undefined) return needInput;
    this.#commands += 1;
    if (line.kind === 'too-long') return this.#cancelAuth(responses.lineTooLong);
    const text = line.kind === 'line' ? line.text : '?';
    if (text === '*') return this.#cancelAuth(responses.cancelled);
    const response = decodeBase64(text);
    if (response === undefined) return this.#cancelAuth(responses.badBase64);
    return { kind: 'auth-response', response };
  }

  #cancelAuth(because: Response): SessionEvent {
    this.#state = authorization;
    this.#mistake(because);
    return authCancelled;
  }

  #opened(question: Question, messages: ConstructorParameters<typeof Maildrop>[0]): void {
    assert(isLogin(question), 'a mailbox is opened by a login');
    const maildrop = new Maildrop(messages);
    this.#state = { phase: 'transaction', maildrop };
    this.#errors = 0;
    this.#say(ok(`maildrop has ${contents(maildrop)}`));
  }

  // RFC 2595 §4
  #startTls(): SessionEvent | undefined {
    const { secure, startTls } = this.#facts;
    if (secure) return this.#mistake(responses.tlsActive);
    if (!startTls) return this.#mistake(responses.noTls);
    if (this.#utf8) return this.#mistake(responses.utf8Before);
    this.#say(responses.startTls);
    this.#state = { phase: 'handshake' };
    return { kind: 'starttls' };
  }

  // Answers from what we know.

  #capabilities(loggedIn: boolean): undefined {
    return this.#lines(responses.capabilities, capabilityLines(this.#facts, loggedIn));
  }

  // RFC 6856 §3.2: we speak English only; RFC 4647 §3.4: a range is shortened until it fits.
  #language(range: string | undefined): undefined {
    if (range === undefined) return this.#lines(responses.languages, ['en English']);
    const fits = range === '*' || /^en(?:-|$)/i.test(range);
    return fits ? this.#say(responses.language) : this.#say(responses.noLanguage);
  }

  #list(
    { verb, message }: Extract<Command, { readonly verb: 'LIST' | 'UIDL' }>,
    maildrop: Maildrop,
  ): undefined {
    if (message !== undefined) {
      if (!maildrop.has(message)) return this.#say(missing(message, maildrop));
      return this.#say(ok(listingLine(verb, message, maildrop)));
    }
    this.#say(verb === 'LIST' ? ok(contents(maildrop)) : responses.uniqueIds);
    this.#state = { phase: 'listing', maildrop, verb, next: 1 };
  }

  /** As much as is sent at once; next() asks for a flush between. */
  #continueListing(listing: Listing): undefined {
    const { maildrop, verb } = listing;
    const output = this.#output;
    let { next } = listing;
    for (; next <= maildrop.highest && output.size < outputBytes; next += 1)
      if (maildrop.has(next)) output.text(`${listingLine(verb, next, maildrop)}\r\n`);
    if (next <= maildrop.highest) {
      this.#state = { ...listing, next };
      return;
    }
    output.text('.\r\n');
    this.#state = { phase: 'transaction', maildrop };
  }

  #delete(number: number, maildrop: Maildrop): undefined {
    if (!maildrop.has(number)) return this.#say(missing(number, maildrop));
    maildrop.delete(number);
    return this.#say(ok(`message ${number} deleted`));
  }

  // Messages.

  #retrieve(command: Retrieval, maildrop: Maildrop): SessionEvent | undefined {
    const { verb, message } = command;
    if (!maildrop.has(message)) return this.#say(missing(message, maildrop));
    this.#state = { phase: 'message', maildrop, command };
    const more = !this.#input.empty;
    return { kind: 'message', index: message - 1, whole: verb === 'RETR', more };
  }

  #messageState(): Extract<State, { readonly phase: 'message' }> {
    const state = this.#state;
    assert(state.phase === 'message', 'a message was asked for');
    return state;
  }

  #beginMessage(): MessageEncoder {
    const { command, maildrop } = this.#messageState();
    const size = maildrop.sizeOf(command.message);
    this.#output.expect(size, !this.#input.empty);
    const whole = command.verb === 'RETR';
    this.#say(whole ? ok(`${size} octets`) : responses.messageFollows);
    const bodyLines = whole ? undefined : command.lines;
    return new MessageEncoder(this.#output, { utf8: this.#utf8, bodyLines });
  }

  #endMessage(): void {
    const { maildrop } = this.#messageState();
    this.#state = { phase: 'transaction', maildrop };
  }

  // Answers of the owner.

  #updated(): void {
    const state = this.#state;
    assert(state.phase === 'update', 'QUIT comes before the update');
    const { count } = state.maildrop;
    const left = count === 0 ? 'maildrop empty' : `${messagesText(count)} left`;
    this.#end(this.#goodbye(`server signing off (${left})`), 'quit');
  }

  #refused(question: Question, response: Response, close: boolean): void {
    const state = this.#state;
    if (question.kind === 'update') {
      this.#end(response, 'refused');
      return;
    }
    if (state.phase === 'message') this.#state = { phase: 'transaction', maildrop: state.maildrop };
    if (isLogin(question)) {
      this.#state = authorization;
      this.#failedLogins += 1;
    }
    this.#say(response);
    if (close) this.#close('refused');
    else if (this.#failedLogins >= this.#facts.limits.failedLogins)
      this.#end(responses.tooManyLogins, 'errors');
  }

  // Sending.

  #say(response: Response): undefined {
    this.#output.text(formatResponse(response));
  }

  /** Says no to what a client that knows the protocol does not do. */
  #mistake(response: Response): undefined {
    this.#errors += 1;
    this.#say(response);
  }

  /** A multi-line response; none of the lines begins with a dot. */
  #lines(first: Response, lines: readonly string[]): undefined {
    this.#say(first);
    for (const line of lines) this.#output.text(`${line}\r\n`);
    this.#output.text('.\r\n');
  }

  #goodbye(text: string): Response {
    return ok(`${this.#facts.hostname} POP3 ${text}`);
  }

  #end(response: Response, reason: CloseReason): undefined {
    assert(this.#question === undefined, 'the last question was answered');
    this.#say(response);
    this.#close(reason);
  }

  #close(reason: CloseReason): void {
    this.#state = { phase: 'closed', reason };
    this.#input.clear();
  }
}

const lineLimit = (word: string): number => (word === 'AUTH ' ? authLineBytesMax : commandBytesMax);

function commandOf(line: Line): Command {
  switch (line.kind) {
    case 'line':
      return parseCommand(line.text);
    case 'too-long':
      return tooLong;
    case 'not-printable':
      return notPrintable;
    case 'bad-utf8':
      return badUtf8;
    default:
      return unreachable(line);
  }
}

const tooLong: Command = { verb: 'malformed', answer: responses.lineTooLong };
const notPrintable: Command = { verb: 'malformed', answer: responses.badLine };
const badUtf8: Command = { verb: 'malformed', answer: responses.badUtf8 };

const isLogin = ({ kind }: Question): boolean =>
  kind === 'login' || kind === 'auth' || kind === 'auth-response';

const messagesText = (count: number): string => `${count} message${count === 1 ? '' : 's'}`;
const contents = ({ count, octets }: Maildrop): string =>
  `${messagesText(count)} (${octets} octets)`;

const listingLine = (verb: 'LIST' | 'UIDL', number: number, maildrop: Maildrop): string =>
  `${number} ${verb === 'LIST' ? maildrop.sizeOf(number) : maildrop.idOf(number)}`;

function missing(number: number, maildrop: Maildrop): Response {
  if (maildrop.isDeleted(number)) return err(`message ${number} already deleted`);
  return err(`no such message, only ${messagesText(maildrop.highest)} in maildrop`);
}
