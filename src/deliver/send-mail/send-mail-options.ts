// What `sendMail()` is told: to whom, what, and how.

import type { Given } from '../../base/input-error.ts';
import type { ClientTimeouts } from '../../smtp/client/timeouts.ts';
import type { RouteTls } from '../relay/relay-route.ts';

/** An address, `ann@example.org`, or one with RCPT parameters in wire form: `NOTIFY=NEVER`. */
export type SendMailRecipient =
  | string
  | { readonly address: string; readonly params?: readonly string[] | undefined };

export interface SendMailOptions {
  /** A name or an address. Default: 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default: 25; 587 with `auth`, 465 with `implicitTls`. */
  readonly port?: number | undefined;
  /** A Unix socket, in place of host and port. */
  readonly path?: string | undefined;
  /** 'lmtp' speaks RFC 2033. Default: 'smtp'. */
  readonly protocol?: 'smtp' | 'lmtp' | undefined;
  /** Default: 'opportunistic': TLS where it is offered and works. */
  readonly tls?: RouteTls | undefined;
  /** TLS from the first byte. Default: on port 465. */
  readonly implicitTls?: boolean | undefined;
  /** Never shown to a server without TLS, unless `tls` is 'none'. */
  readonly auth?:
    | {
        readonly user: string;
        readonly password?: string | undefined;
        /** A bearer token, for OAUTHBEARER and XOAUTH2. */
        readonly token?: string | undefined;
      }
    | undefined;
  /** The reverse-path; '' is the null one. */
  readonly from: string;
  readonly to: SendMailRecipient | readonly SendMailRecipient[];
  /** Header, an empty line, body. Line ends are mended. */
  readonly message: string | Uint8Array;
  /** MAIL parameters in wire form: `RET=HDRS`, `ENVID=…`. BODY, SIZE and SMTPUTF8 are found out. */
  readonly params?: readonly string[] | undefined;
  /** Our name, for EHLO. Default: the machine's. */
  readonly hostname?: string | undefined;
  /** PEM text: authorities to trust instead of the runtime's. */
  readonly authorities?: string | undefined;
  /** The conversation as it goes: ours, theirs, and what is to be said about it. */
  readonly trace?: ((direction: 'C' | 'S' | '*', line: string) => void) | undefined;
  /** Default: 30,000. */
  readonly connectMs?: number | undefined;
  readonly timeouts?: Given<ClientTimeouts> | undefined;
  /** Gives it up at any point: what the server has not confirmed by then may still arrive. */
  readonly signal?: AbortSignal | undefined;
}
