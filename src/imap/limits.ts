// The limits of an IMAP session, in one place; those that are settings by the configuration's names.

export interface ImapLimits {
  /**
   * Octets of one command without the messages of APPEND: lines and other literals together.
   * RFC 7162 §4 asks for 8192 at least.
   */
  readonly commandSize: number;
  /** Octets of one message. RFC 7889 APPENDLIMIT. */
  readonly messageSize: number;
  /** Messages of one APPEND. RFC 3502. */
  readonly messagesPerAppend: number;
  /** How deep search keys and lists nest: NOT, OR and parentheses together. */
  readonly depth: number;
  /** Ranges in one sequence set. */
  readonly ranges: number;
  /** BAD responses before the connection is closed. */
  readonly errorsPerConnection: number;
  /** Commands before login. */
  readonly commandsBeforeLogin: number;
  /** Failed logins before the connection is closed. */
  readonly failedLogins: number;
  /** RFC 9051 §5.4: at least 30 minutes once logged in. */
  readonly idleTimeout: number;
  /** Silence before login: some programs connect before they ask somebody for the password. */
  readonly loginTimeout: number;
}

export const defaultImapLimits: ImapLimits = {
  commandSize: 64 * 2 ** 10,
  messageSize: 50 * 2 ** 20,
  messagesPerAppend: 1000,
  depth: 200,
  ranges: 10_000,
  errorsPerConnection: 20,
  commandsBeforeLogin: 100,
  failedLogins: 3,
  idleTimeout: 30 * 60_000,
  loginTimeout: 3 * 60_000,
};

/** Octets of a line of a SASL exchange; RFC 4954 §4 finds 12288 sufficient for SMTP. */
export const authLineBytesMax = 12_288;

/** Output that is gathered before it is sent: a pipelining client is answered in few writes. */
export const outputBytes = 64 * 2 ** 10;

/** RFC 7888 §5, LITERAL-: what strangers may send without our leave. */
export const unasked = { literalOctets: 4096 } as const;
