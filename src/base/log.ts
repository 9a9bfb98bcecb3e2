// What the server says to its operator: events with fields, never formatted text. The composition
// root supplies pino; tests supply an array or nothing.

import type { LogEvent } from './log-events.ts';

/**
 * Every field there is: each has one type and one meaning, whatever the event, so that a line can be
 * searched for and counted without knowing who wrote it. docs/operating.md lists them; a test compares.
 */
export type Fields = {
  /** One connection. */
  readonly session?: string | undefined;
  /** `smtp`, `submission`, `lmtp`, `imap`, `pop3`, `http` or `mtqp`. */
  readonly service?: string | undefined;
  /** The client's address, its network where several are told of; '' on a Unix socket. */
  readonly client?: string | undefined;
  /** What an SMTP client called itself. */
  readonly hello?: string | undefined;
  /** What an IMAP client says it is. */
  readonly program?: string | undefined;
  readonly programVersion?: string | undefined;
  readonly os?: string | undefined;
  /** What a phone calls itself in Exchange ActiveSync. */
  readonly device?: string | undefined;
  /** Whose mailbox; the primary address. */
  readonly account?: string | undefined;
  /** The name somebody tried to log in with. */
  readonly user?: string | undefined;
  readonly mechanism?: string | undefined;
  /** One message, in the queue and out of it. */
  readonly id?: string | undefined;
  /** The reverse-path, '' for the null one. */
  readonly from?: string | undefined;
  /** A recipient, the first of those concerned. */
  readonly to?: string | undefined;
  /** How many recipients are concerned, where it is not one. */
  readonly recipients?: number | undefined;
  readonly messageId?: string | undefined;
  /** When its sender wants it to go. */
  readonly asked?: string | undefined;
  /** Octets of a message. */
  readonly bytes?: number | undefined;
  /** Octets of a connection, from the client and to it. */
  readonly bytesIn?: number | undefined;
  readonly bytesOut?: number | undefined;
  /** What was refused; see `refused`. */
  readonly stage?: string | undefined;
  /** Code, status and words: what was said to the client, or by the next host. */
  readonly reply?: string | undefined;
  /** Why, in a word or a sentence. */
  readonly reason?: string | undefined;
  readonly findings?: readonly string[] | undefined;
  /** What failed, in its own words; with a stack where nobody foresaw it. */
  readonly error?: string | undefined;
  /** What was being done. */
  readonly during?: string | undefined;
  /** The next host, by name or as it answered. */
  readonly host?: string | undefined;
  /** Of the next host. */
  readonly address?: string | undefined;
  /** One of those that share a store. */
  readonly node?: string | undefined;
  /** Where mail goes, as the operator wrote it. */
  readonly destination?: string | undefined;
  /** How long it took, in milliseconds. */
  readonly ms?: number | undefined;
  /** When it is tried again, in milliseconds since 1970. */
  readonly until?: number | undefined;
  /** Why nobody was told of a failure. */
  readonly untold?: string | undefined;
  /** Nobody is told, since the operator wished it. */
  readonly silent?: boolean | undefined;
  /** How many there were, of what the event names. */
  readonly count?: number | undefined;
  readonly messages?: number | undefined;
  readonly outcomes?: number | undefined;
  readonly attempts?: number | undefined;
  readonly leases?: number | undefined;
  readonly events?: number | undefined;
  readonly files?: number | undefined;
  readonly leftovers?: number | undefined;
  readonly commands?: number | undefined;
  readonly appended?: number | undefined;
  readonly retrieved?: number | undefined;
  readonly removed?: number | undefined;
  /** A message in its folder. */
  readonly uid?: number | undefined;
  /** A Maildir. */
  readonly folder?: string | undefined;
  /** A file or socket of ours. */
  readonly path?: string | undefined;
  /** By its name in the configuration. */
  readonly filter?: string | undefined;
  readonly webhook?: string | undefined;
  readonly domain?: string | undefined;
  readonly domains?: readonly string[] | undefined;
  readonly alias?: string | undefined;
  readonly targets?: readonly string[] | undefined;
  /** Of a DNS question. */
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly call?: string | undefined;
  readonly signal?: string | undefined;
  readonly graceMs?: number | undefined;
  readonly setting?: string | undefined;
  readonly settings?: readonly string[] | undefined;
  readonly problem?: string | undefined;
  /** What to do about it. */
  readonly advice?: string | undefined;
  readonly problems?: readonly string[] | undefined;
};

export interface Log {
  debug(event: LogEvent, fields?: Fields): void;
  info(event: LogEvent, fields?: Fields): void;
  warn(event: LogEvent, fields?: Fields): void;
  error(event: LogEvent, fields?: Fields): void;
}

/** The same log with the session on every line. */
export const logOfSession = (log: Log, session: string): Log => new LogWith(log, { session });

/** The same log with these fields on every line. */
export const logWith = (log: Log, fields: Fields): Log => new LogWith(log, fields);

// A class, since there are as many of these as connections, most of them silent.
class LogWith implements Log {
  readonly #log: Log;
  readonly #fields: Fields;

  constructor(log: Log, fields: Fields) {
    this.#log = log;
    this.#fields = fields;
  }

  debug(event: LogEvent, fields?: Fields): void {
    this.#log.debug(event, { ...this.#fields, ...fields });
  }

  info(event: LogEvent, fields?: Fields): void {
    this.#log.info(event, { ...this.#fields, ...fields });
  }

  warn(event: LogEvent, fields?: Fields): void {
    this.#log.warn(event, { ...this.#fields, ...fields });
  }

  error(event: LogEvent, fields?: Fields): void {
    this.#log.error(event, { ...this.#fields, ...fields });
  }
}

const nothing = () => {};
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
