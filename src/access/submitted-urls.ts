// Content that is submitted by its URL: RFC 4468 §3.3, of messages in mailboxes here, read as whoever logged in
// may read them. URLs that carry an authorization of their own (RFC 4467) are for servers apart.

import { addressKey, domainKey, parseMailbox } from '../mail/address.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';
import type { FolderStore } from '../store/folder-store.ts';
import { parseMessageUrl } from './imap/imap-url.ts';
import { AccountNames } from './imap/names.ts';
import { readMessageUrl } from './imap/url-content.ts';

export interface SubmittedUrlsParts {
  readonly folders: FolderStore;
  /** Read anew each time. */
  readonly settings: () => { readonly hostname: string; readonly messageSize: number };
}

// RFC 4468 §5, §6: X.6.6, message content not available; X.7.8, trust relationship required.
const notThere = reply(554, '6.6', 'IMAP URL resolution failed');
const notOurs = reply(554, '7.8', 'Only URLs of your own mailboxes on this server are resolved');

// RFC 5092 §3: imap://[iuserinfo@]host[:port]/imessagepart; what needs URLAUTH ends in it.
const absolute =
  /^imap:\/\/(?:([^@/;]+)(?:;auth=[^@/;]+)?@)?([^/@:]+|\[[^\]/]+\])(?::\d{1,5})?(\/.*)$/i;
const authorized = /;(?:expire|urlauth)=/i;

/** The octets that the URL names, or the reply that ends the transaction. */
export async function fetchSubmittedUrl(
  { folders, settings }: SubmittedUrlsParts,
  account: string,
  url: string,
): Promise<Uint8Array | Reply> {
  const { hostname, messageSize } = settings();
  const [, user, host, path] = absolute.exec(url) ?? [];
  if (host === undefined || path === undefined) return notThere;
  if (authorized.test(path) || domainKey(host) !== domainKey(hostname)) return notOurs;
  if (user !== undefined && !isAccount(user, account)) return notOurs;
  const wanted = parseMessageUrl(path);
  if (wanted?.mailbox === undefined) return notThere;
  const located = await new AccountNames(account, folders).locate(wanted.mailbox);
  const literal = await readMessageUrl(wanted, located, folders);
  if (literal === undefined) return notThere;
  if (messageSize !== 0 && literal.octets > messageSize) return replies.messageTooBig;
  const pieces: Uint8Array[] = [];
  // What is read is given back to whoever reads next: a copy stays.
  for await (const piece of literal.pieces()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function isAccount(user: string, account: string): boolean {
  try {
    const mailbox = parseMailbox(decodeURIComponent(user));
    return mailbox !== undefined && addressKey(mailbox) === account;
  } catch {
    return false;
  }
}
