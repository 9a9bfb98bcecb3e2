// Every limit of the POP3 machine, named, in one place, with the RFC's minimum beside it.

export interface Pop3Limits {
  /** Commands in error in one connection; what comes after them ends it. */
  readonly errors: number;
  /** Failed logins in one connection. RFC 1939 §13 warns of those who guess. */
  readonly failedLogins: number;
  /** Commands before a login that bring it no nearer (CAPA, LANG, UTF8). */
  readonly commandsBeforeLogin: number;
  /** How long to wait for a command. RFC 1939 §3: at least 10 minutes. */
  readonly idleTimeout: number;
}

/** RFC 1939 §3: an inactivity autologout timer MUST be of at least 10 minutes' duration. */
export const idleMsMin = 10 * 60_000;

export const defaultPop3Limits: Pop3Limits = {
  errors: 20,
  failedLogins: 10,
  commandsBeforeLogin: 100,
  idleTimeout: idleMsMin,
};

/** RFC 2449 §4: commands have at most 255 octets, CRLF included. */
export const commandBytesMax = 255;

/**
 * Octets of a line of a SASL exchange, and of AUTH with an initial response; RFC 4954 §4 finds 12288
 * sufficient. Deviation: RFC 5034 §4 would hold AUTH itself to 255, which bearer tokens exceed.
 */
export const authLineBytesMax = 12_288;

/** Output that is gathered before it is sent: a pipelining client is answered in few writes. */
export const outputBytes = 56 * 2 ** 10;

/** How much of a header is gathered, to be sent in ASCII. */
export { headerBytesMax } from '../mail/header/header.ts';

/** How much of a header is translated for that; what comes after it is masked, which costs nothing. */
export const translatedBytesMax = 64 * 2 ** 10;
