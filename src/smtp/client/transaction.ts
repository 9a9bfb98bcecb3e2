// One mail transaction as the client sees it: what to send next and what each reply was about.
// RFC 5321 §3.3, RFC 2920 (pipelining), RFC 3030 (BDAT), RFC 2033 (LMTP). Replies are matched by
// counting, never by their text. Knows nothing of connections; session.ts feeds it.

import { assert, unreachable } from '../../base/assert.ts';
import { parseMailbox } from '../../mail/fields/address.ts';
import type { Reply } from '../reply.ts';
import { reply as makeReply, replyLine } from '../reply.ts';
import type { Capabilities } from './capabilities.ts';
import { ContentEncoder } from './content-encoder.ts';
import type { Outgoing, RecipientAnswer, Stage } from './event.ts';
import type { ClientTimeouts } from './timeouts.ts';

/** How the content travels, and when. */
type Way =
  /** DATA, then the content once 354 has come. */
  | 'data'
  /** BDAT with the content in the same write as MAIL and RCPT: one round trip for everything. */
  | 'bdat-at-once'
  /** BDAT once the recipients are known. */
  | 'bdat';

/** What a reply leads to: `wait` for more, `content` wanted from the owner, `done`, or nonsense. */
export type Step = 'wait' | 'content' | 'done' | { readonly problem: string };

/** Limit: content up to here is sent unasked with BDAT, and put into one buffer with the commands. */
const atOnceBytesMax = 128 * 1024;
const oneBufferBytesMax = 64 * 1024;

export interface TransactionParts {
  readonly outgoing: Outgoing;
  readonly capabilities: Capabilities;
  readonly protocol: 'smtp' | 'lmtp';
  /** BDAT may be used where it saves a round trip. */
  readonly chunking: boolean;
  /** The last transaction was left open. */
  readonly resetFirst: boolean;
  readonly send: (piece: string | Uint8Array) => void;
  readonly trace: ((line: string) => void) | undefined;
}

export class Transaction {
  readonly #parts: TransactionParts;
  readonly #way: Way;
  readonly #answers: (RecipientAnswer | undefined)[];
  readonly #pieces: readonly Uint8Array[] | undefined;
  readonly #size: number;
  #encoder: ContentEncoder | undefined;
  #stage: 'RSET' | 'MAIL' | 'RCPT' | 'DATA' | 'content' | 'end of data' = 'MAIL';
  /** Of the recipient whose reply comes next, at RCPT and (LMTP) at the end of data. */
  #index = 0;
  #accepted = 0;
  #mailAccepted = false;
  #answered = false;
  #complete = false;
  #leftOpen = false;
  #unchunked = false;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
    const { outgoing, capabilities, protocol } = parts;
    const { content, binary = false } = outgoing;
    this.#answers = outgoing.recipients.map(() => undefined);
    if (content.kind === 'memory') {
      let size = 0;
      for (const piece of content.pieces) size += piece.length;
      this.#size = size;
    } else this.#size = content.size;
    const atOnce =
      content.kind === 'memory' &&
      this.#size <= atOnceBytesMax &&
      capabilities.pipelining &&
      capabilities.chunking &&
      protocol === 'smtp' &&
      parts.chunking;
    this.#way = atOnce ? 'bdat-at-once' : binary ? 'bdat' : 'data';
    if (content.kind === 'memory')
      this.#pieces = this.#way === 'data' || binary ? content.pieces : canonical(content.pieces);
  }

  get stage(): Stage {
    return this.#stage;
  }
  get answered(): boolean {
    return this.#answered;
  }
  get complete(): boolean {
    return this.#complete;
  }
  /** BDAT was not known. */
  get unchunked(): boolean {
    return this.#unchunked;
  }
  /** LMTP: after the next reply to the end of data others are to come. */
  get owedMore(): boolean {
    const { protocol } = this.#parts;
    return protocol === 'lmtp' && this.#stage === 'end of data' && this.#accepted > 1;
  }
  /** The server may still believe that a transaction is open. */
  get leftOpen(): boolean {
    return this.#leftOpen;
  }

  /**
   * How long the next reply may take. A server may keep the replies to a group back until it has
   * seen all of it (RFC 2920 §3.2), so the slowest command of the group counts.
   */
  timeoutMs(timeouts: ClientTimeouts): number {
    if (this.#stage === 'content') return timeouts.blockMs;
    if (this.#complete || this.#way === 'bdat-at-once') return timeouts.endOfDataMs;
    if (this.#stage !== 'DATA') return timeouts.commandMs;
    return this.#parts.capabilities.pipelining
      ? Math.max(timeouts.commandMs, timeouts.dataMs)
      : timeouts.dataMs;
  }

  /** The first write; without pipelining only the first command. */
  start(): void {
    const { resetFirst, capabilities } = this.#parts;
    this.#stage = resetFirst ? 'RSET' : 'MAIL';
    if (!capabilities.pipelining) {
      this.#command(resetFirst ? 'RSET\r\n' : this.#mail());
      return;
    }
    // RFC 2920 §3.1: RSET, MAIL and RCPT anywhere in the group; DATA, or BDAT, ends it.
    let group = resetFirst ? `RSET\r\n${this.#mail()}` : this.#mail();
    for (let i = 0; i < this.#answers.length; i += 1) group += this.#rcpt(i);
    if (this.#way === 'data') group += 'DATA\r\n';
    if (this.#way === 'bdat-at-once') {
      this.#complete = true;
      this.#bdat(group);
    } else this.#command(group);
  }

  onReply(reply: Reply): Step {
    if (reply.code !== 421) this.#answered = true;
    const stage = this.#stage;
    switch (stage) {
      case 'RSET':
        return this.#next('MAIL', () => this.#mail());
      case 'MAIL':
        return this.#onMail(reply);
      case 'RCPT':
        return this.#onRcpt(reply);
      case 'DATA':
        return this.#onData(reply);
      case 'content':
        // RFC 5321 §4.1.1.4 has nothing to say before the end of data. A refusal is believed; the
        // connection cannot be used any more, since the content was left unfinished.
        if (reply.code >= 400) this.#answerRest(reply, 'content');
        return { problem: 'A reply came' };
      case 'end of data':
        return this.#onEndOfData(reply);
      default:
        return unreachable(stage);
    }
  }

  /** A piece of streamed content. */
  content(bytes: Uint8Array): void {
    assert(this.#stage === 'content', 'the server waits for content');
    this.#parts.send(this.#encoder === undefined ? bytes : this.#encoder.encode(bytes));
  }

  endContent(): void {
    assert(this.#stage === 'content', 'the server waits for content');
    if (this.#encoder !== undefined) this.#parts.send(`${this.#encoder.end()}.\r\n`);
    this.#parts.trace?.(`[${this.#size} octets]`);
    this.#finished();
  }

  /** Everybody who has no final answer yet gets this one. */
  answerRest(reply: Reply, remote: boolean): readonly RecipientAnswer[] {
    const answer = { reply, stage: this.stage, remote };
    return this.#answers.map((given) => given ?? answer);
  }

  // RFC 5321 §4.1.1.2
  #onMail(reply: Reply): Step {
    if (reply.code >= 300 && reply.code < 400) return unexpected(reply);
    this.#mailAccepted = reply.code < 300;
    this.#leftOpen = this.#mailAccepted;
    if (!this.#mailAccepted) {
      this.#answerRest(reply, 'MAIL');
      if (!this.#parts.capabilities.pipelining) return 'done';
    }
    return this.#next('RCPT', () => this.#rcpt(0));
  }

  // RFC 5321 §4.1.1.3. A refusal is this recipient's alone.
  #onRcpt(reply: Reply): Step {
    if (reply.code >= 300 && reply.code < 400) return unexpected(reply);
    const index = this.#index;
    this.#index += 1;
    if (this.#mailAccepted) {
      if (reply.code < 300) this.#accepted += 1;
      else this.#answers[index] = refusal(reply, this.#accepted > 0);
    }
    if (this.#index < this.#answers.length)
      return this.#next('RCPT', () => this.#rcpt(this.#index));
    return this.#recipientsKnown();
  }

  #recipientsKnown(): Step {
    switch (this.#way) {
      case 'data':
        if (this.#accepted === 0 && !this.#parts.capabilities.pipelining) return 'done';
        return this.#next('DATA', () => 'DATA\r\n');
      case 'bdat-at-once':
        this.#index = 0;
        this.#finished();
        return 'wait';
      case 'bdat':
        if (this.#accepted === 0) return 'done';
        if (this.#pieces === undefined) this.#command(`BDAT ${this.#size} LAST\r\n`);
        else this.#bdat('');
        return this.#startContent();
      default:
        return unreachable(this.#way);
    }
  }

  // RFC 5321 §4.1.1.4
  #onData(reply: Reply): Step {
    if (reply.code < 300) return unexpected(reply);
    if (reply.code >= 400) {
      this.#answerRest(reply, 'DATA');
      return 'done';
    }
    if (this.#accepted > 0) return this.#startContent();
    // RFC 2920 §3.1: 354 though nobody was accepted; a single dot, and whatever the answer to it,
    // no message. RFC 2033 §4.2: in LMTP there would be no answer at all.
    if (this.#parts.protocol === 'lmtp')
      return { problem: '354 came without an accepted recipient' };
    this.#command('.\r\n');
    this.#finished();
    return 'wait';
  }

  #startContent(): Step {
    const { send, trace } = this.#parts;
    if (this.#way === 'data') this.#encoder = new ContentEncoder(true);
    this.#stage = 'content';
    if (this.#pieces === undefined) return 'content';
    const encoder = this.#encoder;
    if (encoder !== undefined) {
      const pieces = this.#pieces.map((piece) => encoder.encode(piece));
      pieces.push(Buffer.from(`${encoder.end()}.\r\n`, 'latin1'));
      sendTogether(pieces, send);
      trace?.(`[${this.#size} octets]`);
    }
    this.#finished();
    return 'wait';
  }

  #onEndOfData(reply: Reply): Step {
    if (reply.code >= 300 && reply.code < 400) return unexpected(reply);
    // Field: CHUNKING is offered, and what stands in between does not let BDAT through. RFC 5321 §4.2.4:
    // 500 and 502 are about the command. What follows it would be taken for commands.
    const unknown = reply.code === 500 || reply.code === 502;
    if (this.#way === 'bdat-at-once' && unknown && this.#accepted > 0) {
      this.#unchunked = true;
      return { problem: `BDAT is offered and not known (${replyLine(reply)}):` };
    }
    const lmtp = this.#parts.protocol === 'lmtp';
    if (lmtp && this.#accepted > 0) {
      // RFC 2033 §4.2: one reply for each accepted RCPT, in their order.
      while (this.#answers[this.#index] !== undefined) this.#index += 1;
      this.#answers[this.#index] = { reply, stage: 'end of data', remote: true };
      this.#accepted -= 1;
      if (this.#accepted > 0) return 'wait';
    } else this.#answerRest(reply, 'end of data');
    // RFC 5321 §4.1.1.4: after DATA the buffers are cleared. RFC 3030 §2: after a failed BDAT the
    // state is indeterminate, RSET it must be.
    this.#leftOpen = this.#way !== 'data' && reply.code >= 400;
    return 'done';
  }

  #finished(): void {
    this.#stage = 'end of data';
    this.#index = 0;
    this.#complete = true;
  }

  /** The next command; in a pipelined group it has been sent already. */
  #next(stage: 'MAIL' | 'RCPT' | 'DATA', command: () => string): Step {
    this.#stage = stage;
    if (!this.#parts.capabilities.pipelining) this.#command(command());
    return 'wait';
  }

  #answerRest(reply: Reply, stage: Stage): void {
    const answer = { reply, stage, remote: true };
    for (let i = 0; i < this.#answers.length; i += 1) this.#answers[i] ??= answer;
  }

  #mail(): string {
    const { outgoing, capabilities } = this.#parts;
    // RFC 1870 §5: our count, an estimate only where line ends have to be mended.
    const size = capabilities.keywords.has('SIZE') ? ` SIZE=${this.#size}` : '';
    return `MAIL FROM:<${safePath(outgoing.sender)}>${size}${paramText(outgoing.params)}\r\n`;
  }

  #rcpt(index: number): string {
    const { address, params } = this.#parts.outgoing.recipients[index]!;
    return `RCPT TO:<${safePath(address)}>${paramText(params)}\r\n`;
  }

  #command(text: string): void {
    this.#traceLines(text);
    this.#parts.send(text);
  }

  #bdat(group: string): void {
    const pieces = this.#pieces;
    assert(pieces !== undefined, 'content is in memory');
    let size = 0;
    for (const piece of pieces) size += piece.length;
    const head = `${group}BDAT ${size} LAST\r\n`;
    this.#traceLines(head);
    sendTogether([Buffer.from(head), ...pieces], this.#parts.send);
    this.#parts.trace?.(`[${size} octets]`);
  }

  #traceLines(text: string): void {
    const { trace } = this.#parts;
    if (trace !== undefined) for (const line of text.trimEnd().split('\r\n')) trace(line);
  }
}

/**
 * RFC 5321 §4.5.3.1.10: 452 says that there were too many recipients, and so does 552 from older servers,
 * where it is to be taken as temporary. Deviation: without a status it may also be a mailbox that is
 * full, so it counts only after somebody was accepted: alone in a transaction it is final.
 * RFC 3463 §3.6: X.5.3 says it clearly; with any other detail it is something else.
 */
function refusal(reply: Reply, anyAccepted: boolean): RecipientAnswer {
  const { code, detail } = reply;
  const answer = { reply, stage: 'RCPT', remote: true } as const;
  const clear = detail === '5.3' && (code === 452 || code === 552 || anyAccepted);
  const bare = detail === undefined && (code === 452 || (code === 552 && anyAccepted));
  return clear || bare ? { ...answer, tooMany: true } : answer;
}

const unexpected = (reply: Reply): Step => ({ problem: `Unexpected reply ${reply.code}` });

/** Lines ended by CRLF, the last one too. RFC 3030 §2: text sent by BDAT is canonical. */
function canonical(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const encoder = new ContentEncoder(false);
  const encoded = pieces.map((piece) => encoder.encode(piece));
  const end = encoder.end();
  if (end !== '') encoded.push(Buffer.from(end, 'latin1'));
  return encoded;
}

/** Small pieces leave in one write; a copy of a few KiB is cheaper than a system call. */
function sendTogether(pieces: readonly Uint8Array[], send: (piece: Uint8Array) => void): void {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  if (size > oneBufferBytesMax) {
    for (const piece of pieces) if (piece.length > 0) send(piece);
    return;
  }
  const buffer = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of pieces) {
    buffer.set(piece, at);
    at += piece.length;
  }
  send(buffer);
}

/** The fast path for nearly all addresses: they hold nothing that could end the path or begin a parameter. */
const plainPath = /^[^\x00-\x20"<>\\\x7f]*$/;
const plainParam = /^[^\x00-\x20\x7f]+$/;

/** The queue holds what a parser has accepted; what is no address is a mistake of ours. */
function safePath(address: string): string {
  const fine = plainPath.test(address) || parseMailbox(address) !== undefined;
  assert(fine, 'a path holds one address');
  return address;
}

function safeParam(param: string): string {
  assert(plainParam.test(param), 'a parameter is one word');
  return param;
}

function paramText(params: readonly string[]): string {
  let text = '';
  for (const param of params) text += ` ${safeParam(param)}`;
  return text;
}

/** RFC 1870 §6.1, RFC 3463 §3.4: what the server would say, without asking it. */
export const tooBig = (bytesMax: number): Reply =>
  makeReply(552, '3.4', `Message exceeds the ${bytesMax} octets that the next host takes`);
