// What the server's mechanisms are written in: an exchange is an async generator that yields
// challenges, is resumed with responses, and returns the outcome. So a mechanism reads from top to
// bottom as its RFC does, and keeps no state but its local variables.

import { isUtf8 } from 'node:buffer';
import type { Authenticator, SaslStep } from './mechanism.ts';

export type SaslOutcome = Exclude<SaslStep, { readonly kind: 'challenge' }>;
export type Exchange = AsyncGenerator<Uint8Array, SaslOutcome, Uint8Array>;

export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point';

/** What the mechanisms want to know of a TLS connection; smtp/tls-facts.ts has it. */
export interface SaslTls {
  /** The peer gave a certificate, and it is good. */
  readonly verified: boolean;
  /** The names in that certificate. */
  readonly peerNames: readonly string[];
  channelBinding?(type: ChannelBindingType): Uint8Array | undefined;
}

export interface SaslContext {
  readonly authenticator: Authenticator;
  /** undefined on a connection in the clear. */
  readonly tls: SaslTls | undefined;
  /** The server's half of SCRAM's nonce: printable, no comma. For tests. */
  readonly nonce?: () => string;
}

export const nothing = new Uint8Array(0);

export const malformed: SaslOutcome = { kind: 'failure', reason: 'malformed' };

export const refused = (user: string): SaslOutcome => ({
  kind: 'failure',
  reason: 'credentials',
  user,
});

/** Limit: RFC 4616 §2 asks for 255 octets at least; an address has at most 320. */
export const nameBytesMax = 512;
/** Limit: nobody types more, and Argon2 need not hash more. */
export const passwordBytesMax = 1024;

/** The text, or undefined for what is not UTF-8 or is longer than `bytesMax` octets. */
export function decode(bytes: Uint8Array, bytesMax: number): string | undefined {
  if (bytes.length > bytesMax || !isUtf8(bytes)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** The outcome once `account` (undefined: none) is known and may want to act as somebody else. */
export async function outcomeFor(
  authenticator: Authenticator,
  login: {
    readonly user: string;
    readonly account: string | undefined;
    /** '' when the client did not ask. RFC 4422 §3.4.1. */
    readonly authorization: string;
    readonly final?: Uint8Array;
  },
): Promise<SaslOutcome> {
  const { user, account, authorization, final } = login;
  if (account === undefined) return refused(user);
  if (authorization !== '' && !(await authenticator.mayActAs(account, authorization)))
    return refused(user);
  return { kind: 'success', account, ...(final !== undefined && { final }) };
}
