// Moves bytes between a connection and a POP3 session, and questions between the session and what
// answers them. Sends no faster than the client reads: one batch of output is in memory at a time.

import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import { ClientWait, endAfter, endsNow } from '../../net/client-wait.ts';
import type { SessionFacts } from '../../net/open-session.ts';
import type { Peer } from '../../net/peer.ts';
import { startTlsAfter } from '../../net/start-tls.ts';
import type { Answer, Question, SessionEvent } from '../../pop3/event.ts';
import type { Pop3Session } from '../../pop3/session.ts';
import type { Content } from '../../store/content.ts';
import type { Pop3Access } from './pop3-access.ts';

export interface Pop3ConversationParts {
  readonly peer: Peer;
  readonly session: Pop3Session;
  readonly access: Pop3Access;
  /** Puts TLS under the connection after STLS. */
  readonly startTls: (peer: Peer) => Promise<Peer>;
  /** What is offered once it is there. */
  readonly mechanisms: (peer: Peer) => readonly string[];
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

type MessageQuestion = Extract<Question, { readonly kind: 'message' }>;

const isContent = (found: Content | Answer): found is Content => 'size' in found;

/** One conversation, which can be told to end. */
export class Pop3Conversation {
  readonly #parts: Pop3ConversationParts;
  readonly #session: Pop3Session;
  #peer: Peer;
  #stopping = false;
  readonly #wait: ClientWait;

  constructor(parts: Pop3ConversationParts) {
    this.#parts = parts;
    this.#session = parts.session;
    this.#peer = parts.peer;
    this.#wait = new ClientWait(parts.clock);
  }

  facts(): SessionFacts {
    const { account } = this.#parts.access;
    return { account, phase: this.#session.phase, secure: this.#peer.tls !== undefined };
  }

  /** Resolves when the connection is gone. Never rejects. */
  async run(): Promise<void> {
    const { access, log } = this.#parts;
    try {
      for (;;) {
        const going = this.#step(this.#session.next());
        if (!(typeof going === 'boolean' ? going : await going)) break;
      }
      await this.#peer.end();
    } catch (error) {
      // The peer went away, or broke the rules below us (TLS). RFC 1939 §6: nothing is removed.
      log.debug('connection lost', { error: messageOf(error) });
    } finally {
      this.#peer.destroy();
      access.close();
    }
  }

  /** Ends at once where nothing is marked as deleted, otherwise when the client has said QUIT. */
  shutdown(): void {
    this.#stopping = true;
    if (!this.#wait.waiting || !this.#session.idle) return;
    this.#session.shuttingDown();
    endAfter(this.#flush(), this.#peer);
  }

  /** Drops the connection now. */
  destroy(): void {
    this.#peer.destroy();
  }

  /** False when the conversation is over. A promise only where there is something to wait for. */
  #step(event: SessionEvent): boolean | Promise<boolean> {
    switch (event.kind) {
      case 'message':
        return this.#message(event);
      case 'need-input':
        return this.#exchange();
      case 'flush':
        return this.#flush().then(goOn);
      case 'auth-cancelled':
        this.#parts.access.cancelLogin();
        return true;
      case 'starttls':
        return this.#startTls().then(goOn);
      case 'close':
        return this.#flush().then(() => false);
      default:
        return this.#answer(event);
    }
  }

  async #answer(question: Exclude<Question, MessageQuestion>): Promise<boolean> {
    this.#session.answer(await this.#parts.access.answer(question, this.#peer));
    return true;
  }

  #message(question: MessageQuestion): boolean | Promise<boolean> {
    const found = this.#parts.access.message(question);
    if (found instanceof Promise) return found.then((content) => this.#give(content));
    return this.#give(found);
  }

  #give(found: Content | Answer): boolean | Promise<boolean> {
    if (!isContent(found)) this.#session.answer(found);
    else if (found.bytes === undefined) return this.#stream(found);
    else {
      // The session copies it into its output, so that its memory can be given back at once.
      this.#session.answer({ kind: 'content', bytes: found.bytes });
      found.free?.();
    }
    return true;
  }

  async #stream(content: Content): Promise<boolean> {
    const session = this.#session;
    const pieces = content.read()[Symbol.asyncIterator]();
    let piece: IteratorResult<Uint8Array>;
    try {
      // The first piece may be trace fields of ours, which can be read though the content cannot: so it is checked.
      await content.check?.();
      piece = await pieces.next();
    } catch (error) {
      session.answer(this.#parts.access.failedMessage(error));
      return true;
    }
    // From here on a failure can only end the connection: the client has seen +OK.
    try {
      session.answer({ kind: 'pieces' });
      while (piece.done !== true && session.content(piece.value)) {
        await this.#flush();
        piece = await pieces.next();
      }
      session.contentEnd();
    } finally {
      await pieces.return?.();
    }
    return true;
  }

  async #exchange(): Promise<boolean> {
    const session = this.#session;
    this.#wait.release(this.#peer);
    await this.#flush();
    if (endsNow(session, this.#stopping)) {
      await this.#flush();
      return false;
    }
    const chunk = await this.#wait.read(this.#peer, session);
    // RFC 1939 §3: when the timer expires, nothing is removed and nothing is said.
    if (chunk === undefined || chunk === 'timeout') return false;
    session.receive(chunk);
    return true;
  }

  async #flush(): Promise<void> {
    const { timeoutMs } = this.#session;
    for (const piece of this.#session.output()) {
      if (typeof piece === 'string') await this.#peer.write(piece, timeoutMs);
      else {
        await this.#peer.write(piece, timeoutMs, 'sent');
        this.#session.sent(piece);
      }
    }
  }

  async #startTls(): Promise<void> {
    const { startTls } = this.#parts;
    this.#peer = await startTlsAfter(this.#flush(), this.#peer, startTls);
    this.#session.tlsStarted(this.#parts.mechanisms(this.#peer));
  }
}

const goOn = () => true;
