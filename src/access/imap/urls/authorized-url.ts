// URLs that name their server, and those that carry an authorization: RFC 5092 §3 and §6.1.1, RFC 4467 §3. What they
// say, and nothing of whether it holds: that is in url-authority.ts. Pure and total.

import { parseDateTime } from '../../../base/date-time.ts';
import type { MessageUrl } from './imap-url.ts';
import { parseMessageUrl } from './imap-url.ts';

/** RFC 5092 §3: imap://[iuserinfo@]host[:port]/imessagepart. */
export interface AbsoluteUrl {
  /** As it is meant; undefined: none is named. */
  readonly user: string | undefined;
  readonly host: string;
  /** From the slash on, as it is written. */
  readonly path: string;
}

/** RFC 4467 §3: who may use it. */
export type UrlAccess =
  | { readonly kind: 'submit' | 'user'; readonly user: string }
  | { readonly kind: 'authuser' | 'anonymous' };

export interface AuthorizedUrl {
  /** Whose mailbox names these are, and whose keys authorize. */
  readonly owner: string;
  readonly host: string;
  readonly message: MessageUrl & { readonly mailbox: string };
  /** Milliseconds since the epoch; undefined: never. */
  readonly expires: number | undefined;
  readonly access: UrlAccess;
  /** All that is authorized: the URL up to the mechanism. */
  readonly rump: string;
  /** Undefined: nobody has authorized it yet. */
  readonly proof: { readonly mechanism: string; readonly token: string } | undefined;
}

const absolute =
  /^imap:\/\/(?:([^@/;]+)(?:;auth=[^@/;]+)?@)?([^/@:]+|\[[^\]/]+\])(?::\d{1,5})?(\/.*)$/i;
// RFC 4467 §9: [iexpire] iurlauth-rump, and behind it ":" mechanism ":" token of at least 128 bits.
const authorization =
  /(?:;expire=([^;/]+))?;urlauth=([^;:/]+)(:([a-z\d.-]{1,40}):([\da-f]{32,200}))?$/i;
const authorizes = /;(?:expire|urlauth)=/i;
const accessPattern = /^(?:(submit|user)\+(.+)|authuser|anonymous)$/i;

export function parseAbsoluteUrl(url: string): AbsoluteUrl | undefined {
  const [, user, host, path] = absolute.exec(url) ?? [];
  if (host === undefined || path === undefined) return undefined;
  const named = user === undefined ? undefined : decoded(user);
  return user !== undefined && named === undefined ? undefined : { user: named, host, path };
}

/** Whether it wants to be more than the name of a message. */
export const carriesAuthorization = ({ path }: AbsoluteUrl): boolean => authorizes.test(path);

/** Undefined for what is no such URL; RFC 4467 §3, §7: it names an owner, and a message or a part of one. */
export function parseAuthorizedUrl(url: string): AuthorizedUrl | undefined {
  // RFC 3986 §2: what is authorized are octets, and no two characters may look like one.
  if (!/^[\x21-\x7e]+$/.test(url)) return undefined;
  const whole = parseAbsoluteUrl(url);
  const match = whole && authorization.exec(whole.path);
  if (whole?.user === undefined || !match) return undefined;
  const [, expireText, accessText, proof, mechanism, token] = match;
  const message = parseMessageUrl(whole.path.slice(0, match.index));
  const access = accessOf(accessText!);
  const expires = expireText === undefined ? undefined : dateOf(expireText);
  if (message?.mailbox === undefined || access === undefined) return undefined;
  if (expireText !== undefined && expires === undefined) return undefined;
  return {
    owner: whole.user,
    host: whole.host,
    message: { ...message, mailbox: message.mailbox },
    ...{ expires, access },
    rump: url.slice(0, url.length - (proof?.length ?? 0)),
    proof: proof === undefined ? undefined : { mechanism: mechanism!, token: token! },
  };
}

function accessOf(text: string): UrlAccess | undefined {
  const match = accessPattern.exec(text);
  if (match === null) return undefined;
  const [all, prefix, encoded] = match;
  if (prefix === undefined) return { kind: all.toLowerCase() as 'authuser' | 'anonymous' };
  const user = decoded(encoded!);
  if (user === undefined) return undefined;
  return { kind: prefix.toLowerCase() as 'submit' | 'user', user };
}

const dateOf = (text: string): number | undefined => parseDateTime(decoded(text) ?? '');

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
