// Every limit of the SMTP machines, named, in one place, with the RFC's minimum beside it.

/** By the names and in the units of the configuration's `limits`: octets, milliseconds. */
export interface SessionLimits {
  /** Octets of a message; 0 means no fixed limit (RFC 1870 §4). RFC 5321 §4.5.3.1.7: 64 KiB. */
  readonly messageSize: number;
  /** Octets of a text line without its CRLF; 0 means no limit. RFC 5321 §4.5.3.1.6: 998. */
  readonly textLine: number;
  /** Octets of all header fields together. RFC 5321 §4.5.3.1.7 counts them as content. */
  readonly headerSize: number;
  /** Octets of a local part, without its quotes; at most 512. RFC 5321 §4.5.3.1.1: 64. */
  readonly localPart: number;
  /** RFC 5321 §4.5.3.1.8: 100. */
  readonly recipients: number;
  /** Replies of 5yz since the last accepted message; what comes after them gets 421 4.7.0. */
  readonly errorsPerConnection: number;
  /** Commands that bring no mail nearer (NOOP, RSET, VRFY, HELP, EHLO) since the last message. */
  readonly commandsWithoutMail: number;
  /** Transactions in one connection (LIMITS MAILMAX); 0 means no limit. */
  readonly messagesPerConnection: number;
  /** Different domains of recipients in one connection (LIMITS RCPTDOMAINMAX); 0 means no limit. */
  readonly domainsPerConnection: number;
  /** How long to wait for a command. RFC 5321 §4.5.3.2.7: 5 minutes. */
  readonly commandTimeout: number;
  /** How long to wait for the next piece of content. RFC 5321 §4.5.3.2.5: 3 minutes. */
  readonly contentTimeout: number;
  /** Octets of a command line with its CRLF, plus what extensions add. Default: what is standard. */
  readonly commandLine?: number;
}

/** RFC 5321 §4.5.3.1.4: octets of a command line with its CRLF. */
export const commandLineBytes = 512;

export const defaultLimits: SessionLimits = {
  messageSize: 50 * 2 ** 20,
  textLine: 998,
  headerSize: 2 ** 20,
  localPart: 256,
  recipients: 1000,
  errorsPerConnection: 20,
  commandsWithoutMail: 100,
  messagesPerConnection: 0,
  domainsPerConnection: 0,
  commandTimeout: 5 * 60_000,
  contentTimeout: 10 * 60_000,
};

/** Octets of a line of XCLIENT: each of its eight values may have 255. What Postfix takes. */
export const xclientLineBytes = 2048;

/**
 * Octets of a line of a SASL exchange, and of AUTH with an initial response. RFC 4954 §4 finds 12288
 * sufficient. Deviation: it would hold AUTH itself to 512, which bearer tokens exceed.
 */
export const authLineBytes = 12288;
