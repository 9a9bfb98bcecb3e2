// The client's choice of a mechanism: the strongest that both sides can do. A password goes over the
// wire only under TLS.

import type { ChannelBindingType, SaslTls } from './exchange.ts';
import type { SaslClient } from './mechanism.ts';
import { oauthBearerMessage, xoauth2Message } from './oauthbearer.ts';
import { plainMessage } from './plain.ts';
import { scramClient } from './scram-client.ts';

export interface SaslCredentials {
  readonly user: string;
  readonly password?: string | undefined;
  /** A bearer token (RFC 6750). */
  readonly token?: string | undefined;
  /** Our TLS certificate says who we are. */
  readonly certificate?: boolean | undefined;
  /** Allows PLAIN, LOGIN and tokens without TLS: for servers on loopback. */
  readonly insecure?: boolean | undefined;
}

/** Which part of the credentials no mechanism could carry, and why. Never says what it is. */
export function credentialProblem({
  user,
  password,
  token,
}: SaslCredentials):
  | { readonly of: 'user' | 'password' | 'token'; readonly message: string }
  | undefined {
  // RFC 4616 §2, RFC 7628 §3.1: NUL and ^A separate what a message is made of.
  if (typeof user !== 'string' || user === '' || control.test(user) || !user.isWellFormed())
    return { of: 'user', message: 'must be a text without control characters' };
  if (password !== undefined && (typeof password !== 'string' || /\0/.test(password)))
    return { of: 'password', message: 'must be a text without NUL' };
  if (token !== undefined && (typeof token !== 'string' || !/^[!-~]+$/.test(token)))
    return { of: 'token', message: 'must be printable ASCII without blanks (RFC 6750)' };
  return undefined;
}

const control = /[\u0000-\u001f\u007f]/;

/** undefined when the server offers nothing that we could, or would, use. */
export function chooseSaslClient(
  offered: readonly string[],
  credentials: SaslCredentials,
  tls: SaslTls | undefined,
): SaslClient | undefined {
  const names = new Set(offered.map((name) => name.toUpperCase()));
  const { user, password, token, certificate = false, insecure = false } = credentials;
  const mayShow = tls !== undefined || insecure; // RFC 4954 §4: no PLAIN without TLS
  if (certificate && tls !== undefined && names.has('EXTERNAL'))
    return single('EXTERNAL', Buffer.from(user));
  if (token !== undefined && mayShow) {
    if (names.has('OAUTHBEARER')) return single('OAUTHBEARER', oauthBearerMessage(user, token));
    if (names.has('XOAUTH2')) return single('XOAUTH2', xoauth2Message(user, token));
  }
  if (password === undefined) return undefined;
  const binding = bindingOf(tls);
  if (names.has('SCRAM-SHA-256-PLUS') && binding !== undefined)
    return scramClient({ user, password, binding });
  if (names.has('SCRAM-SHA-256')) {
    // RFC 5802 §6: "y" tells that we saw no -PLUS, in case somebody took it out of the list.
    return scramClient({ user, password, couldBind: binding !== undefined });
  }
  if (!mayShow) return undefined;
  if (names.has('PLAIN')) return single('PLAIN', plainMessage(user, password));
  return names.has('LOGIN') ? loginClient(user, password) : undefined;
}

function bindingOf(tls: SaslTls | undefined) {
  const types: readonly ChannelBindingType[] = ['tls-exporter', 'tls-server-end-point'];
  for (const type of types) {
    const bytes = tls?.channelBinding?.(type);
    if (bytes !== undefined) return { type, bytes };
  }
  return undefined;
}

/** Mechanisms that say everything at once. */
function single(mechanism: string, message: Uint8Array): SaslClient {
  // RFC 7628 §3.2.3: an error result is answered with ^A; XOAUTH2 has nothing there.
  const afterError = Buffer.from(mechanism === 'OAUTHBEARER' ? '\x01' : '');
  return { mechanism, initial: () => message, respond: () => afterError };
}

function loginClient(user: string, password: string): SaslClient {
  const answers = [user, password].map((text) => Buffer.from(text));
  return {
    mechanism: 'LOGIN',
    // Field: Exchange and others ask for the user name whatever the initial response was.
    initial: () => undefined,
    respond() {
      const answer = answers.shift();
      if (answer === undefined) throw new Error('LOGIN: the server asks for a third answer');
      return answer;
    },
  };
}
