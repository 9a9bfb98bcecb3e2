// The client's half of an SMTP or LMTP conversation, without I/O. Bytes go in through receive();
// next() says what happened; output() is what to send. The owner gives one command at a time, after
// `ready` or `refused`, and gets one event for it. RFC 5321 §4.1.4, RFC 3207, RFC 4954, RFC 2033.
// Whatever the server does, every command ends in an event, and every transaction in an answer for
// each recipient; a server that breaks the rules closes the session, never more. What a reply leads to is a
// table: phases.ts.

import { assert, unreachable } from '../../base/assert.ts';
import type { SaslClient } from '../../sasl/mechanism.ts';
import type { Reply } from '../reply.ts';
import type { Capabilities } from './capabilities.ts';
import { SessionCore } from './core.ts';
import type { ClientEvent, Closure, Outgoing } from './event.ts';
import { helloAnswered, sayHello, sayOldHello, secured, startTlsAnswered } from './greeting.ts';
import { beginLogin, challenged, loginRefused, loginSucceeded } from './login-phase.ts';
import type { ClientSessionOptions } from './options.ts';
import type { AskedPhase, Phase } from './phases.ts';
import { leadsTo } from './phases.ts';
import { answerUnsent, beginTransaction, transactionAnswered } from './sending.ts';

/** A name that holds nothing which could end it, or its line. */
const isWord = (name: string): boolean => /^[^\x00-\x20\x7f]+$/.test(name);

const needInput: ClientEvent = { kind: 'need-input' };

export class ClientSession {
  readonly #core: SessionCore;
  #heard = 0;

  constructor(options: ClientSessionOptions) {
    assert(isWord(options.hostname), 'our name is one word');
    this.#core = new SessionCore(options);
  }

  // What the owner may ask.

  /** What the last EHLO said. */
  get capabilities(): Capabilities {
    return this.#core.capabilities;
  }

  /** A command may be given. */
  get ready(): boolean {
    return this.#core.phase === 'ready';
  }

  get closure(): Closure | undefined {
    return this.#core.closure;
  }

  /** Replies so far: each begins a new wait. */
  get heard(): number {
    return this.#heard;
  }

  /** How long the next reply may take. RFC 5321 §4.5.3.2. */
  get timeoutMs(): number {
    const { phase, timeouts, transaction } = this.#core;
    if (transaction !== undefined) return transaction.timeoutMs(timeouts);
    return isGreeting(phase) ? timeouts.greetingMs : timeouts.commandMs;
  }

  // What the owner does.

  /** The next piece to send; undefined when there is none. Strings are UTF-8. */
  output(): string | Uint8Array | undefined {
    return this.#core.output.shift();
  }

  receive(bytes: Uint8Array): void {
    if (this.#core.closure === undefined) this.#core.reader.push(bytes);
  }

  /** The stream ended or broke, after next() had nothing more; `text` says how. */
  ended(text = 'The connection was closed'): void {
    if (this.#core.closure === undefined) this.#core.lost(text);
  }

  /** Nothing came for timeoutMs. */
  timedOut(): void {
    const core = this.#core;
    if (core.closure !== undefined) return;
    const { stage } = core;
    const seconds = Math.round(this.timeoutMs / 1000);
    const waited = seconds === 1 ? 'a second' : `${seconds} seconds`;
    const text =
      stage === 'greeting' ? `No greeting for ${waited}` : `No answer for ${waited} ${core.moment}`;
    core.close({ kind: 'timeout', stage, text });
  }

  next(): ClientEvent {
    return this.#takeQueued() ?? this.#readAll() ?? needInput;
  }

  /** STARTTLS was offered; events: `starttls`, or `refused`. RFC 3207 §4. */
  startTls(): void {
    this.#ask('STARTTLS');
  }

  /** The handshake is done: everything known of the server is forgotten, EHLO is said again. */
  tlsStarted(): void {
    assert(this.#core.phase === 'handshake', 'STARTTLS was accepted');
    secured(this.#core);
  }

  /** Events: `ready`, or `refused`. RFC 4954 §4. */
  authenticate(client: SaslClient): void {
    if (this.#mayAsk()) beginLogin(this.#core, client);
  }

  /** Event: `sent`. Needs as many `recipients` as the server's LIMITS allow, or fewer. */
  send(outgoing: Outgoing): void {
    assert(outgoing.recipients.length > 0, 'a transaction has recipients');
    if (this.#mayAsk()) beginTransaction(this.#core, outgoing);
    else answerUnsent(this.#core, outgoing);
  }

  /** After the event `content`: pieces of it, sent as they are given. */
  content(bytes: Uint8Array): void {
    if (this.#core.closure !== undefined) return;
    const transaction = this.#core.openTransaction();
    if (bytes.length > 0) transaction.content(bytes);
  }

  endContent(): void {
    if (this.#core.closure === undefined) this.#core.openTransaction().endContent();
  }

  /** Event: `ready`, or `refused`. After a transaction it is not needed: send() sees to it. */
  reset(): void {
    this.#ask('RSET');
  }

  /** Event: `closed`, whatever is answered. RFC 5321 §4.1.1.10. */
  quit(): void {
    if (this.#core.closure === undefined) this.#ask('QUIT');
  }

  #ask(verb: AskedPhase): void {
    if (this.#mayAsk()) this.#core.command(verb, verb);
  }

  /** False when the session has ended: then there is nobody to ask. */
  #mayAsk(): boolean {
    const core = this.#core;
    assert(core.phase === 'ready', 'the session waits for a command');
    // The server spoke while nothing was asked of it: then replies could be counted wrongly.
    if (!core.reader.pending) return true;
    this.#readAll();
    if (core.closure === undefined) core.broken('The server spoke');
    return false;
  }

  // From here on: replies to events.

  #takeQueued(): ClientEvent | undefined {
    const { queued } = this.#core;
    this.#core.queued = undefined;
    return queued;
  }

  /** The next event out of what was received. */
  #readAll(): ClientEvent | undefined {
    const core = this.#core;
    while (core.closure === undefined) {
      if (core.phase === 'ready' && !core.reader.pending) return undefined;
      const reply = core.reader.next();
      if (reply === undefined) return undefined;
      if ('problem' in reply) {
        core.broken(reply.problem);
        break;
      }
      this.#heard += 1;
      core.traceReply(reply);
      // What it answers has not been sent yet. A 250 that came along with the 354 would be taken for
      // the answer to a message that the server has not seen; a refusal can be believed.
      if (core.output.length > 0 && reply.code < 400) {
        core.broken('A reply came too early,');
        break;
      }
      const event = this.#onReply(reply);
      if (event !== undefined) return event;
    }
    return this.#takeQueued() ?? { kind: 'closed', because: core.closure! };
  }

  #onReply(reply: Reply): ClientEvent | undefined {
    const core = this.#core;
    const { phase, transaction } = core;
    // RFC 5321 §3.8: 421 may come at any moment, and means that the connection is being closed. But
    // in LMTP (RFC 2033 §4.2) it may be for one recipient, with a 250 for the next right behind it.
    if (reply.code === 421 && transaction?.owedMore !== true) return core.unwelcome(reply);
    if (phase === 'transaction') return transactionAnswered(core, reply);
    if (phase === 'closed') return undefined;
    const next = leadsTo(phase, reply);
    switch (next) {
      case 'hello':
        return sayHello(core);
      case 'HELO':
        return sayOldHello(core);
      case 'handshake':
        return startTlsAnswered(core, reply);
      case 'challenge':
        return challenged(core, reply);
      case 'ready':
        return this.#granted(phase, reply);
      case 'refused':
        return this.#refused(phase, reply);
      case 'unwelcome':
        return core.unwelcome(reply);
      case 'unasked':
        return core.broken('The server spoke');
      case 'closed':
        return core.close({ kind: 'quit' });
      default:
        return unreachable(next);
    }
  }

  #granted(phase: Phase, reply: Reply): ClientEvent {
    const core = this.#core;
    if (isGreeting(phase)) return helloAnswered(core, reply, phase !== 'HELO');
    if (phase === 'AUTH') return loginSucceeded(core);
    if (phase === 'RSET') core.leftOpen = false;
    return core.becomeReady();
  }

  #refused(phase: Phase, reply: Reply): ClientEvent {
    if (phase === 'AUTH') return loginRefused(this.#core, reply);
    assert(phase === 'STARTTLS' || phase === 'RSET', 'it can be refused');
    return this.#core.refused(phase, reply);
  }
}

/** Until the first answer to EHLO a server may take its time: RFC 5321 §4.5.3.2.1. */
const isGreeting = (phase: Phase): boolean =>
  phase === 'greeting' || phase === 'EHLO' || phase === 'HELO' || phase === 'LHLO';
