// How long a client waits, phase by phase. RFC 5321 §4.5.3.2.

export interface ClientTimeouts {
  /** The 220, and the reply to EHLO. §4.5.3.2.1: 5 minutes. */
  readonly greetingMs: number;
  /** MAIL, RCPT and every other command. §4.5.3.2.2, §4.5.3.2.3: 5 minutes. */
  readonly commandMs: number;
  /** The 354 after DATA. §4.5.3.2.4: 2 minutes. */
  readonly dataMs: number;
  /** A block of content to be taken. §4.5.3.2.5: 3 minutes. */
  readonly blockMs: number;
  /** The reply to the end of data. §4.5.3.2.6: 10 minutes. */
  readonly endOfDataMs: number;
}

export const defaultTimeouts: ClientTimeouts = {
  greetingMs: 5 * 60_000,
  commandMs: 5 * 60_000,
  dataMs: 2 * 60_000,
  blockMs: 3 * 60_000,
  endOfDataMs: 10 * 60_000,
};
