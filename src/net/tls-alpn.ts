// Handshakes of certificate authorities (tls-alpn-01, RFC 8737): whoever speaks `acme-tls/1` gets a certificate made for that, and
// nothing else; whoever does not is served as ever.

import type { SecureContext, TLSSocket, TLSSocketOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { ServerTls } from './tls.ts';

/** RFC 8737 §4 */
const acmeProtocol = 'acme-tls/1';

/** What is shown, by name in lower case. */
export type AlpnChallenges = ReadonlyMap<string, SecureContext>;

export const challengeContext = (pair: {
  readonly certificate: string;
  readonly privateKey: string;
}): SecureContext =>
  // RFC 8737 §3: an authority speaks TLS 1.2 at least.
  createSecureContext({ cert: pair.certificate, key: pair.privateKey, minVersion: 'TLSv1.2' });

/** The same TLS, which also answers authorities for as long as there is something to show. */
export function answeringAuthorities(tls: ServerTls, challenges: AlpnChallenges): ServerTls {
  return {
    socketOptions: () => withAlpn(tls.socketOptions(), challenges),
    get certificate() {
      return tls.certificate;
    },
    get certificates() {
      return tls.certificates;
    },
    get warnings() {
      return tls.warnings;
    },
  };
}

/** For one connection. */
function withAlpn(options: TLSSocketOptions, challenges: AlpnChallenges): TLSSocketOptions {
  const { SNICallback } = options;
  let proof: SecureContext | undefined;
  return {
    ...options,
    // With TLS 1.3 it is asked after the other, and what it says counts; with TLS 1.2 it is asked before.
    ...(SNICallback !== undefined && {
      SNICallback: (name, done) =>
        proof === undefined ? SNICallback(name, done) : done(null, proof),
    }),
    // Called with the socket as `this`.
    ALPNCallback(this: TLSSocket, { servername, protocols }) {
      if (!protocols.includes(acmeProtocol)) return usual(protocols);
      const context = challenges.get(servername.toLowerCase());
      // RFC 8737 §3: whoever has no proof for the name refuses the handshake.
      if (context === undefined) return undefined;
      proof = context;
      this.setKeyCert(context);
      return acmeProtocol;
    },
  };
}

/**
 * Without a callback what clients propose is passed over. With one the runtime ends the handshake when nothing is chosen, so
 * something is: browsers propose more than we speak.
 */
const usual = (protocols: readonly string[]): string | undefined =>
  protocols.includes('http/1.1') ? 'http/1.1' : protocols[0];

/** RFC 8737 §3: nothing is said after the handshake. */
export const isAuthority = ({ alpnProtocol }: TLSSocket): boolean => alpnProtocol === acmeProtocol;
