// The rules about what we accept, and how several are asked: in the order of the configuration,
// one at a time, the first objection wins. A rule is one file; it implements the stages it cares
// about. To throw is to fail: the client gets a 451 and may try again.

import type { Mailbox, ReversePath } from '../mail/address.ts';
import type { Endpoint } from '../net/peer.ts';
import type { MailParam } from '../smtp/extensions/index.ts';
import type { Reply } from '../smtp/reply.ts';
import type { TlsFacts } from '../smtp/tls-facts.ts';
import type { StoredContent } from '../store/content.ts';

/** Why we say no; undefined for "no objection". */
export type Objection = Reply | undefined;

/** Whom a policy judges. receive/reception.ts hands over more; this is what rules may look at. */
export interface PolicyClient {
  readonly session: string;
  readonly service: 'smtp' | 'submission' | 'lmtp';
  readonly remote: Endpoint;
  /** What the client called itself, '' before EHLO: judged at MAIL, when it has to matter. */
  readonly hello: string;
  readonly tls: TlsFacts | undefined;
  readonly account: string | undefined;
  readonly trusted: boolean;
}

export interface PolicyEnvelope {
  readonly client: PolicyClient;
  readonly sender: ReversePath;
  readonly params: readonly MailParam[];
  readonly recipients: readonly { readonly named: Mailbox }[];
}

export interface Policy {
  readonly name: string;
  connect?(client: PolicyClient): Objection | Promise<Objection>;
  mail?(envelope: PolicyEnvelope): Objection | Promise<Objection>;
  rcpt?(envelope: PolicyEnvelope, recipient: Mailbox): Objection | Promise<Objection>;
  /** After the content is complete, before it is queued. */
  message?(envelope: PolicyEnvelope, content: StoredContent): Objection | Promise<Objection>;
  /**
   * The same for one recipient alone, who may be refused while the others get the message. Asked in
   * LMTP only: SMTP has one reply for all (RFC 5321 §4.1.1.4), so what a rule has against one
   * recipient it says there at RCPT, or the queue finds out.
   */
  messageFor?(
    envelope: PolicyEnvelope,
    content: StoredContent,
    recipient: Mailbox,
  ): Objection | Promise<Objection>;
}

/** The policies as the reception asks them. A stage that no policy cares about is absent. */
export interface PolicyHooks {
  onConnect?(client: PolicyClient): Promise<Objection>;
  onMail?(envelope: PolicyEnvelope): Promise<Objection>;
  onRecipient?(envelope: PolicyEnvelope, recipient: Mailbox): Promise<Objection>;
  onMessage?(envelope: PolicyEnvelope, content: StoredContent): Promise<Objection>;
  onMessageFor?(
    envelope: PolicyEnvelope,
    content: StoredContent,
    recipient: Mailbox,
  ): Promise<Objection>;
}

export function inOrder(policies: readonly Policy[]): PolicyHooks {
  const connect = policies.filter((policy) => policy.connect !== undefined);
  const mail = policies.filter((policy) => policy.mail !== undefined);
  const rcpt = policies.filter((policy) => policy.rcpt !== undefined);
  const message = policies.filter((policy) => policy.message !== undefined);
  const messageFor = policies.filter((policy) => policy.messageFor !== undefined);
  return {
    ...(connect.length > 0 && {
      onConnect: (client) => first(connect, (policy) => policy.connect?.(client)),
    }),
    ...(mail.length > 0 && {
      onMail: (envelope) => first(mail, (policy) => policy.mail?.(envelope)),
    }),
    ...(rcpt.length > 0 && {
      onRecipient: (envelope, recipient) =>
        first(rcpt, (policy) => policy.rcpt?.(envelope, recipient)),
    }),
    ...(message.length > 0 && {
      onMessage: (envelope, content) =>
        first(message, (policy) => policy.message?.(envelope, content)),
    }),
    ...(messageFor.length > 0 && {
      onMessageFor: (envelope, content, recipient) =>
        first(messageFor, (policy) => policy.messageFor?.(envelope, content, recipient)),
    }),
  } satisfies PolicyHooks;
}

async function first(
  policies: readonly Policy[],
  ask: (policy: Policy) => Objection | Promise<Objection>,
): Promise<Objection> {
  for (const policy of policies) {
    const objection = await ask(policy);
    if (objection !== undefined) return objection;
  }
  return undefined;
}
