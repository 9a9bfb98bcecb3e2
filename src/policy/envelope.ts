// Who sends, and what is being sent: what a policy judges, what the reception fills in as the transaction goes,
// and what the library's hooks get to see. The one declaration of it, on the floor of the policies,
// since whoever takes mail in stands above them.

import type { Mailbox, ReversePath } from '../mail/fields/address.ts';
import type { Finding } from '../mail/finding.ts';
import type { Endpoint } from '../net/peer.ts';
import type { MailParam, RcptParam } from '../smtp/extensions/index.ts';
import type { TlsFacts } from '../smtp/tls-facts.ts';
import type { ResolvedRecipient } from './addresses/expansion.ts';

export interface ClientFacts {
  readonly session: string;
  readonly service: 'smtp' | 'submission' | 'lmtp';
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** It has said something that is not answered yet: at `connect`, that it did not wait for the greeting. */
  readonly hasSpoken?: boolean | undefined;
  /** What the client called itself, '' before EHLO: judged at MAIL, when it has to matter. */
  readonly hello: string;
  readonly tls: TlsFacts | undefined;
  /** Primary address of the account that logged in. */
  readonly account: string | undefined;
  /** The SASL mechanism it did so by. */
  readonly mechanism?: string | undefined;
  /** From a trusted network: may relay without logging in. */
  readonly trusted: boolean;
}

export interface Envelope {
  readonly client: ClientFacts;
  readonly sender: ReversePath;
  readonly params: readonly MailParam[];
  /** Those that were accepted so far. */
  readonly recipients: readonly AcceptedRecipient[];
  /** What policies have found so far, of the client and of this transaction, in order. */
  readonly findings: readonly Finding[];
  /** What the message will be called in the queue: made when somebody asks, and the same from then on. */
  readonly queueId: () => string;
}

export interface AcceptedRecipient {
  /** As RCPT named it. */
  readonly named: Mailbox;
  readonly params: readonly RcptParam[];
  /** What it became: itself, or what an alias stands for. */
  readonly targets: readonly ResolvedRecipient[];
}

/** RFC 6409: whose mail enters the mail system here. */
export const entersHere = ({
  service,
  account,
}: Pick<ClientFacts, 'service' | 'account'>): boolean =>
  service === 'submission' || account !== undefined;
