// Reads a command line from left to right with sticky expressions. What does not fit is thrown as an
// SmtpError with the reply the reader was given; it never leaves command.ts. RFC 5321 §4.1.2.

import type { Mailbox, ReversePath } from '../mail/fields/address.ts';
import { domainEnd, mailboxAt } from '../mail/fields/address.ts';
import type { RawParam } from './extensions/extension.ts';
import type { Reply } from './reply.ts';
import { SmtpError } from './smtp-error.ts';

// RFC 5321 §4.1.2: esmtp-param = esmtp-keyword ["=" esmtp-value]
// esmtp-value = 1*(%d33-60 / %d62-126); RFC 6533 §3 lets ORCPT hold UTF-8 too.
const param = / +([a-z0-9][a-z0-9-]*)(?:=([!-<>-~\u0080-\uffff]+))?(?= |$)/iy;
const noParams: readonly RawParam[] = [];
/** Limit: more than there are parameters to give, so that a long line makes no long list. */
const paramsMax = 20;

export class Scanner {
  readonly #text: string;
  /** Given when something does not fit, with the right syntax in its text. */
  readonly #syntax: Reply;
  /** Of addresses that have none. */
  readonly #localDomain: string | undefined;
  #at: number;

  constructor(text: string, start: number, syntax: Reply, localDomain?: string) {
    this.#text = text;
    this.#at = start;
    this.#syntax = syntax;
    this.#localDomain = localDomain;
  }

  fail(reply: Reply = this.#syntax): never {
    throw new SmtpError(reply);
  }

  /** Moves over what the sticky expression matches. */
  skip(rule: RegExp): boolean {
    rule.lastIndex = this.#at;
    if (!rule.test(this.#text)) return false;
    this.#at = rule.lastIndex;
    return true;
  }

  expect(rule: RegExp): void {
    if (!this.skip(rule)) this.fail();
  }

  match(rule: RegExp): RegExpExecArray {
    rule.lastIndex = this.#at;
    const found = rule.exec(this.#text);
    if (found === null) this.fail();
    this.#at = rule.lastIndex;
    return found;
  }

  /** What is left, without white space around it. */
  rest(): string {
    const rest = this.#text.slice(this.#at).trim();
    this.#at = this.#text.length;
    return rest;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  end(): void {
    if (!this.atEnd) this.fail();
  }

  // RFC 5321 §4.1.2: Reverse-path = Path / "<>"
  reversePath(badAddress: Reply): ReversePath {
    if (this.#text.startsWith('<>', this.#at)) {
      this.#at += 2;
      return null;
    }
    return this.path(badAddress);
  }

  // RFC 5321 §4.1.2: Path = "<" [ A-d-l ":" ] Mailbox ">"
  path(badAddress: Reply): Mailbox {
    const text = this.#text;
    // Field: printers and scripts leave the brackets out; there is only one way to read it.
    const bracket = text.charCodeAt(this.#at) === 0x3c;
    const start = bracket ? this.#afterRoute(this.#at + 1, badAddress) : this.#at;
    const found = mailboxAt(text, start, this.#localDomain);
    if (found === undefined) this.fail(bracket ? badAddress : this.#syntax);
    this.#at = found.end;
    if (bracket) {
      if (text.charCodeAt(this.#at) !== 0x3e) this.fail(badAddress);
      this.#at += 1;
    }
    return found.mailbox;
  }

  params(): readonly RawParam[] {
    if (this.#at === this.#text.length) return noParams;
    const params: RawParam[] = [];
    while (this.#at < this.#text.length) {
      const [, keyword = '', value = ''] = this.match(param);
      params.push({ keyword: keyword.toUpperCase(), value });
      if (params.length > paramsMax) this.fail();
    }
    return params;
  }

  // RFC 5321 §4.1.2: A-d-l = At-domain *( "," At-domain ); §4.1.1.3: to be ignored.
  #afterRoute(start: number, badAddress: Reply): number {
    if (this.#text.charCodeAt(start) !== 0x40) return start;
    let at = start;
    for (;;) {
      const end = this.#text.charCodeAt(at) === 0x40 ? domainEnd(this.#text, at + 1) : undefined;
      if (end === undefined) this.fail(badAddress);
      at = end + 1;
      const separator = this.#text.charCodeAt(end);
      if (separator === 0x3a) return at;
      if (separator !== 0x2c) this.fail(badAddress);
    }
  }
}
