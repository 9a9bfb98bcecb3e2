// How a message is sent on that an alias of ours leads to another server: under a sender of ours, so that SPF
// does not speak against it there, and sealed with what we found out about it (RFC 8617). What its sender is told
// of it comes back to us and is led on (return-addresses.ts).

import type { Mailbox } from '../../mail/fields/address.ts';
import { formatMailbox, parseMailbox } from '../../mail/fields/address.ts';
import type { Finding } from '../../mail/finding.ts';
import { resultsText } from '../../mail/trace/results-field.ts';
import type { ReturnAddresses } from './return-addresses.ts';

export interface ForwardingRules {
  readonly rewriteSender: boolean;
  readonly seal: boolean;
}

export interface ForwardingParts extends ForwardingRules {
  readonly hostname: string;
  readonly isOurs: (domain: string) => boolean;
  /** In whose name mail is sent on for an alias that is in none of our domains. */
  readonly primaryDomain: string;
  readonly returnAddresses: Pick<ReturnAddresses, 'of'>;
}

export interface Forwarding {
  /** In wire form; '' is the null reverse-path. */
  readonly sender: string;
  readonly seal?: {
    readonly domain: string;
    readonly results: string;
    readonly chain: 'none' | 'pass' | 'fail';
  };
}

/** @param original the alias, as RCPT named it. */
export async function forwardedAs(
  message: { readonly sender: string; readonly findings: readonly Finding[] },
  original: string,
  parts: ForwardingParts,
): Promise<Forwarding> {
  const named = parseMailbox(original)?.domain;
  const domain = named !== undefined && parts.isOurs(named) ? named : parts.primaryDomain;
  const results = parts.seal ? resultsText(parts.hostname, message.findings) : undefined;
  const chain = message.findings.find(({ kind }) => kind === 'arc');
  return {
    sender: await senderOf(message.sender, domain, parts),
    ...(results !== undefined && {
      seal: { domain, results, chain: chain?.kind === 'arc' ? chain.result : 'none' },
    }),
  };
}

async function senderOf(
  sender: string,
  domain: string,
  { rewriteSender, isOurs, returnAddresses }: ForwardingParts,
): Promise<string> {
  const mailbox: Mailbox | undefined = rewriteSender ? parseMailbox(sender) : undefined;
  // RFC 5321 §4.5.5: what must not be answered stays so.
  if (mailbox === undefined || isOurs(mailbox.domain)) return sender;
  return formatMailbox(await returnAddresses.of(mailbox, domain));
}
