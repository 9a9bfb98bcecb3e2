// Content that is submitted by its URL: RFC 4468 §3.3, of messages in mailboxes here: those that whoever logged in
// may read, and those that somebody lends them (RFC 4467).

import type { SharedRoom } from '../base/shared-room.ts';
import { addressKey, domainKey, parseMailbox } from '../mail/fields/address.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';
import type { FolderStore } from '../store/folder-store.ts';
import type { Literal } from './imap/fetch/message-source.ts';
import { AccountNames } from './imap/names.ts';
import { carriesAuthorization, parseAbsoluteUrl } from './imap/urls/authorized-url.ts';
import { parseMessageUrl } from './imap/urls/imap-url.ts';
import type { UrlAuthority } from './imap/urls/url-authority.ts';
import { readMessageUrl } from './imap/urls/url-content.ts';

export interface SubmittedUrlsParts {
  readonly folders: FolderStore;
  readonly urls: Pick<UrlAuthority, 'redeem'>;
  /** Read anew each time. */
  readonly settings: () => { readonly hostname: string; readonly messageSize: number };
  /** Of fetchedBytesMax. */
  readonly room: Pick<SharedRoom, 'take'>;
}

export interface FetchedUrl {
  readonly bytes: Uint8Array;
  /** They are not held any more. */
  readonly release: () => void;
}

// RFC 4468 §5, §6: X.6.6, message content not available; X.7.8, trust relationship required.
const notThere = reply(554, '6.6', 'IMAP URL resolution failed');
const notOurs = reply(554, '7.8', 'Only URLs of your own mailboxes on this server are resolved');
// RFC 4468 §3.4
const notAuthorized = reply(554, '7.0', 'IMAP URL authorization failed');

/** Limit: octets of all that was fetched and is not taken yet, in all sessions: more waits. One message may have as many. */
export const fetchedBytesMax = 64 * 2 ** 20;

/** What the URL names, or the reply that ends the transaction. */
export async function fetchSubmittedUrl(
  parts: SubmittedUrlsParts,
  account: string,
  url: string,
): Promise<FetchedUrl | Reply> {
  const { messageSize } = parts.settings();
  const literal = await literalOf(parts, account, url);
  if ('code' in literal) return literal;
  if (messageSize !== 0 && literal.octets > messageSize) return replies.messageTooBig;
  const release = await parts.room.take(literal.octets);
  try {
    const pieces: Uint8Array[] = [];
    // What is read is given back to whoever reads next: a copy stays.
    for await (const piece of literal.pieces()) pieces.push(Buffer.from(piece));
    return { bytes: Buffer.concat(pieces), release };
  } catch (error) {
    release();
    throw error;
  }
}

async function literalOf(
  { folders, urls, settings }: SubmittedUrlsParts,
  account: string,
  url: string,
): Promise<Literal | Reply> {
  const whole = parseAbsoluteUrl(url);
  if (whole === undefined) return notThere;
  if (domainKey(whole.host) !== domainKey(settings().hostname)) return notOurs;
  if (carriesAuthorization(whole)) {
    const redeemed = await urls.redeem({ account, as: 'submission' }, url);
    if (redeemed.kind === 'content') return redeemed.literal;
    return redeemed.kind === 'refused' ? notAuthorized : notThere;
  }
  if (whole.user !== undefined && !isAccount(whole.user, account)) return notOurs;
  const wanted = parseMessageUrl(whole.path);
  if (wanted?.mailbox === undefined) return notThere;
  const located = await new AccountNames(account, folders).locate(wanted.mailbox);
  return (await readMessageUrl(wanted, located, folders)) ?? notThere;
}

function isAccount(user: string, account: string): boolean {
  const mailbox = parseMailbox(user);
  return mailbox !== undefined && addressKey(mailbox) === account;
}
