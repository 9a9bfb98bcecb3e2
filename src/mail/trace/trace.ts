// Trace fields: Received, Return-Path (RFC 5321 §4.4) and Delivered-To, each ended with CRLF. What the
// client said of itself is text of a stranger: it goes into the field only as far as the grammar of
// its place allows, so that it can neither end a line nor look like words of ours.

import { plainAddress } from '../../base/ip-address.ts';
import { formatDate } from '../fields/date.ts';

export interface ReceivedFacts {
  /** What the client called itself in EHLO, HELO or LHLO; may be anything. */
  readonly helo: string;
  /** An IP address; undefined or '' for a Unix socket. */
  readonly clientAddress?: string | undefined;
  /** The name the DNS gave for the address, if it was looked up and confirmed. */
  readonly clientName?: string | undefined;
  readonly hostname: string;
  /** RFC 3848 §3, RFC 6531 §4.3: ESMTP, ESMTPS, ESMTPSA, LMTP, UTF8SMTP … */
  readonly protocol: string;
  readonly id: string;
  /** Only when there is exactly one recipient: RFC 5321 §7.6 fears for blind copies. */
  readonly for?: string | undefined;
  /** 'TLSv1.3 TLS_AES_256_GCM_SHA384' */
  readonly tls?: string | undefined;
  /** RFC 6710 §7, where the client said one. */
  readonly priority?: number | undefined;
  /** Milliseconds since 1970. */
  readonly date: number;
}

/**
 * RFC 5321 §4.4: Time-stamp-line = "Received:" FWS Stamp
 *   Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
 *   Opt-info = [Via] [With] [ID] [For] [Additional-Registered-Clauses]
 */
export function receivedField(facts: ReceivedFacts): string {
  const { hostname, protocol, id, tls } = facts;
  // RFC 6531 §3.7.3: without SMTPUTF8 trace fields are ASCII.
  const utf8 = protocol.startsWith('UTF8');
  const version = tls === undefined ? '' : tlsComment(tls);
  const recipient = forClause(facts.for, utf8);
  const cipher = tls === undefined ? undefined : registeredCipher.exec(tls)?.[0];
  // RFC 8314 §4.3: tls-cipher-clause = CFWS "tls" FWS tls-cipher
  const secured = cipher === undefined ? recipient : `${recipient}\r\n\ttls ${cipher}`;
  // RFC 6710 §7: Pri = CFWS "PRIORITY" FWS priority-value
  const clauses =
    facts.priority === undefined ? secured : `${secured}\r\n\tpriority ${facts.priority}`;
  const from = fromDomain(facts, utf8);
  return (
    `Received: from ${from}\r\n\tby ${hostname} with ${protocol}${version} id ${id}` +
    `${clauses};\r\n\t${formatDate(facts.date)}\r\n`
  );
}

/** RFC 5321 §4.4: Return-path-line = "Return-Path:" FWS Reverse-path. '' is the null path. */
export const returnPathField = (sender: string): string =>
  `Return-Path: <${singleLine(sender)}>\r\n`;

/** Field: from qmail and Postfix; what ends loops of forwarding. */
export const deliveredToField = (address: string): string =>
  `Delivered-To: ${singleLine(address)}\r\n`;

/** RFC 5321 §4.4: what final delivery puts in front, the Return-Path first, then the trace so far. */
export const finalFields = (
  { sender, prefix }: { readonly sender: string; readonly prefix: string },
  address: string,
): string => returnPathField(sender) + deliveredToField(address) + prefix;

const asciiDomain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/; // Field: underscores in Windows names.
const utf8Domain = /^[A-Za-z0-9\x80-\u{10ffff}][A-Za-z0-9._\x80-\u{10ffff}-]{0,254}$/u;
// RFC 5321 §4.1.3: "[" IPv4 / "IPv6:" IPv6 / General-address-literal "]"; dcontent is %d33-90 / %d94-126
const addressLiteral = /^\[[A-Za-z0-9.:-]{1,100}\]$/;
const registeredCipher = /\bTLS_[A-Z0-9_]{1,80}\b/;

/**
 * RFC 5321 §4.4: From-domain = "FROM" FWS Extended-Domain
 *   Extended-Domain = Domain / ( Domain FWS "(" TCP-info ")" )
 *     / ( address-literal FWS "(" TCP-info ")" )
 *   TCP-info = address-literal / ( Domain FWS address-literal )
 * A greeting that is neither a domain nor a literal becomes a comment behind the address.
 */
function fromDomain({ helo, clientAddress, clientName }: ReceivedFacts, utf8: boolean): string {
  const literal = literalOf(clientAddress ?? '');
  const named = clientName !== undefined && asciiDomain.test(clientName);
  const tcpInfo = literal === '' ? '' : named ? ` (${clientName} ${literal})` : ` (${literal})`;
  if (asciiDomain.test(helo) || (utf8 && utf8Domain.test(helo))) return helo + tcpInfo;
  if (addressLiteral.test(helo) && tcpInfo !== '') return helo + tcpInfo;
  const who = (literal === '' ? 'localhost' : literal) + tcpInfo;
  const said = commentText(helo);
  return said === '' ? who : `${who} (helo ${said})`;
}

/** RFC 5321 §4.1.3, with mapped IPv4 addresses as what they are and without an IPv6 zone. */
function literalOf(address: string): string {
  if (!/^[0-9A-Fa-f.:]{2,45}(?:%|$)/.test(address)) return '';
  if (!address.includes(':')) return `[${address}]`;
  const zone = address.indexOf('%');
  const plain = plainAddress(zone < 0 ? address : address.slice(0, zone));
  return plain.includes(':') ? `[IPv6:${plain}]` : `[${plain}]`;
}

function tlsComment(tls: string): string {
  const rest = commentText(tls.replace(registeredCipher, '').replace(/ {2,}/g, ' '));
  return rest === '' ? '' : ` (${rest})`;
}

/** RFC 5322 §3.2.2: ctext is printable ASCII except parentheses and the backslash. */
const commentText = (text: string): string =>
  text
    .slice(0, 255)
    .replace(/[^ !-'*-[\]-~]+/g, '?')
    .trim();

/** RFC 5321 §4.4: For = CFWS "FOR" FWS ( Path / Mailbox ) */
function forClause(address: string | undefined, utf8: boolean): string {
  if (address === undefined || address === '' || address.length > 320) return '';
  const plain = utf8 ? /^[^\x00-\x1f\x7f<>]+$/ : /^[ -;=?-~]+$/;
  return plain.test(address) ? `\r\n\tfor <${address}>` : '';
}

const singleLine = (text: string): string =>
  /[\x00-\x1f\x7f]/.test(text) ? text.replace(/[\x00-\x1f\x7f]/g, '?') : text;
