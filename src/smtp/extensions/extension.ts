// What an SMTP extension is here: one file holds the keyword's whole life. When it is offered, what
// it adds to MAIL and RCPT and how long that may make their lines, and how its parameters travel on
// to the next hop. RFC 5321 §2.2 and §4.1.2.

import type { SessionLimits } from '../limits.ts';
import type { Reply } from '../reply.ts';

/** What an extension may know about the session it is offered in. ServerFacts has this shape. */
export interface SessionFacts {
  readonly protocol: 'smtp' | 'submission' | 'lmtp';
  readonly secure: boolean;
  readonly startTls: boolean;
  readonly mechanisms: readonly string[];
  readonly trusted: boolean;
  /** The client is a proxy that may say for whom it speaks. */
  readonly xclient?: boolean;
  readonly withheld?: ReadonlySet<string> | undefined;
  /** The client has logged in. */
  readonly authenticated?: boolean;
  /** Somebody's mail is kept here to be fetched (RFC 2645). */
  readonly atrn?: boolean | undefined;
  /** Where messages are can be asked for here (RFC 3885). */
  readonly mtrk?: boolean | undefined;
  /** The server whose mailboxes URLs of content may name (RFC 4468): our name. */
  readonly burl?: string | undefined;
  /** Classes of solicitation that are not wanted here (RFC 3865). */
  readonly noSoliciting?: readonly string[] | undefined;
  /** Conversions that an author permits are seen to behind this server (RFC 4141). */
  readonly conperm?: boolean | undefined;
  /** What recipients' devices can show is known of some (RFC 4141). */
  readonly conneg?: boolean | undefined;
  /** How far ahead mail may be handed in (RFC 4865); undefined: not at all. */
  readonly futureRelease?: FutureReleaseLimits | undefined;
  readonly limits: SessionLimits;
}

export interface FutureReleaseLimits {
  readonly seconds: number;
  /** As many seconds after the connection began; milliseconds since 1970. */
  readonly until: number;
}

export interface Param {
  readonly name: string;
}

/** A parameter as the line had it: the keyword in upper case, '' for the value of a bare one. */
export interface RawParam {
  readonly keyword: string;
  readonly value: string;
}

/** The next hop, as far as parameters care: EHLO keywords in upper case and the text after them. */
export interface Hop {
  readonly offered: ReadonlyMap<string, string>;
  /** How long ago the message was received. */
  readonly waitedMs?: number;
  /** It delivers (LMTP): what it takes goes no further. */
  readonly delivers?: boolean;
  /** The message is handed in there by its author. */
  readonly submission?: boolean;
}

/** How a parameter travels on. `value` is its wire form, `KEY=value`, ready for the command. */
export type Travel =
  | { readonly kind: 'send'; readonly value: string }
  | { readonly kind: 'drop' }
  /** The message cannot go by this hop. */
  | { readonly kind: 'refuse'; readonly reply: Reply };

/** One MAIL or RCPT parameter: its wire form, both ways. The queue stores that same form. */
export interface ParamRule<P extends Param = Param> {
  readonly name: P['name'];
  /** `value` is '' for a bare keyword. Undefined means bad syntax: 501. */
  parse(value: string): P | undefined;
  /** The wire form, `KEY=value`. */
  format(param: P): string;
  refuse?(param: P, facts: SessionFacts): Reply | undefined;
  /** What is believed of it in this session; all of it unless there is a rule. */
  believe?(param: P, facts: SessionFacts): P;
  relay(param: P, hop: Hop): Travel;
}

export interface Extension {
  readonly keyword: string;
  /** EHLO parameters, '' for none, or undefined to withhold the keyword in this session. */
  advertise(facts: SessionFacts): string | undefined;
  /** The reply to its parameters where it is not offered; 555 without this. */
  readonly unoffered?: Reply;
  readonly mail?: readonly ParamRule[];
  readonly rcpt?: readonly ParamRule[];
  /** Why parameters of one MAIL cannot go together. */
  conflict?(params: readonly Param[], facts: SessionFacts): Reply | undefined;
  /** Octets by which it lengthens the command lines. RFC 5321 §4.1.1.1 and §4.5.3.1.4. */
  readonly mailBytes?: number;
  readonly rcptBytes?: number;
}

export const drop: Travel = { kind: 'drop' };

/** Travels if the hop offers the keyword, and is dropped if not. */
export const sendIfOffered =
  <P extends Param>(keyword: string, format: (param: P) => string) =>
  (param: P, { offered }: Hop): Travel =>
    offered.has(keyword) ? { kind: 'send', value: format(param) } : drop;
