// Every limit of the SMTP machines, named, in one place, with the RFC's minimum beside it.

export interface SessionLimits {
  /** Octets of a command line with its CRLF. RFC 5321 §4.5.3.1.4: 512, plus what extensions add. */
  readonly commandBytes: number;
  /** Octets of a message; 0 means no fixed limit (RFC 1870 §4). RFC 5321 §4.5.3.1.7: 64 KiB. */
  readonly messageBytes: number;
  /** Octets of a text line without its CRLF; 0 means no limit. RFC 5321 §4.5.3.1.6: 998. */
  readonly textLineBytes: number;
  /** Octets of all header fields together. RFC 5321 §4.5.3.1.7 counts them as content. */
  readonly headerBytes: number;
  /** Octets of a local part, without its quotes; at most 512. RFC 5321 §4.5.3.1.1: 64. */
  readonly localPartBytes: number;
  /** RFC 5321 §4.5.3.1.8: 100. */
  readonly recipients: number;
  /** Replies of 5yz since the last accepted message; what comes after them gets 421 4.7.0. */
  readonly errors: number;
  /** Commands that bring no mail nearer (NOOP, RSET, VRFY, HELP, EHLO) since the last message. */
  readonly idleCommands: number;
  /** Transactions in one connection (LIMITS MAILMAX); 0 means no limit. */
  readonly messages: number;
  /** Different domains of recipients in one connection (LIMITS RCPTDOMAINMAX); 0 means no limit. */
  readonly recipientDomains: number;
  /** How long to wait for a command. RFC 5321 §4.5.3.2.7: 5 minutes. */
  readonly commandMs: number;
  /** How long to wait for the next piece of content. RFC 5321 §4.5.3.2.5: 3 minutes. */
  readonly contentMs: number;
}

export const defaultLimits: SessionLimits = {
  commandBytes: 512,
  messageBytes: 50 * 2 ** 20,
  textLineBytes: 998,
  headerBytes: 2 ** 20,
  localPartBytes: 256,
  recipients: 1000,
  errors: 20,
  idleCommands: 100,
  messages: 0,
  recipientDomains: 0,
  commandMs: 5 * 60_000,
  contentMs: 10 * 60_000,
};

/**
 * Octets of a line of a SASL exchange, and of AUTH with an initial response. RFC 4954 §4 finds 12288
 * sufficient. Deviation: it would hold AUTH itself to 512, which bearer tokens exceed.
 */
export const authLineBytes = 12288;
