// VRFY and EXPN: whether an address is one. RFC 5321 §3.5.3 and §7.3.

import { formatMailbox, parseMailbox } from '../mail/fields/address.ts';
import type { AddressMap } from '../policy/addresses/address-map.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';

export interface VerificationParts {
  readonly addressMap: Pick<AddressMap, 'resolve'>;
  /**
   * What VRFY says: 252 to everything, an honest answer to those who may relay, or 502.
   * RFC 5321 §3.5.3 and §7.3.
   */
  readonly vrfy: 'ambiguous' | 'yes' | 'no';
}

/** RFC 6531 §3.7.4.2, §4.5: a client that has not said SMTPUTF8 is told in ASCII, or not at all. */
const needsUtf8 = reply(252, '6.8', 'The answer would be in UTF-8: say VRFY with SMTPUTF8');
const noVerification = reply(502, '7.0', 'VRFY is not available');
export const noExpansion = reply(502, '7.0', 'EXPN is not available');

export async function verify(
  { argument, utf8 }: { readonly argument: string; readonly utf8: boolean },
  mayRelay: boolean,
  { vrfy, addressMap }: VerificationParts,
): Promise<Reply> {
  if (vrfy === 'no') return noVerification;
  const mailbox = parseMailbox(argument.trim().replace(/^<(.*)>$/, '$1'));
  if (vrfy === 'ambiguous' || !mayRelay || mailbox === undefined) return replies.cannotVerify;
  const resolution = await addressMap.resolve(mailbox, { mayRelay: false });
  if (resolution.kind === 'refuse') return resolution.reply;
  const address = formatMailbox(mailbox);
  if (!utf8 && /[^\x00-\x7f]/.test(address)) return needsUtf8;
  return reply(250, '1.5', `<${address}>`);
}
