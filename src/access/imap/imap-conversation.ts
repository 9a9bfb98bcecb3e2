// Moves bytes between a connection and an IMAP session, and questions between the session and what
// answers them. Sends no faster than the client reads. While it waits for input it can be woken to
// tell what is new: in IDLE, or because the client asked for that by NOTIFY (RFC 5465).

import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { SessionEvent } from '../../imap/event.ts';
import type { ImapMachine } from '../../imap/machine.ts';
import { ClientWait } from '../../net/client-wait.ts';
import type { SessionFacts } from '../../net/open-session.ts';
import type { Peer } from '../../net/peer.ts';
import { startTlsAfter } from '../../net/start-tls.ts';
import { ConnectionLost } from './completion.ts';
import { DeflatePeer } from './deflate-peer.ts';
import type { ImapAccess } from './imap-access.ts';
import type { Voice } from './voice.ts';

export interface ImapConversationParts {
  readonly peer: Peer;
  readonly session: ImapMachine;
  readonly access: (voice: Voice) => ImapAccess;
  /** Puts TLS under the connection after STARTTLS. */
  readonly startTls: (peer: Peer) => Promise<Peer>;
  /** What is offered once it is there. */
  readonly mechanisms: (peer: Peer) => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Limit: octets that wait to be sent while a command goes on. */
const outputBytesMax = 64 * 2 ** 10;
/** How long the client may take for what was sent. */
const writeTimeoutMs = 5 * 60_000;

/** RFC 9585 §4.1: what may take long without a word, and how often a word is said meanwhile. */
const silentCommands: ReadonlySet<string> = new Set(['SEARCH', 'SORT', 'THREAD', 'COPY', 'MOVE']);
const progressMs = 10_000;

export class ImapConversation {
  readonly #parts: ImapConversationParts;
  readonly #session: ImapMachine;
  readonly #access: ImapAccess;
  #peer: Peer;
  /** We wait for input. */
  #waiting = false;
  #stopping = false;
  #idling = false;
  /** There is something to tell. */
  #news = false;
  #telling: Promise<void> | undefined;
  /** Writes under way: nothing may come between the pieces of one. */
  #flushes = 0;
  readonly #wait: ClientWait;
  #received = 0;
  #sent = 0;

  constructor(parts: ImapConversationParts) {
    this.#parts = parts;
    this.#session = parts.session;
    this.#peer = parts.peer;
    this.#wait = new ClientWait(parts.clock);
    const session = this.#session;
    this.#access = parts.access({
      isEnabled: (extension) => session.isEnabled(extension),
      untagged: (response) => session.untagged(response),
      raw: (octets) => session.raw(octets),
      room: () => (session.outputSize < outputBytesMax ? undefined : this.#flush()),
      wake: () => {
        this.#news = true;
        this.#tellSoon();
      },
    });
  }

  facts(): SessionFacts {
    const account = this.#access.account || undefined;
    return { account, phase: this.#session.phase, secure: this.#peer.tls !== undefined };
  }

  /** Resolves when the connection is gone. Never rejects. */
  async run(): Promise<void> {
    const { log } = this.#parts;
    try {
      while (await this.#step(this.#session.next()));
      await this.#peer.end();
    } catch (error) {
      // The peer went away, or broke the rules below us (TLS, DEFLATE).
      log.debug('connection lost', { error: messageOf(error) });
    } finally {
      this.#peer.destroy();
      await this.#access.close({ received: this.#received, sent: this.#sent });
    }
  }

  /** Ends now where no command is under way, otherwise after it. */
  shutdown(): void {
    this.#stopping = true;
    if (this.#waiting && this.#mayEnd) void this.#shutDown();
  }

  /** Drops the connection now. */
  destroy(): void {
    this.#peer.destroy();
  }

  get #mayEnd(): boolean {
    return this.#session.idle || this.#idling;
  }

  /** False when the conversation is over. */
  #step(event: SessionEvent): boolean | Promise<boolean> {
    switch (event.kind) {
      case 'need-input':
        return this.#exchange();
      case 'flush':
        return this.#flush().then(goOn);
      case 'auth-cancelled':
        this.#access.cancelLogin();
        return true;
      case 'content':
        this.#wait.restart();
        return this.#access.content(event.bytes)?.then(goOn) ?? true;
      case 'append-message-end':
        return this.#access.messageEnd()?.then(goOn) ?? true;
      case 'append-aborted':
        return this.#access.abortAppend().then(goOn);
      case 'idle-done':
        this.#idling = false;
        return true;
      case 'starttls':
        return this.#startTls().then(goOn);
      case 'compress':
        return this.#compress().then(goOn);
      case 'close':
        return this.#flush().then(() => false);
      default:
        return this.#answer(event);
    }
  }

  async #answer(question: Parameters<ImapAccess['answer']>[0]): Promise<boolean> {
    const stop =
      question.kind === 'command' && silentCommands.has(question.command.name)
        ? this.#reportProgress(question.tag)
        : undefined;
    const answer = await this.#access.answer(question, this.#peer).finally(stop);
    if (question.kind === 'idle') {
      this.#idling = answer.kind === 'proceed';
      this.#news = true; // what came before IDLE is told at once
    }
    this.#session.answer(answer);
    return true;
  }

  /** Tells a client that waits for `tag` that we are still there. Returns what ends it. */
  #reportProgress(tag: string): () => void {
    const again = () =>
      this.#parts.clock.after(progressMs, () => {
        cancel = again();
        // Not where it would come into the middle of a response.
        if (this.#flushes > 0 || this.#session.outputSize > 0) return;
        this.#session.untagged(`OK [INPROGRESS ("${tag}" NIL NIL)] Still at it`);
        // Whoever waits for the command finds out that the connection is lost.
        void this.#flush().catch(() => {});
      });
    let cancel = again();
    return () => cancel();
  }

  async #exchange(): Promise<boolean> {
    const session = this.#session;
    this.#wait.release(this.#peer);
    await this.#flush();
    if (this.#stopping && this.#mayEnd) {
      session.shuttingDown();
      return true;
    }
    const chunk = await this.#read();
    if (chunk === undefined) return false;
    if (chunk === 'timeout') session.timedOut();
    else {
      this.#received += chunk.length;
      session.receive(chunk);
    }
    return true;
  }

  /** News that come while we wait are told; what is being told then is told to its end. */
  async #read(): Promise<Uint8Array | 'timeout' | undefined> {
    this.#waiting = true;
    try {
      const reading = this.#wait.read(this.#peer, this.#session);
      this.#tellSoon();
      return await reading;
    } finally {
      this.#waiting = false;
      await this.#telling;
    }
  }

  #tellSoon(): void {
    if (!this.#waiting || !this.#news || this.#telling !== undefined || this.#stopping) return;
    const unasked = this.#access.updates?.unasked === true && this.#session.idle;
    if (!this.#idling && !unasked) return;
    this.#news = false;
    this.#telling = this.#tell(this.#idling ? 'idle' : 'unasked').finally(() => {
      this.#telling = undefined;
      this.#tellSoon(); // what came meanwhile
    });
  }

  async #tell(when: 'idle' | 'unasked'): Promise<void> {
    try {
      await this.#access.tell(when);
      const over = this.#access.over;
      if (over !== undefined) await this.#sayGoodbye(over);
      else await this.#flush();
    } catch {
      // Whoever reads finds out that the connection is lost.
      this.#peer.destroy();
    }
  }

  async #shutDown(): Promise<void> {
    await this.#telling;
    await this.#sayGoodbye();
  }

  async #sayGoodbye(because?: string): Promise<void> {
    this.#stopping = true;
    this.#session.shuttingDown(because);
    await this.#flush().catch(() => {});
    await this.#peer.end();
    this.#peer.destroy();
  }

  async #flush(): Promise<void> {
    this.#flushes += 1;
    try {
      for (const piece of this.#session.output()) {
        const octets = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
        this.#sent += octets.length;
        await this.#peer.write(octets, writeTimeoutMs)?.catch(lost);
      }
    } finally {
      this.#flushes -= 1;
    }
  }

  async #startTls(): Promise<void> {
    const { startTls } = this.#parts;
    this.#peer = await startTlsAfter(this.#flush(), this.#peer, startTls);
    this.#session.tlsStarted(this.#parts.mechanisms(this.#peer));
  }

  // RFC 4978 §3: from the CRLF of the OK on, both directions are compressed.
  async #compress(): Promise<void> {
    await this.#flush();
    this.#peer = new DeflatePeer(this.#peer);
  }
}

const goOn = () => true;

const lost = (cause: unknown): never => {
  throw new ConnectionLost(messageOf(cause), { cause });
};
