// Replies: a code, an enhanced status, and text. RFC 5321 §4.2, RFC 2034, RFC 3463.

import { assert } from '../base/assert.ts';

/** The `subject.detail` of RFC 3463. The class before it is never written: it is the code's. */
export type Detail = `${number}.${number}`;

export interface Reply {
  readonly code: number;
  /** Absent in the greeting, in the replies to EHLO and HELO, and in 3yz. RFC 2034 §4. */
  readonly detail: Detail | undefined;
  readonly lines: readonly [string, ...string[]];
}

/** @throws AssertionError for a code outside 200-599, a status on a 3yz or that is none, no text, CR or LF in it. */
export function reply(
  code: number,
  detail: Detail | undefined,
  ...lines: [string, ...string[]]
): Reply {
  assert(code >= 200 && code <= 599, 'a reply code is 2yz to 5yz');
  assert(detail === undefined || code < 300 || code >= 400, 'no enhanced status in 3yz');
  assert(
    detail === undefined || /^\d{1,3}\.\d{1,3}$/.test(detail),
    "the second part of a reply is its status without the class, such as '7.1', or undefined",
  );
  // Nothing would be sent for it, and the peer would wait.
  assert(lines.length > 0, 'a reply has a text');
  for (const line of lines) assert(!/[\r\n]/.test(line), 'reply text is a single line');
  return { code, detail, lines };
}

export const isPositive = (r: Reply): boolean => r.code < 400;
export const isTransient = (r: Reply): boolean => r.code >= 400 && r.code < 500;
export const isPermanent = (r: Reply): boolean => r.code >= 500;

/** The status as RFC 3463 writes it, `5.1.1`, or undefined where the reply has none. */
export const enhancedStatus = ({ code, detail }: Reply): string | undefined =>
  detail === undefined ? undefined : `${Math.floor(code / 100)}.${detail}`;

export function formatReply(r: Reply): string {
  const status = enhancedStatus(r);
  const prefix = status === undefined ? '' : `${status} `;
  if (r.lines.length === 1) return `${r.code} ${prefix}${r.lines[0]}\r\n`; // nearly all of them
  const last = r.lines.length - 1;
  return r.lines
    .map((text, i) => `${r.code}${i === last ? ' ' : '-'}${prefix}${text}\r\n`)
    .join('');
}

/** All of it on one line, for people. */
export const replyLine = (r: Reply): string => formatReply(r).trimEnd().replaceAll('\r\n', ' ');

const syntax = (detail: Detail, text: string): Reply => reply(501, detail, text);

/**
 * The replies the protocol itself gives. Policies keep theirs next to their reasons.
 * RFC 3463 has the meaning of each status, RFC 5321 §4.2.3 of each code.
 */
export const replies = {
  // Good news.
  /** The session puts our host name and the protocol's name before it. */
  greeting: reply(220, undefined, 'ready'),
  ok: reply(250, '0.0', 'OK'),
  reset: reply(250, '0.0', 'Reset'),
  bye: reply(221, '0.0', 'Bye'),
  senderOk: reply(250, '1.0', 'Sender OK'),
  recipientOk: reply(250, '1.5', 'Recipient OK'),
  startContent: reply(354, undefined, 'End data with <CR><LF>.<CR><LF>'),
  chunkOk: reply(250, '0.0', 'Chunk received'),
  messageOk: reply(250, '6.0', 'Message accepted'),
  startTls: reply(220, '0.0', 'Ready to start TLS'),
  authenticated: reply(235, '7.0', 'Authentication successful'),
  cannotVerify: reply(252, '0.0', 'Cannot verify the mailbox, but will try to deliver to it'),

  // Commands that cannot be read. RFC 5321 §4.2.4.
  unknownCommand: reply(500, '5.1', 'Command not recognized'),
  notImplemented: reply(502, '5.1', 'Command not implemented'),
  lineTooLong: reply(500, '5.2', 'Line too long'),
  badLine: reply(500, '5.2', 'Commands are printable text that ends in <CR><LF>'),
  badUtf8: syntax('5.2', 'Not valid UTF-8'),
  notAscii: syntax('5.4', 'Only ASCII is allowed here'),
  notHttp: reply(421, '7.0', 'This is a mail server, not a web server'),
  useLhlo: reply(500, '5.1', 'This is LMTP: say LHLO'),
  useEhlo: reply(500, '5.1', 'This is SMTP: say EHLO'),
  /** RFC 5321 §4.1.1.11 */
  unknownParam: reply(555, '5.4', 'Parameter not recognized or not implemented'),
  badParam: syntax('5.4', 'A parameter is given twice, or its value makes no sense'),
  /** RFC 6531 §3.7.4 */
  needsUtf8: reply(553, '6.7', 'A non-ASCII address needs the SMTPUTF8 parameter on MAIL'),

  // Commands out of order. RFC 5321 §4.1.4.
  badSequence: reply(503, '5.1', 'Bad sequence of commands'),
  needHello: reply(503, '5.1', 'Say EHLO first'),
  needLhlo: reply(503, '5.1', 'Say LHLO first'),
  needMail: reply(503, '5.1', 'MAIL comes first'),
  nestedMail: reply(503, '5.1', 'A transaction is open already: send RSET to give it up'),
  noRecipients: reply(503, '5.1', 'No valid recipients'),
  chunksOnly: reply(503, '5.1', 'This message can only be sent with BDAT'),
  notWelcome: reply(503, '5.1', 'No service here: only QUIT is understood'),
  inTransaction: reply(503, '5.1', 'Not possible in a transaction'),

  // TLS and logging in. RFC 3207 §4, RFC 4954 §4 and §6.
  tlsAlready: reply(503, '5.1', 'TLS is active already'),
  tlsUnavailable: reply(454, '7.0', 'TLS is not available'),
  authRequired: reply(530, '7.0', 'Authentication required'),
  authNeedsTls: reply(538, '7.11', 'Encryption required for authentication: send STARTTLS'),
  authAlready: reply(503, '5.1', 'Authenticated already'),
  authUnknownMechanism: reply(504, '5.4', 'Authentication mechanism not supported'),
  authCancelled: syntax('0.0', 'Authentication cancelled'),
  authBadBase64: syntax('5.2', 'Cannot decode base64'),
  authLineTooLong: reply(500, '5.6', 'Authentication line too long'),

  /** As Postfix says it. */
  notProxy: reply(550, '7.0', 'Insufficient authorization'),

  // Limits. RFC 5321 §4.5.3.1.
  tooManyRecipients: reply(452, '5.3', 'Too many recipients: send the rest in another transaction'),
  tooManyDomains: reply(452, '5.3', 'Too many domains: send the rest over another connection'),
  messageTooBig: reply(552, '3.4', 'Message exceeds the maximum size'),
  headerTooBig: reply(552, '3.4', 'The header of the message is too big'),
  bareNewline: reply(550, '6.11', 'Bare <CR> or <LF> in the message: lines end in <CR><LF>'),
  tooManyErrors: reply(421, '7.0', 'Too many errors'),
  tooManyIdleCommands: reply(421, '7.0', 'Too many commands without a message'),
  tooManyMessages: reply(421, '7.0', 'Too many messages in one connection: open another'),
  timeout: reply(421, '4.2', 'Timeout waiting for the client'),
  shuttingDown: reply(421, '3.2', 'Service shutting down, try again later'),
  /** The peer cannot go on after this one: it promised more octets than anybody sends. */
  chunkAbsurd: reply(552, '3.4', 'No message is that big'),

  // Failures.
  localError: reply(451, '3.0', 'Local error, try again later'),
  /** RFC 6531 §3.2: for the report when a hop cannot take the message. */
  hopLacksUtf8: reply(553, '6.7', 'The next server does not support SMTPUTF8'),
} as const;

/** RFC 5321 §4.5.3.1.6. Lines of the content are counted from 1, the header's first. */
export const textLineTooLong = (line: number, octetsMax: number): Reply =>
  reply(554, '6.0', `Line ${line} of the message is longer than ${octetsMax} octets`);

/** RFC 5321 §4.5.3.1.10: "501 Path too long". RFC 3463 §3.2: X.1.7 and X.1.3. */
export const senderTooLong = (octetsMax: number): Reply =>
  reply(501, '1.7', `Path too long: a local part has at most ${octetsMax} octets here`);
export const recipientTooLong = (octetsMax: number): Reply =>
  reply(501, '1.3', `Path too long: a local part has at most ${octetsMax} octets here`);
