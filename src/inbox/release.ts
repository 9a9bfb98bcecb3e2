// A caught message is let go to real addresses, through the relay that whoever started the catcher has named. Without
// one nothing ever leaves, whoever asks.

import { messageOf } from '../base/error-text.ts';
import { formatMailbox, parseMailbox } from '../mail/fields/address.ts';
import { authorOf } from './shown-message.ts';

/** Limit: real addresses that one message goes to. */
export const releasedMax = 100;

export interface ReleaseParts {
  /** Where messages may be released to, `host:port`; undefined: nowhere. */
  readonly relay: string | undefined;
  /** @throws Error that says why not */
  readonly release: (octets: Buffer, from: string, to: readonly string[]) => Promise<void>;
}

/** Why a message is not let go, in words for whoever asked. */
export class ReleaseError extends Error {}

/** From its author to these; `read` is asked for the message when everything else is right. @throws ReleaseError */
export async function releaseCaught(
  { relay, release }: ReleaseParts,
  addresses: readonly string[],
  read: () => Promise<Buffer>,
): Promise<void> {
  if (relay === undefined)
    throw new ReleaseError(
      'nothing leaves this catcher: `postrider dev --relay HOST:PORT` names where messages may be released to',
    );
  const to = addresses.map((each) => {
    const mailbox = parseMailbox(each);
    if (mailbox === undefined) throw new ReleaseError(`${each.slice(0, 200)} is no mail address`);
    return formatMailbox(mailbox);
  });
  const octets = await read();
  const author = authorOf(octets);
  if (author === undefined) throw new ReleaseError('the message has no author (From)');
  try {
    await release(octets, author, to);
  } catch (error) {
    throw new ReleaseError(`not released: ${messageOf(error)}`);
  }
}
