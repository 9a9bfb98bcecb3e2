// SASL (RFC 4422) seen from the protocols that carry it: SMTP, IMAP and POP3 share these machines.

import type { ScramKeys } from './scram-keys.ts';

export type SaslStep =
  | { readonly kind: 'challenge'; readonly bytes: Uint8Array }
  /**
   * Logged in as `account` (its primary address). `final` is data that the mechanism sends with
   * success: protocols without room for it send it as a challenge answered by an empty response.
   */
  | { readonly kind: 'success'; readonly account: string; readonly final?: Uint8Array }
  /** `credentials`: 535 5.7.8; `malformed`: 501 5.5.2; `temporary`: 454 4.7.0. */
  | {
      readonly kind: 'failure';
      readonly reason: 'credentials' | 'malformed' | 'temporary';
      /** Who tried, as the client named itself, once that is known: for throttles and logs. */
      readonly user?: string;
      /** What went wrong on our side, with `temporary`: for the log. */
      readonly cause?: unknown;
    };

/** Where the client says that it connected to, if it says so. RFC 7628 §3.1. */
export interface TokenTarget {
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** One exchange. step() is first called with the initial response, or undefined without one. */
export interface SaslServer {
  step(response: Uint8Array | undefined): Promise<SaslStep>;
}

/**
 * Who may log in: implemented over the account store, and by `dev` (everybody). User names and
 * passwords arrive as the client sent them; to prepare them (saslprep.ts) is the implementation's
 * work. What it throws is a temporary failure.
 */
export interface Authenticator {
  /** The account if the password (or an app password) is right. Same cost for unknown users. */
  verifyPassword(user: string, password: string, mechanism?: string): Promise<string | undefined>;
  /**
   * For SCRAM; made-up but stable keys for unknown users. Undefined `account` never succeeds.
   * Without it SCRAM is not offered.
   */
  scramKeys?(user: string): Promise<{
    readonly account: string | undefined;
    readonly keys: ScramKeys;
    /** Keys of other passwords of the account (app passwords), of the same salt and iterations. */
    readonly others?: readonly ScramKeys[];
  }>;
  /** Whether SCRAM is offered with channel binding, too: `login.channelBinding`. Default: true. */
  readonly channelBinding?: boolean;
  /** Bearer tokens, by the function in the configuration. */
  readonly verifyToken?:
    | ((
        user: string,
        token: string,
        target?: TokenTarget,
        mechanism?: string,
      ) => Promise<string | undefined>)
    | undefined;
  /** The account a TLS client certificate belongs to. */
  accountOfCertificate?(names: readonly string[]): Promise<string | undefined>;
  /** Whether `account` may act as `authorization` (RFC 4422 §3.4.1): its own addresses only. */
  mayActAs(account: string, authorization: string): Promise<boolean>;
}

/** The client's half: for smarthosts, `send` and sendMail(). */
export interface SaslClient {
  readonly mechanism: string;
  /** The initial response, or undefined when the server speaks first. */
  initial(): Uint8Array | undefined;
  /** @throws Error when the server's proof is wrong, or what it says makes no sense. */
  respond(challenge: Uint8Array): Uint8Array;
  /**
   * Called when the server says that we are logged in.
   * @throws Error when it has not proven yet that it knows the password, though the mechanism
   * promises that (SCRAM): it is not the server it seems to be.
   */
  succeeded?(): void;
}
