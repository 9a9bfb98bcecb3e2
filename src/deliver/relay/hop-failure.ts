// Why no conversation with a next hop came about: who said so, and whether that is for ever.

import { replyText } from '../../queue/reply-text.ts';
import type { Reply } from '../../smtp/reply.ts';
import { enhancedStatus, reply } from '../../smtp/reply.ts';

export type HopFailureKind =
  /** No connection, or it broke, or what came was no SMTP. */
  | 'unreachable'
  /** It answered, and does not want us (now). */
  | 'refused'
  | 'tls'
  | 'login';

const failureCodes = {
  unreachable: 'HOST_UNREACHABLE',
  refused: 'HOST_REFUSED',
  tls: 'TLS_FAILED',
  login: 'LOGIN_FAILED',
} as const;

/** A next hop with which no conversation came about. */
export class HopFailure extends Error {
  override readonly name = 'HopFailure';
  readonly kind: HopFailureKind;
  readonly code: 'HOST_UNREACHABLE' | 'HOST_REFUSED' | 'TLS_FAILED' | 'LOGIN_FAILED';
  /** For the recipients' sake transient, unless the host takes no mail at all (RFC 7504). */
  readonly reply: Reply;
  /** The words are the host's, and its alone. */
  readonly remote: boolean;

  constructor(kind: HopFailureKind, answer: Reply, remote: boolean, options?: ErrorOptions) {
    super(remote ? replyText(answer) : answer.lines.join(' '), options);
    this.kind = kind;
    this.code = failureCodes[kind];
    this.reply = answer;
    this.remote = remote;
  }
}

/** A 5yz that is not about the message: in words it is kept, in class it is not. */
export function transient(said: Reply, what: string): Reply {
  if (said.code < 500) return said;
  const status = enhancedStatus(said);
  const words = `${said.code} ${status === undefined ? '' : `${status} `}${said.lines.join(' ')}`;
  return reply(451, said.detail ?? '5.0', `${what}: ${words.trim()}`);
}

/** RFC 5321 §4.5.3.1.10: of who was too many, where there is no next transaction. */
export const tooManyAtOnce = (said: Reply): Reply =>
  transient(said, 'Too many recipients in one transaction');

/** RFC 8689 §4.2.1: the two ways in which a host cannot have mail that requires TLS. X.7.10, X.7.30. */
export const encryptionNeeded = (why: string): Reply =>
  reply(550, '7.10', `The sender requires verified TLS (REQUIRETLS), but ${why}`);
export const noRequireTls = (host: string): Reply =>
  reply(
    550,
    '7.30',
    `The sender requires TLS all the way (REQUIRETLS), and ${host} does not promise that`,
  );
