// Moves bytes between a connection and a session, and questions between the session and whoever
// answers them. The only code that sees both; a simulation gives it another Peer.

import type { Clock } from '../base/clock.ts';
import { messageOf, stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Patience } from '../net/client-wait.ts';
import { ClientWait, endAfter, endsNow } from '../net/client-wait.ts';
import type { SessionFacts } from '../net/open-session.ts';
import type { Peer } from '../net/peer.ts';
import { startTlsAfter } from '../net/start-tls.ts';
import type { Reply } from '../smtp/reply.ts';
import { formatReply, reply } from '../smtp/reply.ts';
import type { NewClient, Question, Refused, SessionEvent } from '../smtp/server/event.ts';
import type { ServerSession } from '../smtp/server/session.ts';
import { replyFor, SmtpError, StorageError } from '../smtp/smtp-error.ts';

/** An answer to `message` in LMTP: one reply for each accepted recipient. RFC 2033 §4.2. */
export interface Replies {
  readonly each: readonly Reply[];
}
/** An answer to `auth` and `auth-response`: the exchange goes on. */
export interface Challenge {
  readonly challenge: Uint8Array;
}
/** An answer to `xclient`: who the client is from now on. */
export interface Told {
  readonly newClient: NewClient;
}
/** An answer to `burl`: what the URL names. */
export interface Fetched {
  readonly fetched: Uint8Array;
}
export type ServerAnswer = Reply | Replies | Challenge | Told | Fetched;

/** Answers the session's questions. What it throws becomes a 4yz and a line in the log. */
export interface Answerer {
  /** Who has logged in. */
  readonly account?: string | undefined;
  answer(question: Question): ServerAnswer | Promise<ServerAnswer>;
  /** A promise only where the sender must wait. Never fails: the answer to `message` does. */
  content(bytes: Uint8Array): Promise<void> | undefined;
  /** The transaction is over; nothing half-received may remain. */
  reset(): Promise<void> | undefined;
  /** A reply of 4yz or 5yz was given; `cause` is what it does not tell the client. */
  refused?(refused: Refused, cause: string | undefined): void;
  /** The handshake after STARTTLS failed: nothing could be said. */
  tlsFailed?(error: string): void;
  /** The roles have turned round: resolves when we are done as its client, and never fails. RFC 2645 §5.3. */
  turned?(peer: Peer): Promise<void>;
  /** TLS is up: the facts may change what is offered. */
  secured(peer: Peer): { readonly mechanisms: readonly string[]; readonly trusted: boolean };
}

export interface ConversationParts {
  readonly peer: Peer;
  readonly session: ServerSession;
  readonly answerer: Answerer;
  /** Puts TLS under the connection after STARTTLS. */
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly log: Log;
  readonly limits?:
    | {
        /** Longest time for the content of one message, however steadily it trickles in. Milliseconds. */
        readonly messageTimeout?: number | undefined;
      }
    | undefined;
  /** Default: the runtime's monotonic clock. */
  readonly clock?: Pick<Clock, 'now'>;
  /** The connection is gone, and no longer counted. */
  readonly onEnd?: (() => void) | undefined;
}

/** The peer went away, or broke the rules below us (TLS): there is nobody to answer. */
class PeerLost extends Error {
  override readonly name = 'PeerLost';
}

/** Limit: content that never ends keeps a connection and room for itself. */
const defaultMessageMs = 2 * 60 * 60_000;
/**
 * Limit: how long a client may take to hear the reply that ends the conversation, whatever it was
 * about to say. Who said QUIT says no more.
 */
const lingerMs = 2_000;

// RFC 5321 §3.8 and §4.2.1: a conversation that cannot go on ends with 421, and tells nothing of us.
const unforeseen = reply(421, '3.0', 'Local error, try again later');

/** One conversation, which can be told to end. */
export class Conversation {
  readonly #parts: ConversationParts;
  readonly #session: ServerSession;
  #peer: Peer;
  #stopping = false;
  #lingerMs = lingerMs;
  /** For the present command, or for the present message. */
  readonly #wait: ClientWait;
  /** Why the last question was refused, where the reply does not say it. */
  #cause: string | undefined;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    this.#session = parts.session;
    this.#wait = new ClientWait(parts.clock ?? performance);
    this.#peer = parts.peer;
  }

  /** No transaction is open: shutdown() ends it at once. */
  get idle(): boolean {
    return this.#wait.waiting && this.#session.idle;
  }

  facts(): SessionFacts {
    const { account } = this.#parts.answerer;
    return { account, phase: this.#session.phase, secure: this.#peer.tls !== undefined };
  }

  ended(): void {
    this.#parts.onEnd?.();
  }

  /** Resolves when the connection is gone. Never rejects. */
  async run(): Promise<void> {
    const { answerer, log } = this.#parts;
    try {
      for (let more = true; more; ) {
        // Most events need no waiting: a promise for each of them would be most of the work.
        const step = this.#step(this.#next());
        more = typeof step === 'boolean' ? step : await step;
      }
      await this.#peer.end(this.#lingerMs);
    } catch (error) {
      if (error instanceof PeerLost) log.debug('connection lost', { error: error.message });
      else await this.#failed(error);
    } finally {
      this.#peer.destroy();
      await answerer.reset()?.catch((error: unknown) => {
        log.error('clean-up failed', { error: messageOf(error) });
      });
    }
  }

  /** Ends an idle conversation with 421 (RFC 5321 §3.8); others end after their transaction. */
  shutdown(): void {
    this.#stopping = true;
    if (!this.idle) return;
    this.#session.shuttingDown();
    endAfter(this.#flush(), this.#peer, lingerMs);
  }

  /** Drops the connection now. */
  destroy(): void {
    this.#peer.destroy();
  }

  #next(): SessionEvent {
    const event = this.#session.next();
    this.#tellRefused();
    return event;
  }

  #tellRefused(): void {
    const refused = this.#session.takeRefused();
    if (refused.length === 0) return;
    for (const one of refused) this.#parts.answerer.refused?.(one, this.#cause);
    this.#cause = undefined;
  }

  /** False when the conversation is over. */
  #step(event: SessionEvent): boolean | Promise<boolean> {
    const { answerer } = this.#parts;
    switch (event.kind) {
      case 'need-input':
        return this.#exchange();
      case 'content':
        return answerer.content(event.bytes)?.then(goOn) ?? true;
      case 'reset':
      case 'auth-cancelled':
        return answerer.reset()?.then(goOn) ?? true;
      case 'starttls':
        return this.#startTls().then(goOn);
      case 'turned':
        // Even where the 250 does not get away: whoever gave it waits for the turn, and finds out that nobody is there.
        return this.#flush()
          .catch(() => {})
          .then(() => answerer.turned?.(this.#peer))
          .then(() => false);
      case 'close':
        if (event.reason === 'quit') this.#lingerMs = 0;
        return this.#flush().then(() => false);
      default:
        return this.#answer(event);
    }
  }

  #answer(question: Question): true | Promise<true> {
    try {
      const given = this.#parts.answerer.answer(question);
      if (!(given instanceof Promise)) return this.#give(given);
      return given.then(
        (answer) => this.#give(answer),
        (error) => this.#give(this.#refusal(question, error)),
      );
    } catch (error) {
      return this.#give(this.#refusal(question, error));
    }
  }

  #give(answer: ServerAnswer): true {
    const session = this.#session;
    if ('each' in answer) session.answerEach(answer.each);
    else if ('challenge' in answer) session.challenge(answer.challenge);
    else if ('fetched' in answer) session.fetched(answer.fetched);
    else if ('newClient' in answer) session.clientTold(answer.newClient);
    else session.answer(answer);
    this.#tellRefused();
    return true;
  }

  /** RFC 5321 §4.2.1: what nobody foresaw is transient, and says nothing about us. */
  #refusal(question: Question, error: unknown): Reply {
    const { log } = this.#parts;
    const during = question.kind;
    const hidden = error instanceof SmtpError ? error.cause : error;
    if (hidden !== undefined) this.#cause = messageOf(hidden);
    if (!(error instanceof SmtpError))
      log.error('unforeseen failure', { during, error: stackOf(error) });
    else if (error instanceof StorageError || error.cause !== undefined)
      log.warn('refused for now', { during, error: messageOf(error.cause ?? error) });
    return replyFor(error);
  }

  /** A mistake of ours that no question can be answered for. */
  async #failed(error: unknown): Promise<void> {
    this.#parts.log.error('unforeseen failure', { during: 'session', error: stackOf(error) });
    const output = this.#session.output() + formatReply(unforeseen);
    void this.#peer.write(output)?.catch(() => {});
    await this.#peer.end(lingerMs);
  }

  /** For each of a client's lines: promises where the peer is waited for, and nowhere else. */
  #exchange(): Promise<boolean> {
    this.#wait.release(this.#peer);
    const waiting = this.#send();
    return waiting === undefined ? this.#listen() : waiting.then(this.#listen, lost);
  }

  readonly #listen = (): Promise<boolean> => {
    if (endsNow(this.#session, this.#stopping)) return this.#flush().then(() => false);
    return this.#wait.read(this.#peer, this.#patience()).then(this.#heard, lost);
  };

  readonly #heard = (chunk: Uint8Array | 'timeout' | undefined): boolean | Promise<boolean> => {
    if (chunk === 'timeout') return this.#timedOut();
    if (chunk === undefined) return false;
    this.#session.receive(chunk);
    return true;
  };

  async #timedOut(): Promise<boolean> {
    this.#session.timedOut();
    this.#tellRefused();
    await this.#flush();
    return false;
  }

  /** For content the whole time is the message's, however it trickles in. */
  #patience(): Patience {
    const { commands, inContent, timeoutMs } = this.#session;
    const wholeMs = inContent
      ? (this.#parts.limits?.messageTimeout ?? defaultMessageMs)
      : undefined;
    return { commands, timeoutMs, wholeMs };
  }

  #flush(): Promise<void> {
    return this.#send()?.catch(lost) ?? done;
  }

  /** A promise only where the peer takes time. */
  #send(): Promise<void> | undefined {
    const output = this.#session.output();
    return output === '' ? undefined : this.#peer.write(output, this.#session.timeoutMs);
  }

  async #startTls(): Promise<void> {
    const { startTls } = this.#parts;
    this.#peer = await startTlsAfter(this.#flush(), this.#peer, startTls).catch(
      (error: unknown) => {
        this.#parts.answerer.tlsFailed?.(messageOf(error));
        return lost(error);
      },
    );
    this.#session.tlsStarted(this.#parts.answerer.secured(this.#peer));
  }
}

const done = Promise.resolve();
const goOn = (): true => true;
const lost = (cause: unknown): never => {
  throw new PeerLost(messageOf(cause), { cause });
};
