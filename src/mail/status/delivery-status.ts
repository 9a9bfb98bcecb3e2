// The machine's half of a delivery status notification: RFC 3464 §2, the requests it answers
// (RFC 3461 §4), and both in UTF-8 (RFC 6533). Text of strangers (replies of other servers, ENVID,
// ORCPT) ends in fields here: it can neither begin a field nor break a line.

import { formatDate } from '../fields/date.ts';
import { foldHeader } from '../header/header.ts';

export type Action = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

/** What a sender asked to be told of a recipient. RFC 3461 §4.1. */
export interface Notify {
  readonly success: boolean;
  readonly failure: boolean;
  readonly delay: boolean;
}

// RFC 3461 §5.2.5 (b), §5.2.6 (c): without NOTIFY failures are reported, and delays may be.
const notifyByDefault: Notify = { success: false, failure: true, delay: true };

export interface StatusMessage {
  readonly reportingMta: string;
  /** The value of ENVID, still xtext. */
  readonly envelopeId?: string | undefined;
  /** What the client called itself. */
  readonly receivedFrom?: string | undefined;
  readonly receivedFromAddress?: string | undefined;
  readonly arrival: number;
  /** By when it was to be delivered. RFC 2852 §5. */
  readonly deliverBy?: number | undefined;
  /** `for;3600` or `until;2026-07-01T12:00:00Z`. RFC 4865 §5.1.2. */
  readonly futureRelease?: string | undefined;
  readonly queueId: string;
}

export interface StatusRecipient {
  /** The value of ORCPT, `rfc822;` and xtext. */
  readonly originalRecipient?: string | undefined;
  readonly finalRecipient: string;
  readonly action: Action;
  /** RFC 3463: `5.1.1`. */
  readonly status: string;
  readonly remoteMta?: string | undefined;
  /** A reply on one line: `550 5.1.1 No such user`. `remote`: of the next hop, not ours. */
  readonly diagnostic?: { readonly text: string; readonly remote: boolean } | undefined;
  readonly lastAttempt?: number | undefined;
  readonly willRetryUntil?: number | undefined;
}

/**
 * The content of a message/delivery-status part, or with `utf8` of a message/global-delivery-status
 * one: per-message fields, then a block for each recipient. CRLF line ends.
 */
export function formatDeliveryStatus(
  message: StatusMessage,
  recipients: readonly StatusRecipient[],
  utf8: boolean,
): string {
  const text = utf8 ? (value: string) => value : asciiText;
  const field = (name: string, value: string) => foldHeader(name, text(value));
  let out = '';
  // RFC 3461 §6.3 (a): decoded from xtext, and only if there was one.
  if (message.envelopeId !== undefined)
    out += field('Original-Envelope-Id', decodeXtext(message.envelopeId));
  out += field('Reporting-MTA', `dns; ${message.reportingMta}`);
  if (message.receivedFrom !== undefined && message.receivedFrom !== '') {
    // RFC 3464 §2.2.4: the network address should be included as a comment.
    const { receivedFromAddress: address } = message;
    const from = `dns; ${message.receivedFrom}`;
    out += field('Received-From-MTA', address === undefined ? from : `${from} (${address})`);
  }
  out += field('Arrival-Date', formatDate(message.arrival));
  if (message.deliverBy !== undefined)
    out += field('Deliver-By-Date', formatDate(message.deliverBy));
  if (message.futureRelease !== undefined)
    out += field('Future-Release-Request', message.futureRelease);
  out += field('X-Postrider-Queue-Id', message.queueId);
  for (const recipient of recipients) {
    out += '\r\n'; // RFC 3464 §2.3: each group is preceded by a blank line.
    // RFC 3461 §6.3 (d): from ORCPT, and only from there.
    if (recipient.originalRecipient !== undefined)
      out += field('Original-Recipient', originalRecipient(recipient.originalRecipient, utf8));
    out += field('Final-Recipient', typedAddress(recipient.finalRecipient, utf8));
    out += field('Action', recipient.action);
    out += field('Status', recipient.status);
    if (recipient.remoteMta !== undefined)
      out += field('Remote-MTA', `dns; ${recipient.remoteMta}`);
    if (recipient.diagnostic !== undefined) {
      // RFC 3464 §2.3.6: "smtp" is for replies of an SMTP server, and x- for what is our own.
      const type = recipient.diagnostic.remote ? 'smtp' : 'x-postrider';
      out += field('Diagnostic-Code', `${type}; ${recipient.diagnostic.text}`);
    }
    if (recipient.lastAttempt !== undefined)
      out += field('Last-Attempt-Date', formatDate(recipient.lastAttempt));
    // RFC 3464 §2.3.9: MUST NOT appear in other DSNs than "delayed".
    if (recipient.willRetryUntil !== undefined && recipient.action === 'delayed')
      out += field('Will-Retry-Until', formatDate(recipient.willRetryUntil));
  }
  return out;
}

/** From RCPT parameters in wire form. */
export function notifyOf(params: readonly string[]): Notify {
  if (params.length === 0) return notifyByDefault;
  const value = paramValue(params, 'NOTIFY');
  if (value === undefined) return notifyByDefault;
  // RFC 3461 §4.1: notify-esmtp-value = "NEVER" / 1#notify-list-element
  const words = value.toUpperCase().split(',');
  const has = (word: string) => words.includes(word);
  return { success: has('SUCCESS'), failure: has('FAILURE'), delay: has('DELAY') };
}

/** The value of a parameter in wire form, `KEYWORD=value`. */
export function paramValue(params: readonly string[], keyword: string): string | undefined {
  for (const param of params) {
    if (param.length <= keyword.length || param[keyword.length] !== '=') continue;
    if (param.slice(0, keyword.length).toUpperCase() === keyword)
      return param.slice(keyword.length + 1);
  }
  return undefined;
}

/** RFC 3461 §4: hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits */
export const decodeXtext = (text: string): string =>
  text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );

/**
 * RFC 6533 §3: an address that is not ASCII has the type utf-8; in the seven bits of a
 * message/delivery-status it is written as utf-8-addr-xtext, in UTF-8 as it is.
 */
function typedAddress(address: string, utf8: boolean): string {
  if (isAscii(address)) return `rfc822; ${address}`;
  return `utf-8; ${utf8 ? address : encodeUnitext(address)}`;
}

function originalRecipient(orcpt: string, utf8: boolean): string {
  const semicolon = orcpt.indexOf(';');
  if (semicolon < 0) return `unknown; ${decodeXtext(orcpt)}`;
  const type = orcpt.slice(0, semicolon);
  const address = orcpt.slice(semicolon + 1);
  if (type.toLowerCase() !== 'utf-8') return `${type}; ${decodeXtext(address)}`;
  // RFC 6533 §4.1: up-converted to utf-8-address in a message/global-delivery-status.
  return `${type}; ${utf8 ? decodeUnitext(address) : encodeUnitext(decodeUnitext(address))}`;
}

// RFC 6533 §3: QCHAR = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
const encodeUnitext = (text: string): string =>
  text.replace(/[^!-*,-<>-[\]-~]/gu, (char) => {
    const hex = char.codePointAt(0)!.toString(16).toUpperCase();
    return `\\x{${hex.padStart(2, '0')}}`;
  });

const decodeUnitext = (text: string): string =>
  text.replace(/\\x\{([0-9A-Fa-f]{2,6})\}/g, (whole, hex: string) => {
    const point = Number.parseInt(hex, 16);
    const control = point < 0x20 || point === 0x7f || (point >= 0xd800 && point <= 0xdfff);
    return point > 0x10ffff || control ? whole : String.fromCodePoint(point);
  });

/** Printable ASCII: what a seven-bit part may hold. */
export const asciiText = (text: string): string => text.replace(/[^\t -~]/gu, '?');

export const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);
