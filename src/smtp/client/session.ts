// The client's half of an SMTP or LMTP conversation, without I/O. Bytes go in through receive();
// next() says what happened; output() is what to send. The owner gives one command at a time, after
// `ready` or `refused`, and gets one event for it. RFC 5321 §4.1.4, RFC 3207, RFC 4954, RFC 2033.
// Whatever the server does, every command ends in an event, and every transaction in an answer for
// each recipient; a server that breaks the rules closes the session, never more.

import { assert, unreachable } from '../../base/assert.ts';
import type { SaslClient } from '../../sasl/mechanism.ts';
import type { Reply } from '../reply.ts';
import { formatReply, reply as makeReply } from '../reply.ts';
import { authCommand, saslAnswer, saslFailed } from './auth.ts';
import type { Capabilities } from './capabilities.ts';
import { noCapabilities, parseCapabilities } from './capabilities.ts';
import { closureReply, during, inAnswerTo } from './closure.ts';
import type { ClientEvent, Closure, Outgoing, RecipientAnswer, Stage } from './event.ts';
import { briefReply, ReplyReader } from './reply-reader.ts';
import type { ClientTimeouts } from './timeouts.ts';
import { defaultTimeouts } from './timeouts.ts';
import { Transaction, tooBig } from './transaction.ts';

/** One line of the conversation as it goes: for people who debug. Secrets and content left out. */
export type Trace = (direction: 'C' | 'S', line: string) => void;

export interface ClientSessionOptions {
  readonly protocol: 'smtp' | 'lmtp';
  /** Our name, for EHLO. */
  readonly hostname: string;
  readonly timeouts?: ClientTimeouts | undefined;
  /** False: BDAT only for binary content. Default: also where it saves a round trip. */
  readonly chunking?: boolean | undefined;
  readonly trace?: Trace | undefined;
}

type State =
  | { readonly phase: 'greeting' | 'ready' | 'starttls' | 'handshake' | 'closed' }
  | { readonly phase: 'hello'; readonly verb: 'EHLO' | 'HELO' | 'LHLO' }
  | {
      readonly phase: 'auth';
      readonly client: SaslClient;
      held: Uint8Array | undefined;
      failed: boolean;
    }
  | { readonly phase: 'command'; readonly verb: 'RSET' | 'NOOP' | 'QUIT' }
  | { readonly phase: 'transaction'; readonly transaction: Transaction };

/** A name that holds nothing which could end it, or its line. */
const isWord = (name: string): boolean => /^[^\x00-\x20\x7f]+$/.test(name);

const needInput: ClientEvent = { kind: 'need-input' };
const ready: ClientEvent = { kind: 'ready' };
const wantContent: ClientEvent = { kind: 'content' };
const startTls: ClientEvent = { kind: 'starttls' };

export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #timeouts: ClientTimeouts;
  readonly #reader = new ReplyReader();
  readonly #send = (piece: string | Uint8Array): void => {
    this.#output.push(piece);
  };
  #output: (string | Uint8Array)[] = [];
  #state: State = { phase: 'greeting' };
  #capabilities = noCapabilities;
  #closure: Closure | undefined;
  /** Events that happened together with one that was returned. */
  #queued: ClientEvent | undefined;
  #leftOpen = false;
  #heard = 0;

  constructor(options: ClientSessionOptions) {
    assert(isWord(options.hostname), 'our name is one word');
    this.#options = options;
    this.#timeouts = options.timeouts ?? defaultTimeouts;
  }

  /** What the last EHLO said. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** A command may be given. */
  get ready(): boolean {
    return this.#state.phase === 'ready';
  }

  get closure(): Closure | undefined {
    return this.#closure;
  }

  /** Replies so far: each begins a new wait. */
  get heard(): number {
    return this.#heard;
  }

  /** How long the next reply may take. RFC 5321 §4.5.3.2. */
  get timeoutMs(): number {
    const state = this.#state;
    if (state.phase === 'transaction') return state.transaction.timeoutMs(this.#timeouts);
    return state.phase === 'greeting' || state.phase === 'hello'
      ? this.#timeouts.greetingMs
      : this.#timeouts.commandMs;
  }

  /** The next piece to send; undefined when there is none. Strings are UTF-8. */
  output(): string | Uint8Array | undefined {
    return this.#output.shift();
  }

  receive(bytes: Uint8Array): void {
    if (this.#closure === undefined) this.#reader.push(bytes);
  }

  /** The stream ended or broke, after next() had nothing more; `text` says how. */
  ended(text = 'The connection was closed'): void {
    if (this.#closure === undefined)
      this.#close({ kind: 'lost', stage: this.#stage, text: `${text} ${during(this.#stage)}` });
  }

  /** Nothing came for timeoutMs. */
  timedOut(): void {
    if (this.#closure !== undefined) return;
    const seconds = Math.round(this.timeoutMs / 1000);
    const waited = seconds === 1 ? 'a second' : `${seconds} seconds`;
    const stage = this.#stage;
    const text =
      stage === 'greeting'
        ? `No greeting for ${waited}`
        : `No answer for ${waited} ${during(stage)}`;
    this.#close({ kind: 'timeout', stage: this.#stage, text });
  }

  next(): ClientEvent {
    const queued = this.#queued;
    if (queued !== undefined) {
      this.#queued = undefined;
      return queued;
    }
    return this.#readAll() ?? needInput;
  }

  /** STARTTLS was offered; events: `starttls`, or `refused`. RFC 3207 §4. */
  startTls(): void {
    this.#begin({ phase: 'starttls' }, 'STARTTLS');
  }

  /** The handshake is done: everything known of the server is forgotten, EHLO is said again. */
  tlsStarted(): void {
    assert(this.#state.phase === 'handshake', 'STARTTLS was accepted');
    // RFC 3207 §4.2: the client must discard any knowledge obtained before.
    this.#reader.clear();
    this.#capabilities = noCapabilities;
    this.#hello(this.#options.protocol === 'lmtp' ? 'LHLO' : 'EHLO');
  }

  /** Events: `ready`, or `refused`. RFC 4954 §4. */
  authenticate(client: SaslClient): void {
    const { line, shown, held } = authCommand(client);
    this.#options.trace?.('C', shown);
    this.#begin({ phase: 'auth', client, held, failed: false }, line, true);
  }

  /** Event: `sent`. Needs as many `recipients` as the server's LIMITS allow, or fewer. */
  send(outgoing: Outgoing): void {
    assert(this.#state.phase === 'ready', 'the session waits for a command');
    assert(outgoing.recipients.length > 0, 'a transaction has recipients');
    const { messageBytesMax } = this.#capabilities;
    if (this.#interrupted()) this.#answerUnsent(outgoing);
    // RFC 1870 §6.1: over the declared fixed limit there is no point in asking.
    else if (contentSize(outgoing) > messageBytesMax)
      this.#answerLocally(outgoing, tooBig(messageBytesMax));
    else this.#transact(outgoing);
  }

  /** After the event `content`: pieces of it, sent as they are given. */
  content(bytes: Uint8Array): void {
    if (this.#closure !== undefined) return;
    assert(this.#state.phase === 'transaction', 'content belongs to a transaction');
    if (bytes.length > 0) this.#state.transaction.content(bytes);
  }

  endContent(): void {
    if (this.#closure !== undefined) return;
    assert(this.#state.phase === 'transaction', 'content belongs to a transaction');
    this.#state.transaction.endContent();
  }

  /** Event: `ready`, or `refused`. After a transaction it is not needed: send() sees to it. */
  reset(): void {
    this.#begin({ phase: 'command', verb: 'RSET' }, 'RSET');
  }

  /** Whether the server is still there. Event: `ready`, or `refused`. */
  noop(): void {
    this.#begin({ phase: 'command', verb: 'NOOP' }, 'NOOP');
  }

  /** Event: `closed`, whatever is answered. RFC 5321 §4.1.1.10. */
  quit(): void {
    if (this.#closure !== undefined) return;
    this.#begin({ phase: 'command', verb: 'QUIT' }, 'QUIT');
  }

  #transact(outgoing: Outgoing): void {
    const { protocol, chunking = true, trace } = this.#options;
    const transaction = new Transaction({
      outgoing,
      capabilities: this.#capabilities,
      protocol,
      chunking,
      resetFirst: this.#leftOpen,
      send: this.#send,
      trace: trace && ((line) => trace('C', line)),
    });
    this.#state = { phase: 'transaction', transaction };
    transaction.start();
  }

  #begin(state: State, line: string, secret = false): void {
    assert(this.#state.phase === 'ready', 'the session waits for a command');
    if (this.#interrupted()) return;
    if (!secret) this.#options.trace?.('C', line);
    this.#state = state;
    this.#send(`${line}\r\n`);
  }

  /** The server spoke while nothing was asked of it: then replies could be counted wrongly. */
  #interrupted(): boolean {
    if (this.#closure !== undefined) return true;
    if (!this.#reader.pending) return false;
    this.#readAll();
    if (this.#closure === undefined) this.#broken('The server spoke');
    return true;
  }

  #hello(verb: 'EHLO' | 'HELO' | 'LHLO'): void {
    const line = `${verb} ${this.#options.hostname}`;
    this.#options.trace?.('C', line);
    this.#state = { phase: 'hello', verb };
    this.#send(`${line}\r\n`);
  }

  /** The next event out of what was received. */
  #readAll(): ClientEvent | undefined {
    while (this.#closure === undefined) {
      if (this.#state.phase === 'ready' && !this.#reader.pending) return undefined;
      const reply = this.#reader.next();
      if (reply === undefined) return undefined;
      if ('problem' in reply) {
        this.#broken(reply.problem);
        break;
      }
      this.#heard += 1;
      this.#traceReply(reply);
      // What it answers has not been sent yet. A 250 that came along with the 354 would be taken for
      // the answer to a message that the server has not seen; a refusal can be believed.
      if (this.#output.length > 0 && reply.code < 400) {
        this.#broken('A reply came too early,');
        break;
      }
      const event = this.#onReply(reply);
      if (event !== undefined) return event;
    }
    const queued = this.#queued;
    this.#queued = undefined;
    return queued ?? { kind: 'closed', because: this.#closure! };
  }

  #onReply(reply: Reply): ClientEvent | undefined {
    const state = this.#state;
    // RFC 5321 §3.8: 421 may come at any moment, and means that the connection is being closed. But
    // in LMTP (RFC 2033 §4.2) it may be for one recipient, with a 250 for the next right behind it.
    const more = state.phase === 'transaction' && state.transaction.owedMore;
    if (reply.code === 421 && !more) return this.#refusedForGood(reply);
    switch (state.phase) {
      case 'greeting':
        if (reply.code >= 300) return this.#refusedForGood(reply);
        this.#hello(this.#options.protocol === 'lmtp' ? 'LHLO' : 'EHLO');
        return undefined;
      case 'hello':
        return this.#onHello(state.verb, reply);
      case 'starttls':
        return this.#onStartTls(reply);
      case 'auth':
        return this.#onAuth(state, reply);
      case 'command':
        return this.#onCommand(state.verb, reply);
      case 'transaction':
        return this.#onTransaction(state.transaction, reply);
      case 'ready':
      case 'handshake':
        return this.#broken('The server spoke');
      case 'closed':
        return undefined;
      default:
        return unreachable(state);
    }
  }

  // RFC 5321 §3.2: a server that does not know EHLO is greeted with HELO.
  #onHello(verb: 'EHLO' | 'HELO' | 'LHLO', reply: Reply): ClientEvent | undefined {
    if (reply.code < 300) {
      this.#capabilities = parseCapabilities(reply, verb !== 'HELO');
      this.#leftOpen = false;
      return this.#becomeReady();
    }
    if (verb === 'EHLO' && reply.code >= 500) {
      this.#hello('HELO');
      return undefined;
    }
    return this.#refusedForGood(reply);
  }

  #onStartTls(reply: Reply): ClientEvent | undefined {
    // RFC 3207 §4: 220 go ahead, 454 not available now, 501 and others: not at all.
    if (reply.code !== 220) {
      this.#state = { phase: 'ready' };
      return { kind: 'refused', verb: 'STARTTLS', reply };
    }
    // CVE-2011-0411: what came along with the 220 was put there by somebody in between, who would
    // like it to be taken for an answer given under TLS.
    if (this.#reader.pending) return this.#broken('More than one reply came');
    this.#state = { phase: 'handshake' };
    return startTls;
  }

  #onAuth(state: Extract<State, { phase: 'auth' }>, reply: Reply): ClientEvent | undefined {
    if (reply.code < 300) return this.#becomeReady();
    if (reply.code === 334 && !state.failed) {
      const answer = saslAnswer(state, reply.lines[0]);
      state.held = undefined;
      // RFC 4954 §4: "*" cancels, and the server answers 501.
      if (answer === undefined) state.failed = true;
      this.#options.trace?.('C', answer === undefined ? '*' : '***');
      this.#send(answer === undefined ? '*\r\n' : `${answer}\r\n`);
      return undefined;
    }
    if (reply.code < 400) return this.#broken(`Unexpected reply ${reply.code}`);
    this.#state = { phase: 'ready' };
    return { kind: 'refused', verb: 'AUTH', reply: state.failed ? saslFailed : reply };
  }

  #onCommand(verb: 'RSET' | 'NOOP' | 'QUIT', reply: Reply): ClientEvent | undefined {
    if (verb === 'QUIT') return this.#close({ kind: 'quit' });
    this.#state = { phase: 'ready' };
    if (reply.code >= 300) return { kind: 'refused', verb, reply };
    if (verb === 'RSET') this.#leftOpen = false;
    return this.#becomeReady();
  }

  #onTransaction(transaction: Transaction, reply: Reply): ClientEvent | undefined {
    const step = transaction.onReply(briefReply(reply));
    if (step === 'wait') return undefined;
    if (step === 'content') return wantContent;
    if (step !== 'done') return this.#broken(step.problem);
    this.#leftOpen = transaction.leftOpen;
    this.#state = { phase: 'ready' };
    return sent(transaction, transaction.answerRest(noAnswer, false));
  }

  #becomeReady(): ClientEvent {
    this.#state = { phase: 'ready' };
    return ready;
  }

  #refusedForGood(reply: Reply): ClientEvent | undefined {
    // RFC 5321 §3.1: a server that refuses the session still waits for QUIT; after 421 nobody does.
    if (reply.code !== 421) this.#send('QUIT\r\n');
    return this.#close({ kind: 'refused', stage: this.#stage, reply: briefReply(reply) });
  }

  #broken(text: string): undefined {
    this.#close({ kind: 'broken', stage: this.#stage, text: `${text} ${inAnswerTo(this.#stage)}` });
  }

  /** Ends everything. An open transaction gets its answers first. */
  #close(because: Closure): undefined {
    const state = this.#state;
    this.#closure = because;
    this.#state = { phase: 'closed' };
    this.#reader.clear();
    if (state.phase !== 'transaction') return;
    const remote = because.kind === 'refused';
    this.#output = [];
    const reply = closureReply(because);
    this.#queued = sent(state.transaction, state.transaction.answerRest(reply, remote));
  }

  get #stage(): Stage {
    const state = this.#state;
    switch (state.phase) {
      case 'greeting':
        return 'greeting';
      case 'hello':
      case 'command':
        return state.verb;
      case 'starttls':
      case 'handshake':
        return 'STARTTLS';
      case 'auth':
        return 'AUTH';
      case 'transaction':
        return state.transaction.stage;
      default:
        return 'idle';
    }
  }

  #answerUnsent(outgoing: Outgoing): void {
    const because = this.#closure;
    assert(because !== undefined, 'the session was interrupted');
    const answer = {
      reply: closureReply(because),
      stage: 'idle',
      remote: because.kind === 'refused',
    } as const;
    const answers = outgoing.recipients.map(() => answer);
    this.#queued = { kind: 'sent', answers, answered: false, complete: false };
  }

  #answerLocally(outgoing: Outgoing, reply: Reply): void {
    const answer = { reply, stage: 'MAIL', remote: false } as const;
    const answers = outgoing.recipients.map(() => answer);
    this.#queued = { kind: 'sent', answers, answered: true, complete: false };
  }

  #traceReply(reply: Reply): void {
    const { trace } = this.#options;
    if (trace === undefined) return;
    // Challenges of AUTH are left out of traces: with them and the answer a password can be guessed offline.
    const text =
      this.#state.phase === 'auth' && reply.code === 334 ? '334 ***' : formatReply(reply);
    for (const line of text.trimEnd().split('\r\n')) trace('S', line);
  }
}

const sent = (transaction: Transaction, answers: readonly RecipientAnswer[]): ClientEvent => ({
  kind: 'sent',
  answers,
  answered: transaction.answered,
  complete: transaction.complete,
});

const noAnswer = makeReply(451, '5.0', 'The next host did not answer for this recipient');

function contentSize({ content }: Outgoing): number {
  if (content.kind === 'stream') return content.size;
  let size = 0;
  for (const piece of content.pieces) size += piece.length;
  return size;
}
