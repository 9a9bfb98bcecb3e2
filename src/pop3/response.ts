// Responses: a status, an extended code, and text. RFC 1939 §3, RFC 2449 §8, RFC 3206, RFC 6856 §5.

import { assert } from '../base/assert.ts';

/**
 * `IN-USE`, `LOGIN-DELAY`: RFC 2449 §8.1; `AUTH`: the credentials are wrong; `SYS/TEMP`, `SYS/PERM`:
 * they are not, we are (RFC 3206); `UTF8`: not without the UTF8 command (RFC 6856 §5).
 */
export type ResponseCode = 'IN-USE' | 'LOGIN-DELAY' | 'AUTH' | 'SYS/TEMP' | 'SYS/PERM' | 'UTF8';

export interface Response {
  readonly ok: boolean;
  readonly code: ResponseCode | undefined;
  readonly text: string;
}

export const ok = (text: string): Response => response(true, text, undefined);
export const err = (text: string, code?: ResponseCode): Response => response(false, text, code);

function response(positive: boolean, text: string, code: ResponseCode | undefined): Response {
  // RFC 2449 §4: 512 octets with CRLF; §8: text that begins with "[" is a response code.
  assert(/^[\x20-\x5a\x5c-\x7e][\x20-\x7e]{0,480}$/.test(text), 'a response is one short line');
  return { ok: positive, code, text };
}

export function formatResponse({ ok: positive, code, text }: Response): string {
  const status = positive ? '+OK' : '-ERR';
  return code === undefined ? `${status} ${text}\r\n` : `${status} [${code}] ${text}\r\n`;
}

/** What the protocol itself answers. Those who answer questions keep theirs next to their reasons. */
export const responses = {
  unknownCommand: err('unknown command'),
  lineTooLong: err('command line too long'),
  badLine: err('command lines are printable text that ends with CRLF'),
  badUtf8: err('command line is not UTF-8'),
  badArguments: err('wrong arguments'),
  noMessageNumber: err('a message number is needed'),
  notLoggedIn: err('not logged in'),
  loggedIn: err('already logged in'),
  tooManyErrors: err('too many errors, goodbye'),
  tooManyLogins: err('too many failed logins, goodbye'),
  tooManyCommands: err('too many commands before a login, goodbye'),
  shuttingDown: err('server shutting down', 'SYS/TEMP'),
  internal: err('internal error, try again later', 'SYS/TEMP'),
  userOk: ok('send PASS'),
  userFirst: err('USER comes before PASS'),
  noPasswords: err('passwords are not taken here'),
  needTls: err('passwords are not taken in the clear, say STLS first'),
  noMechanism: err('unrecognized authentication mechanism'),
  badBase64: err('cannot decode base64'),
  cancelled: err('authentication cancelled'),
  startTls: ok('begin TLS negotiation now'),
  tlsActive: err('command not permitted when TLS active'),
  noTls: err('TLS is not available'),
  // RFC 6856 §2.1: servers may refuse STLS after UTF8.
  utf8Before: err('STLS comes before UTF8'),
  utf8: ok('UTF8 enabled'),
  languages: ok('language listing follows'),
  language: ok('en language changed'),
  noLanguage: err('there is no such language here'),
  capabilities: ok('capability list follows'),
  mechanisms: ok('mechanism list follows'),
  nothing: ok('nothing happened'),
  uniqueIds: ok('unique-id listing follows'),
  messageFollows: ok('top of message follows'),
} as const;
