// The server's half of an SMTP or LMTP conversation, without I/O. Bytes go in through receive();
// next() returns what happened; the owner answers every question with a Reply; output() is what to
// send. It reads no clock, opens no file and knows no user: it can be run from a string.
// RFC 5321, 2033 (LMTP), 2920, 3030, 3207, 4954, 6531. It asserts on its owner's mistakes and never
// on the peer's, and it holds nothing for an idle peer but its own few fields.

import { assert, unreachable } from '../../base/assert.ts';
import type { Mailbox, ReversePath } from '../../mail/address.ts';
import { domainKey } from '../../mail/address.ts';
import { decodeBase64, encodeBase64 } from '../../sasl/base64.ts';
import type { Command } from '../command.ts';
import { helpReply } from '../command.ts';
import { ContentReader } from '../content.ts';
import { auth } from '../extensions/auth.ts';
import { chunking } from '../extensions/chunking.ts';
import { etrn } from '../extensions/etrn.ts';
import {
  advertise,
  extraBytes,
  findParam,
  isOffered,
  readMailParams,
  readRcptParams,
} from '../extensions/index.ts';
import { authLineBytes, commandLineBytes } from '../limits.ts';
import type { Reply } from '../reply.ts';
import {
  formatReply,
  isPermanent,
  isPositive,
  isTransient,
  recipientTooLong,
  replies,
  reply,
  senderTooLong,
} from '../reply.ts';
import { commandOf, isIdle } from './command-line.ts';
import type { Question, Refused, ServerFacts, SessionEvent, Stage } from './event.ts';
import { isQuestion } from './event.ts';
import type { Line } from './input.ts';
import { Input } from './input.ts';
import type { Chunk, CloseReason, State, Transaction } from './state.ts';
import { authenticating, connect, fresh, handshake, ready, unwelcome } from './state.ts';

const nobody: Mailbox[] = [];
const nothingRefused: Refused[] = [];

const stages: ReadonlyMap<string, Stage> = new Map([
  ['EHLO', 'helo'],
  ['HELO', 'helo'],
  ['LHLO', 'helo'],
  ['MAIL', 'mail'],
  ['RCPT', 'rcpt'],
  ['DATA', 'data'],
  ['BDAT', 'content'],
  ['AUTH', 'auth'],
  ['STARTTLS', 'starttls'],
]);
const aboutMail: ReadonlySet<Stage> = new Set(['mail', 'rcpt', 'data', 'content']);

/** What a line is about, even if it cannot be read. */
function stageOf({ verb }: Command, line: Line): Stage {
  if (verb !== 'malformed') return stages.get(verb) ?? 'command';
  const word = line.kind === 'line' ? line.text.split(' ', 1)[0]!.toUpperCase() : '';
  return stages.get(word) ?? 'command';
}

const needInput: SessionEvent = { kind: 'need-input' };
const reset: SessionEvent = { kind: 'reset' };
const authCancelled: SessionEvent = { kind: 'auth-cancelled' };
const starttls: SessionEvent = { kind: 'starttls' };

/** Limit: a chunk this long would take years; its octets could not be told from commands. */
const chunkBytesMax = 2 ** 48;

export class ServerSession {
  #facts: ServerFacts;
  #state: State = connect;
  readonly #input = new Input();
  #output = '';
  #question: Question | undefined;
  /** Comes before anything else is read. */
  #next: SessionEvent | undefined;
  /** Octets of the present chunk still to come. */
  #chunkLeft = 0;
  /** The present line is ASCII. */
  #ascii = true;
  #extended = false;
  #authenticated = false;
  #commands = 0;
  #errors = 0;
  #commandsWithoutMail = 0;
  #messages = 0;
  /** What the client is about. */
  #stage: Stage = 'connect';
  /** Of the present transaction, or the last one. */
  #sender: ReversePath | undefined;
  #accepted: Mailbox[] = nobody;
  /** By RCPT, if that is the present command. */
  #named: Mailbox | undefined;
  #refused: Refused[] = nothingRefused;
  #refusedContent: Uint8Array | undefined;
  /** Of recipients that were accepted, where their number is limited. */
  #domains: Set<string> | undefined;

  constructor(facts: ServerFacts) {
    assert(/^[^\x00-\x20\x7f]+$/.test(facts.hostname), 'our name is one word');
    this.#facts = facts;
  }

  // What the owner may ask.

  get phase(): State['phase'] {
    return this.#state.phase;
  }

  /** Lines read so far: changes whenever a new wait for a command begins. */
  get commands(): number {
    return this.#commands;
  }

  /** No transaction is open: the connection can be ended without loss. */
  get idle(): boolean {
    const { phase } = this.#state;
    return phase !== 'transaction' && phase !== 'content' && phase !== 'chunk';
  }

  /** Content is awaited, not a command. */
  get inContent(): boolean {
    return this.#state.phase === 'content' || this.#state.phase === 'chunk';
  }

  /** How long to wait for input in the present phase. RFC 5321 §4.5.3.2. */
  get timeoutMs(): number {
    const { commandTimeout, contentTimeout } = this.#facts.limits;
    return this.inContent ? contentTimeout : commandTimeout;
  }

  get secure(): boolean {
    return this.#facts.secure;
  }

  /** The client said EHLO or LHLO. */
  get extended(): boolean {
    return this.#extended;
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  // What the owner does.

  /** The bytes must stay as they are until next() says `need-input`. */
  receive(bytes: Uint8Array): void {
    const { phase } = this.#state;
    // RFC 3207 §4: between the 220 and the handshake there is nothing to be believed.
    if (phase !== 'closed' && phase !== 'handshake') this.#input.push(bytes);
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
    const question = this.#takeQuestion();
    switch (question.kind) {
      case 'connect':
        this.#greeted(answer);
        break;
      case 'hello':
        this.#helloAnswered(question.verb, answer);
        break;
      case 'mail':
      case 'rcpt':
        this.#envelopeAnswered(question, answer);
        break;
      case 'data':
        if (question.via === 'DATA') this.#dataAnswered(answer);
        else this.#chunkAnswered(answer);
        break;
      case 'message':
        this.#messageAnswered(answer, undefined);
        break;
      case 'auth':
      case 'auth-response':
        this.#state = ready;
        if (isPositive(answer)) this.#authenticated = true;
        this.#send(answer);
        break;
      case 'vrfy':
      case 'expn':
      case 'etrn':
        this.#send(answer);
        break;
      default:
        unreachable(question);
    }
  }

  /** LMTP's answer to `message`: one reply for each accepted RCPT, in order. RFC 2033 §4.2. */
  answerEach(answers: readonly Reply[]): void {
    const question = this.#takeQuestion();
    assert(question.kind === 'message', 'only a message has a reply for each recipient');
    assert(this.#facts.protocol === 'lmtp', 'only LMTP has a reply for each recipient');
    const [first] = answers;
    assert(first !== undefined && answers.length === this.#recipients(), 'one for each recipient');
    this.#messageAnswered(answers.find(isPositive) ?? first, answers);
  }

  /** RFC 4954 §4: the exchange goes on with a 334; an empty challenge is "334 ". */
  challenge(bytes: Uint8Array): void {
    const { kind } = this.#takeQuestion();
    assert(kind === 'auth' || kind === 'auth-response', 'challenges belong to AUTH');
    this.#state = authenticating;
    this.#output += `334 ${encodeBase64(bytes)}\r\n`;
  }

  /** What to send; '' for nothing. Taken once. Text, to be written as UTF-8. */
  output(): string {
    const output = this.#output;
    this.#output = '';
    return output;
  }

  /** What was refused since this was last asked. */
  takeRefused(): readonly Refused[] {
    const refused = this.#refused;
    this.#refused = nothingRefused;
    return refused;
  }

  /** The handshake is done. RFC 3207 §4.2: as if the client had just connected. */
  tlsStarted(facts: Pick<ServerFacts, 'mechanisms' | 'trusted'>): void {
    assert(this.#state.phase === 'handshake', 'STARTTLS comes before TLS');
    const { mechanisms, trusted } = facts;
    this.#facts = { ...this.#facts, secure: true, mechanisms, trusted };
    // CVE-2011-0411: what came in the clear after STARTTLS is not part of the protected session.
    this.#input.clear();
    this.#state = fresh;
    this.#extended = false;
    this.#authenticated = false;
  }

  /** What changed by a login: the client may be trusted now, or have other limits. */
  updateFacts(facts: Partial<Pick<ServerFacts, 'mechanisms' | 'trusted' | 'limits'>>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  timedOut(): void {
    this.#stage = 'timeout';
    this.#end(replies.timeout, 'timeout');
  }

  shuttingDown(): void {
    this.#stage = 'shutdown';
    this.#end(replies.shuttingDown, 'shutdown');
  }

  // From here on: input to events.

  #takeNext(): SessionEvent | undefined {
    const next = this.#next;
    this.#next = undefined;
    return next;
  }

  #step(): SessionEvent | undefined {
    const state = this.#state;
    switch (state.phase) {
      case 'connect':
        return { kind: 'connect' };
      case 'content':
        return this.#readContent(state.reader);
      case 'chunk':
        return this.#readChunk(state);
      case 'auth':
        return this.#readResponse();
      case 'handshake':
        return needInput;
      case 'closed':
        return { kind: 'close', reason: state.reason };
      default:
        return this.#readCommand();
    }
  }

  #readCommand(): SessionEvent | undefined {
    const { commandLine = commandLineBytes } = this.#facts.limits;
    const line = this.#input.takeLine(commandLine, this.#lineLimit);
    if (line === undefined) return needInput;
    this.#commands += 1;
    const command = commandOf(line, this.#facts.localDomain);
    this.#stage = stageOf(command, line);
    this.#named = undefined;
    this.#ascii = line.kind === 'line' && line.ascii;
    if (command.verb === 'QUIT') return this.#end(replies.bye, 'quit');
    if (this.#errors >= this.#facts.limits.errorsPerConnection)
      return this.#end(replies.tooManyErrors, 'errors');
    // RFC 5321 §3.1: after a 554 greeting everything but QUIT is 503.
    if (this.#state.phase === 'unwelcome') return this.#say(replies.notWelcome);
    if (isIdle(command)) {
      this.#commandsWithoutMail += 1;
      if (this.#commandsWithoutMail > this.#facts.limits.commandsWithoutMail)
        return this.#end(replies.tooManyIdleCommands, 'errors');
    }
    return this.#on(command);
  }

  /** RFC 5321 §4.5.3.1.4: 512, and what the extensions add to it. */
  readonly #lineLimit = (word: string): number => {
    const { commandLine = commandLineBytes } = this.#facts.limits;
    if (word === 'MAIL') return commandLine + extraBytes.mail;
    if (word === 'RCPT') return commandLine + extraBytes.rcpt;
    return word === 'AUTH' ? Math.max(commandLine, authLineBytes) : commandLine;
  };

  /** The order of commands. RFC 5321 §4.1.4. */
  #on(command: Command): SessionEvent | undefined {
    switch (command.verb) {
      case 'EHLO':
      case 'HELO':
      case 'LHLO':
        return this.#hello(command);
      case 'MAIL':
        return this.#mail(command);
      case 'RCPT':
        return this.#rcpt(command);
      case 'DATA':
        return this.#data();
      case 'BDAT':
        return this.#bdat(command);
      case 'RSET':
        return this.#rset();
      case 'NOOP':
        return this.#say(replies.ok);
      case 'HELP':
        return this.#say(helpReply(command.topic));
      case 'VRFY':
      case 'EXPN': {
        const kind = command.verb === 'VRFY' ? 'vrfy' : 'expn';
        return { kind, argument: command.argument, utf8: command.utf8 };
      }
      case 'ETRN':
        return this.#etrn(command.argument);
      case 'STARTTLS':
        return this.#startTls();
      case 'AUTH':
        return this.#auth(command.mechanism, command.initial);
      case 'malformed':
        return this.#say(command.answer);
      case 'QUIT':
        return this.#end(replies.bye, 'quit');
      default:
        return unreachable(command);
    }
  }

  #hello(command: Extract<Command, { readonly client: string }>): SessionEvent | undefined {
    // RFC 2033 §4.1: LMTP has LHLO and nothing else; SMTP has no LHLO.
    const lmtp = this.#facts.protocol === 'lmtp';
    if (lmtp !== (command.verb === 'LHLO'))
      return this.#say(lmtp ? replies.useLhlo : replies.useEhlo);
    return { kind: 'hello', client: command.client, verb: command.verb };
  }

  #mail(command: Extract<Command, { readonly verb: 'MAIL' }>): SessionEvent | undefined {
    const { phase } = this.#state;
    if (phase === 'transaction') return this.#say(replies.nestedMail);
    this.#sender = command.from;
    this.#accepted = nobody;
    if (phase !== 'ready') return this.#say(this.#needHello());
    const facts = this.#facts;
    // RFC 4954 §6: 530 to any command but AUTH, EHLO, HELO, NOOP, RSET and QUIT.
    if (facts.authRequired && !this.#authenticated) return this.#say(replies.authRequired);
    if (
      facts.limits.messagesPerConnection !== 0 &&
      this.#messages >= facts.limits.messagesPerConnection
    )
      return this.#end(replies.tooManyMessages, 'refused');
    if (command.from !== null && this.#isTooLong(command.from))
      return this.#say(senderTooLong(facts.limits.localPart));
    const read = readMailParams(command.params, facts);
    if (read.kind === 'refuse') return this.#say(read.reply);
    const { params } = read;
    // RFC 6531 §3.4: UTF-8 in a command only in a transaction that says so.
    if (!this.#ascii && findParam(params, 'SMTPUTF8') === undefined)
      return this.#say(replies.needsUtf8);
    return { kind: 'mail', from: command.from, params };
  }

  #rcpt(command: Extract<Command, { readonly verb: 'RCPT' }>): SessionEvent | undefined {
    const state = this.#state;
    this.#named = command.to;
    if (state.phase !== 'transaction') return this.#say(this.#needMail());
    if (state.chunks !== undefined) return this.#say(replies.badSequence);
    // RFC 5321 §4.5.3.1.10: 452, and the client sends the rest in another transaction.
    if (state.recipients >= this.#facts.limits.recipients)
      return this.#say(replies.tooManyRecipients);
    if (this.#isTooLong(command.to))
      return this.#say(recipientTooLong(this.#facts.limits.localPart));
    if (!this.#mayName(command.to.domain)) return this.#say(replies.tooManyDomains);
    const read = readRcptParams(command.params, this.#facts);
    if (read.kind === 'refuse') return this.#say(read.reply);
    if (!state.utf8 && !this.#ascii) return this.#say(replies.needsUtf8);
    return { kind: 'rcpt', to: command.to, params: read.params };
  }

  /** RFC 5321 §4.5.3.1.1, and §4.5.3.1.10 for the 501. */
  #isTooLong({ local }: Mailbox): boolean {
    const { localPart } = this.#facts.limits;
    // A UTF-16 unit is three octets at most: they are counted where it may matter only.
    return local.length * 3 > localPart && Buffer.byteLength(local) > localPart;
  }

  /** RFC 9422 §4.3: those of all transactions of the connection count. */
  #mayName(domain: string): boolean {
    const { domainsPerConnection } = this.#facts.limits;
    const heard = this.#domains;
    if (domainsPerConnection === 0 || heard === undefined || heard.size < domainsPerConnection)
      return true;
    return heard.has(domainKey(domain));
  }

  #data(): SessionEvent | undefined {
    const state = this.#state;
    if (state.phase !== 'transaction') return this.#say(this.#needMail());
    // RFC 3030 §2 and §3: not after BDAT, and not for BINARYMIME.
    if (state.chunks !== undefined || state.binary) return this.#say(replies.chunksOnly);
    // RFC 5321 §3.3 and RFC 2033 §4.2: 503 when no recipient was accepted.
    if (state.recipients === 0) return this.#say(replies.noRecipients);
    return { kind: 'data', via: 'DATA', binary: false };
  }

  // RFC 3030 §2: whatever we think of it, the octets that were announced follow.
  #bdat({ bytes, last }: Extract<Command, { readonly verb: 'BDAT' }>): SessionEvent | undefined {
    const state = this.#state;
    if (!isOffered(chunking, this.#facts)) return this.#say(replies.notImplemented);
    if (bytes > chunkBytesMax) return this.#end(replies.chunkAbsurd, 'refused');
    this.#chunkLeft = bytes;
    if (state.phase !== 'transaction') {
      const refusal = this.#needMail();
      this.#state = { phase: 'chunk', last, transaction: undefined, refusal, resume: state };
    } else if (state.recipients === 0) {
      // RFC 2033 §4.3: a reply for each recipient, and there are none.
      const silent = last && this.#facts.protocol === 'lmtp';
      const refusal = replies.noRecipients;
      this.#state = { phase: 'chunk', last, transaction: state, refusal, resume: state, silent };
    } else if (state.chunks !== undefined) {
      this.#state = this.#chunk(state, last, state.chunks);
    } else {
      this.#state = { phase: 'chunk', last, transaction: state };
      return { kind: 'data', via: 'BDAT', binary: state.binary };
    }
    return undefined;
  }

  /** A chunk that belongs to the message, unless its announced length is too much already. */
  #chunk(transaction: Transaction, last: boolean, chunks: ContentReader): Chunk {
    const { messageSize } = this.#facts.limits;
    const tooBig = messageSize !== 0 && chunks.bytes + this.#chunkLeft > messageSize;
    const state: Chunk = { phase: 'chunk', last, transaction: { ...transaction, chunks } };
    return tooBig ? { ...state, refusal: chunks.refusal ?? replies.messageTooBig } : state;
  }

  // RFC 5321 §4.1.1.5: no effect but 250 when there is no transaction.
  #rset(): SessionEvent | undefined {
    const open = this.#state.phase === 'transaction';
    if (open) this.#state = ready;
    this.#send(replies.reset);
    return open ? reset : undefined;
  }

  // RFC 1985 §5: at any time in a session but within a transaction.
  #etrn(argument: string): SessionEvent | undefined {
    if (!isOffered(etrn, this.#facts)) return this.#say(replies.notImplemented);
    const { phase } = this.#state;
    if (phase === 'transaction') return this.#say(replies.inTransaction);
    if (phase !== 'ready') return this.#say(replies.needHello);
    return { kind: 'etrn', argument };
  }

  // RFC 3207 §4
  #startTls(): SessionEvent | undefined {
    const { secure, startTls, withheld } = this.#facts;
    if (secure) return this.#say(replies.tlsAlready);
    if (!startTls || withheld?.has('STARTTLS')) return this.#say(replies.tlsUnavailable);
    const { phase } = this.#state;
    if (phase === 'fresh') return this.#say(this.#needHello());
    // A login that was good in the clear would not be forgotten by its owner.
    if (this.#authenticated) return this.#say(replies.badSequence);
    this.#send(replies.startTls);
    this.#state = handshake;
    this.#input.clear();
    if (phase !== 'transaction') return starttls;
    this.#next = starttls;
    return reset;
  }

  // RFC 4954 §4
  #auth(mechanism: string, initial: string | undefined): SessionEvent | undefined {
    const facts = this.#facts;
    if (this.#authenticated) return this.#say(replies.authAlready);
    if (!isOffered(auth, facts)) {
      const later = facts.startTls && !facts.secure && !facts.withheld?.has('AUTH');
      return this.#say(later ? replies.authNeedsTls : replies.notImplemented);
    }
    if (this.#state.phase === 'transaction') return this.#say(replies.inTransaction);
    if (this.#state.phase !== 'ready') return this.#say(this.#needHello());
    if (!facts.mechanisms.includes(mechanism)) return this.#say(replies.authUnknownMechanism);
    if (initial === undefined) return { kind: 'auth', mechanism, initial };
    // RFC 4954 §4: "=" is an initial response of no octets.
    const response = initial === '=' ? new Uint8Array() : decodeBase64(initial);
    if (response === undefined) return this.#say(replies.authBadBase64);
    return { kind: 'auth', mechanism, initial: response };
  }

  #readResponse(): SessionEvent | undefined {
    const line = this.#input.takeLine(authLineBytes, () => authLineBytes);
    if (line === undefined) return needInput;
    this.#commands += 1;
    if (line.kind === 'too-long') return this.#cancelAuth(replies.authLineTooLong);
    const text = line.kind === 'line' ? line.text : '?';
    if (text === '*') return this.#cancelAuth(replies.authCancelled);
    const response = decodeBase64(text);
    if (response === undefined) return this.#cancelAuth(replies.authBadBase64);
    return { kind: 'auth-response', response };
  }

  #cancelAuth(because: Reply): SessionEvent {
    this.#state = ready;
    this.#send(because);
    return authCancelled;
  }

  #readContent(reader: ContentReader): SessionEvent | undefined {
    if (reader.ended) return this.#contentComplete(reader);
    const { bytes } = this.#input;
    if (bytes === undefined) return needInput;
    const piece = reader.read(bytes, this.#input.at);
    this.#input.used(reader.at);
    if (piece !== undefined) return { kind: 'content', bytes: piece };
    return reader.ended ? this.#contentComplete(reader) : needInput;
  }

  #readChunk(state: Chunk): SessionEvent | undefined {
    if (this.#chunkLeft === 0) return this.#chunkComplete(state);
    const { bytes, at } = this.#input;
    if (bytes === undefined) return needInput;
    const end = Math.min(bytes.length, at + this.#chunkLeft);
    const reader = state.transaction?.chunks;
    let piece: Uint8Array | undefined;
    let used = end;
    if (state.refusal === undefined && reader !== undefined) {
      piece = reader.read(end === bytes.length ? bytes : bytes.subarray(0, end), at);
      used = reader.at;
    }
    this.#chunkLeft -= used - at;
    this.#input.used(used);
    return piece === undefined ? undefined : { kind: 'content', bytes: piece };
  }

  #chunkComplete(state: Chunk): SessionEvent | undefined {
    const { last, transaction, refusal, resume, silent } = state;
    const reader = transaction?.chunks;
    if (last) reader?.finish();
    const because = refusal ?? reader?.refusal;
    if (because === undefined) {
      assert(transaction !== undefined && reader !== undefined, 'a chunk is refused or read');
      if (last) return { kind: 'message', bytes: reader.bytes };
      this.#state = transaction;
      return this.#say(replies.chunkOk);
    }
    if (silent === true) {
      this.#state = ready;
      return reset;
    }
    // BDAT out of order leaves everything as it was; content that failed ends its transaction.
    if (resume !== undefined) {
      this.#state = resume;
      return this.#say(because);
    }
    return this.#contentRefused(because, last ? this.#recipients() : 1);
  }

  #contentComplete(reader: ContentReader): SessionEvent {
    if (reader.refusal === undefined) return { kind: 'message', bytes: reader.bytes };
    return this.#contentRefused(reader.refusal, this.#recipients());
  }

  /** RFC 2033 §4.2: in LMTP content is refused once for each recipient. */
  #contentRefused(because: Reply, recipients: number): SessionEvent {
    const state = this.#state;
    if (state.phase === 'content') this.#refusedContent = state.reader.refused;
    if (state.phase === 'chunk') this.#refusedContent = state.transaction?.chunks?.refused;
    this.#state = ready;
    this.#send(because);
    this.#refusedContent = undefined;
    if (this.#facts.protocol === 'lmtp')
      for (let i = 1; i < recipients; i += 1) this.#output += formatReply(because);
    return { kind: 'reset', because };
  }

  // Answers and what follows from them.

  #takeQuestion(): Question {
    const question = this.#question;
    assert(question !== undefined, 'there is a question to answer');
    this.#question = undefined;
    return question;
  }

  // RFC 5321 §3.1 and §4.3.2: 220, or 554; anything transient is a 421.
  #greeted(answer: Reply): void {
    if (isTransient(answer)) {
      this.#end({ ...answer, code: 421 }, 'refused');
    } else if (isPositive(answer)) {
      this.#state = fresh;
      const { hostname, protocol } = this.#facts;
      const protocolName = protocol === 'lmtp' ? 'LMTP' : 'ESMTP';
      const line = named(hostname, answer) ?? `${hostname} ${protocolName} ${answer.lines[0]}`;
      this.#output += formatReply(reply(220, undefined, line, ...answer.lines.slice(1)));
    } else {
      this.#state = unwelcome;
      this.#send(answer);
    }
  }

  #helloAnswered(verb: 'EHLO' | 'HELO' | 'LHLO', answer: Reply): void {
    // RFC 5321 §4.1.4: a refused EHLO changes nothing, an accepted one is also a RSET.
    if (!isPositive(answer)) {
      this.#send(answer);
      return;
    }
    if (this.#state.phase === 'transaction') this.#next = reset;
    this.#state = ready;
    this.#extended = verb !== 'HELO';
    const keywords = this.#extended ? advertise(this.#facts) : [];
    const { hostname } = this.#facts;
    this.#output += formatReply(
      reply(250, undefined, named(hostname, answer) ?? hostname, ...keywords),
    );
  }

  #envelopeAnswered(
    question: Extract<Question, { readonly kind: 'mail' | 'rcpt' }>,
    answer: Reply,
  ): void {
    const state = this.#state;
    if (isPositive(answer)) {
      if (question.kind === 'mail') {
        const { params } = question;
        this.#messages += 1;
        this.#state = {
          phase: 'transaction',
          utf8: findParam(params, 'SMTPUTF8') !== undefined,
          binary: findParam(params, 'BODY')?.body === 'BINARYMIME',
          recipients: 0,
        };
      } else {
        assert(state.phase === 'transaction', 'RCPT is only asked inside a transaction');
        if (this.#accepted === nobody) this.#accepted = [];
        this.#accepted.push(question.to);
        this.#state = { ...state, recipients: state.recipients + 1 };
        if (this.#facts.limits.domainsPerConnection > 0) {
          this.#domains ??= new Set();
          this.#domains.add(domainKey(question.to.domain));
        }
      }
    }
    this.#send(answer);
  }

  #dataAnswered(answer: Reply): void {
    const state = this.#state;
    assert(state.phase === 'transaction', 'DATA is only asked inside a transaction');
    if (!isPositive(answer)) {
      this.#send(answer);
      return;
    }
    const { recipients } = state;
    this.#stage = 'content';
    this.#state = { phase: 'content', recipients, reader: this.#reader('dots') };
    this.#send(answer.code === 354 ? answer : replies.startContent);
  }

  #chunkAnswered(answer: Reply): void {
    const state = this.#state;
    assert(state.phase === 'chunk' && state.transaction !== undefined, 'BDAT has begun');
    const { last, transaction } = state;
    this.#state = isPositive(answer)
      ? this.#chunk(transaction, last, this.#reader(transaction.binary ? 'octets' : 'lines'))
      : { ...state, refusal: answer };
  }

  #messageAnswered(answer: Reply, each: readonly Reply[] | undefined): void {
    const recipients = this.#recipients();
    this.#state = ready; // RFC 5321 §4.1.1.4: buffers are cleared whatever the answer
    if (isPositive(answer)) {
      this.#errors = 0;
      this.#commandsWithoutMail = 0;
    }
    if (each !== undefined) {
      for (const [i, one] of each.entries()) {
        this.#note(one, this.#accepted.slice(i, i + 1));
        this.#output += formatReply(one);
      }
      return;
    }
    this.#send(answer);
    if (this.#facts.protocol === 'lmtp')
      for (let i = 1; i < recipients; i += 1) this.#output += formatReply(answer);
  }

  #reader(framing: 'dots' | 'lines' | 'octets'): ContentReader {
    const { bareNewlines, limits } = this.#facts;
    return new ContentReader({ framing, bareNewlines, limits });
  }

  #recipients(): number {
    const state = this.#state;
    if (state.phase === 'content') return state.recipients;
    return state.phase === 'chunk' ? (state.transaction?.recipients ?? 0) : 0;
  }

  #needHello(): Reply {
    return this.#facts.protocol === 'lmtp' ? replies.needLhlo : replies.needHello;
  }

  #needMail(): Reply {
    return this.#state.phase === 'ready' ? replies.needMail : this.#needHello();
  }

  // Sending.

  /** Answers without asking the owner. */
  #say(answer: Reply): undefined {
    this.#send(answer);
  }

  #send(answer: Reply): void {
    this.#note(answer);
    if (isPermanent(answer)) this.#errors += 1;
    this.#output += formatReply(answer);
    // RFC 5321 §3.8: 421 closes the channel, whoever says it.
    if (answer.code === 421) this.#close('refused');
  }

  #note(answer: Reply, whom?: readonly Mailbox[]): void {
    if (answer.code < 400) return;
    const stage = this.#stage;
    const isAboutMail = aboutMail.has(stage);
    const named = this.#named === undefined ? nobody : [this.#named];
    const recipients = stage === 'rcpt' ? named : this.#accepted;
    if (this.#refused === nothingRefused) this.#refused = [];
    this.#refused.push({
      ...{ stage, reply: answer, sender: isAboutMail ? this.#sender : undefined },
      recipients: whom ?? (isAboutMail && stage !== 'mail' ? recipients : nobody),
      content: this.#refusedContent,
    });
  }

  #end(answer: Reply, reason: CloseReason): undefined {
    assert(this.#question === undefined, 'the last question was answered');
    this.#note(answer);
    this.#output += formatReply(answer);
    this.#close(reason);
  }

  #close(reason: CloseReason): void {
    this.#state = { phase: 'closed', reason };
    this.#input.clear();
    this.#next = undefined;
  }
}

/** The owner's own words, if they begin with our name as RFC 5321 §4.2 demands of these replies. */
function named(hostname: string, { lines: [text] }: Reply): string | undefined {
  return text === hostname || text.startsWith(`${hostname} `) ? text : undefined;
}
