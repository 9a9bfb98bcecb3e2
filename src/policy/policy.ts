// A policy is a rule about what we accept: one file, that implements the stages it cares about. Policies
// are asked in order, one at a time; the first objection wins (policy/answers.ts). To throw is to fail:
// the client gets a 451 and may try again.

import type { Mailbox } from '../mail/fields/address.ts';
import type { Finding } from '../mail/finding.ts';
import type { HeaderScan } from '../mail/header/header.ts';
import type { Range, Splice } from '../mail/header/header-cut.ts';
import type { RcptParam } from '../smtp/extensions/index.ts';
import type { Reply } from '../smtp/reply.ts';
import type { Content, StoredContent } from '../store/content.ts';
import type { AcceptedRecipient, ClientFacts, Envelope } from './envelope.ts';

export interface Policy {
  readonly name: string;
  connect?(client: ClientFacts): Answer;
  /** The client has said who it is; again after each EHLO. What is reserved is for the connection. */
  hello?(client: ClientFacts): Answer;
  /** TLS is up; an objection answers the greeting, or the EHLO that comes next. */
  secure?(client: ClientFacts): Answer;
  /** A line that is no command; an objection is the reply in place of 500. */
  unknown?(client: ClientFacts, line: string): Answer;
  mail?(envelope: Envelope): Answer;
  /** The recipient exists and may be written to; it is not yet among those of the envelope. */
  rcpt?(envelope: Envelope, recipient: AcceptedRecipient): Answer;
  /** A recipient is refused, whoever does it. What is answered is what the client hears instead. */
  refusedRcpt?(envelope: Envelope, named: Mailbox, why: Reply): Answer<Reply>;
  /** The client is about to send the content. */
  data?(envelope: Envelope): Answer;
  /** After the content is complete, before it is queued. */
  message?(envelope: Envelope, arrival: Arrival): Answer<MessageAnswer>;
  /**
   * The same for one recipient alone, who may be refused while the others get the message. Asked in
   * LMTP only: SMTP has one reply for all (RFC 5321 §4.1.1.4), so what a rule has against one
   * recipient it says there at RCPT, or the queue finds out.
   */
  messageFor?(envelope: Envelope, arrival: Arrival, recipient: AcceptedRecipient): Answer;
  /**
   * When all policies have agreed: filters may change the message, its body too, and whom it is for. Each
   * sees what the one before has made of it.
   */
  filter?(envelope: Envelope, draft: Draft): Answer<FilterAnswer>;
}

/** Undefined for "nothing to say". */
export type Answer<A = PolicyAnswer> = A | undefined | Promise<A | undefined>;

export interface PolicyAnswer {
  /** Why we say no, in the client's hearing. */
  readonly objection?: Reply | undefined;
  /** What was found out: recorded with the message, and with a refusal; later policies can read it. */
  readonly findings?: readonly Finding[] | undefined;
  /** What is held for this transaction, or at `connect` and `secure` for the connection. */
  readonly reservation?: Reservation | undefined;
}

export interface MessageAnswer extends PolicyAnswer {
  /** How the head of the message changes; its body is for filters alone. */
  readonly head?: HeadChange | undefined;
}

/** Later policies see the message as it came. */
export interface HeadChange {
  /** Fields to put in front of all others, each with its CRLF. */
  readonly front?: string | undefined;
  /** Where in `arrival.content` the fields are that are taken out: of its header, in order. */
  readonly dropped?: readonly Range[] | undefined;
}

/** A message as it is going to be queued. */
export interface Draft {
  /** Its id in the queue. */
  readonly id: string;
  /** Fields in front of the content, each with its CRLF; our Received comes between the two. */
  readonly above: string;
  readonly below: string;
  readonly arrival: Arrival;
}

/** What is not said stays as it is. */
export interface FilterAnswer extends PolicyAnswer {
  /** In place of the draft's. */
  readonly above?: string | undefined;
  readonly below?: string | undefined;
  /** Of the draft's content, in order and apart. */
  readonly splices?: readonly Splice[] | undefined;
  readonly sender?: Pick<Envelope, 'sender' | 'params'> | undefined;
  /** In order. */
  readonly recipients?: readonly RecipientChange[] | undefined;
  /** It waits in the queue until somebody lets it go. */
  readonly held?: boolean | undefined;
  /** It is taken, and delivered to nobody. */
  readonly discarded?: boolean | undefined;
}

export type RecipientChange =
  | { readonly kind: 'add'; readonly mailbox: Mailbox; readonly params: readonly RcptParam[] }
  /** As RCPT named it. */
  | { readonly kind: 'remove'; readonly mailbox: Mailbox };

/** Exactly one of the two is called, once. Neither fails. */
export interface Reservation {
  /** The message is queued: what was reserved for it is used up. */
  settle?(): void;
  /** Nothing came of it, whatever the way it ended. */
  release(): void;
}

/** Content that is complete, and what its header shows. */
export interface Arrival {
  readonly content: StoredContent;
  /** To be read, as often as is needed. */
  open(): Content;
  /** The first octets, the header in them unless it is longer than what is looked at. */
  readonly head: Uint8Array;
  readonly header: HeaderScan;
}

export type Stage = Exclude<keyof Policy, 'name'>;

/** What is put around each stage of a policy. All are named: what nobody thought of does not compile. */
export type Wrapping = {
  readonly [S in Stage]: (ask: NonNullable<Policy[S]>) => NonNullable<Policy[S]>;
};

/** The policy with something put around its stages, which know no `this`. Where it had none, it has none. */
export function wrapped(policy: Policy, wrapping: Wrapping): Policy {
  const around = Object.entries(wrapping) as [Stage, (ask: unknown) => unknown][];
  const stages = around.flatMap(([stage, wrap]) => {
    const ask = policy[stage];
    return ask === undefined ? [] : [[stage, wrap(ask)]];
  });
  return { name: policy.name, ...Object.fromEntries(stages) };
}

/** For each stage the policies that care about it, in order. */
export type Policies = {
  readonly [S in Stage]: readonly (Policy & { readonly [T in S]: NonNullable<Policy[S]> })[];
};

export function byStage(policies: readonly Policy[]): Policies {
  const caringAbout = <S extends Stage>(stage: S) =>
    policies.filter((policy) => policy[stage] !== undefined) as unknown as Policies[S];
  return {
    connect: caringAbout('connect'),
    hello: caringAbout('hello'),
    secure: caringAbout('secure'),
    unknown: caringAbout('unknown'),
    mail: caringAbout('mail'),
    rcpt: caringAbout('rcpt'),
    refusedRcpt: caringAbout('refusedRcpt'),
    data: caringAbout('data'),
    message: caringAbout('message'),
    messageFor: caringAbout('messageFor'),
    filter: caringAbout('filter'),
  };
}
