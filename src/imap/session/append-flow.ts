// APPEND and REPLACE while they come: RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 6855 §4, RFC 8508. What
// stands between the messages is read here and becomes questions; their octets pass by outside.

import { unreachable } from '../../base/assert.ts';
import type { MessageHead } from '../append-grammar.ts';
import { readCatenatePart, readMessageHead, readTarget } from '../append-grammar.ts';
import type { AppendTarget } from '../command.ts';
import type { Question } from '../event.ts';
import type { ImapLimits } from '../limits.ts';
import type { ParseContext } from '../parse-context.ts';
import type { AppendBegin, Malformed } from '../parser.ts';
import { malformed } from '../parser.ts';
import { LiteralMissing, Scanner, SyntaxFault } from '../scanner.ts';

export type AppendStep =
  | {
      readonly kind: 'ask';
      readonly question: Extract<
        Question,
        { readonly kind: 'append' | 'append-part' | 'append-end' }
      >;
    }
  | { readonly kind: 'message-end' }
  /** The literal that was announced last belongs to a name or URL. */
  | { readonly kind: 'argument' }
  | Malformed;

/** What is to be read next. */
type Stage = 'target' | 'first-part' | 'part' | 'next';

type Limits = Pick<ImapLimits, 'messageSize' | 'messagesPerAppend'>;

export class AppendFlow {
  readonly tag: string;
  readonly #begin: AppendBegin;
  readonly #context: ParseContext;
  readonly #limits: Limits;
  #stage: Stage = 'target';
  #target: AppendTarget | undefined;
  #at: number;
  #messages = 0;
  /** Of the texts of a CATENATE. */
  #octets = 0;
  /** Whether octets are part of a CATENATE; RFC 6855 §4: a parenthesis closes them. */
  #inCatenate = false;
  #utf8 = false;

  constructor(begin: AppendBegin, context: ParseContext, limits: Limits) {
    this.tag = begin.tag;
    this.#begin = begin;
    this.#context = context;
    this.#limits = limits;
    this.#at = begin.rest;
  }

  /** `text` begins where the command does, or behind the octets that came last. */
  step(text: string): AppendStep {
    const scanner = new Scanner(text, this.#context, this.#at);
    try {
      const step = this.#step(scanner);
      this.#at = scanner.position;
      return step;
    } catch (error) {
      if (error instanceof LiteralMissing) return { kind: 'argument' };
      return malformed(this.tag, error);
    }
  }

  /** All octets of the message or text have come. True: of the message. */
  octetsEnded(): boolean {
    this.#at = 0;
    this.#stage = this.#inCatenate ? 'part' : 'next';
    return !this.#inCatenate;
  }

  #step(scanner: Scanner): AppendStep {
    if (this.#utf8) {
      scanner.eat(')');
      this.#utf8 = false;
      // The literal of a URL may be missing behind it, and does not lead back to here.
      this.#at = scanner.position;
    }
    switch (this.#stage) {
      case 'target':
        this.#target = readTarget(scanner, this.#begin.name, this.#begin.uid);
        return this.#head(scanner);
      case 'first-part':
      case 'part':
        return this.#part(scanner);
      case 'next':
        return this.#next(scanner);
      default:
        return unreachable(this.#stage);
    }
  }

  #head(scanner: Scanner): AppendStep {
    const { message, utf8 }: MessageHead = readMessageHead(scanner);
    const first = this.#messages === 0;
    this.#messages += 1;
    if (this.#messages > this.#limits.messagesPerAppend)
      throw new SyntaxFault('Too many messages at once', 'NO', 'LIMIT');
    // RFC 3502 §6.3.11: a message of no octets cancels all of them.
    if (message.octets === 0) throw new SyntaxFault('Cancelled: a message is empty', 'NO');
    this.#checkSize(message.octets ?? 0);
    this.#octets = 0;
    this.#utf8 = utf8;
    this.#inCatenate = message.octets === undefined;
    if (this.#inCatenate) this.#stage = 'first-part';
    return { kind: 'ask', question: { kind: 'append', target: this.#target!, message, first } };
  }

  #part(scanner: Scanner): AppendStep {
    const read = readCatenatePart(scanner, this.#stage === 'first-part');
    if (read === undefined) {
      this.#inCatenate = false;
      this.#stage = 'next';
      return { kind: 'message-end' };
    }
    this.#stage = 'part';
    const { part, utf8 } = read;
    if (part.kind === 'text') {
      this.#octets += part.octets;
      this.#checkSize(this.#octets);
      this.#utf8 = utf8;
    }
    return { kind: 'ask', question: { kind: 'append-part', part } };
  }

  #next(scanner: Scanner): AppendStep {
    const start = scanner.position;
    while (scanner.tryEat(' '));
    if (scanner.atEnd)
      return { kind: 'ask', question: { kind: 'append-end', target: this.#target! } };
    // RFC 3502 §6.3.11: REPLACE takes one message (RFC 8508 §3.2).
    if (this.#begin.name === 'REPLACE') throw scanner.expected('the end of the command');
    scanner.back(scanner.position - start);
    return this.#head(scanner);
  }

  // RFC 4469 §5, RFC 7889 §3
  #checkSize(octets: number): void {
    if (octets > this.#limits.messageSize)
      throw new SyntaxFault(
        `A message has at most ${this.#limits.messageSize} octets`,
        'NO',
        'TOOBIG',
      );
  }
}
