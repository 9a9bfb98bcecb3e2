// What the server says to its operator: events with fields, never formatted text. The composition
// root supplies pino; tests supply an array or nothing.

export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

/** The same log with the session on every line. */
export const logOfSession = (log: Log, session: string): Log => new SessionLog(log, session);

// A class, since there are as many of these as connections, most of them silent.
class SessionLog implements Log {
  readonly #log: Log;
  readonly #session: string;

  constructor(log: Log, session: string) {
    this.#log = log;
    this.#session = session;
  }

  debug(event: string, fields?: Fields): void {
    this.#log.debug(event, { session: this.#session, ...fields });
  }

  info(event: string, fields?: Fields): void {
    this.#log.info(event, { session: this.#session, ...fields });
  }

  warn(event: string, fields?: Fields): void {
    this.#log.warn(event, { session: this.#session, ...fields });
  }

  error(event: string, fields?: Fields): void {
    this.#log.error(event, { session: this.#session, ...fields });
  }
}

const nothing = () => {};
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
