// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's half: RFC 5802, RFC 7677. The password never
// crosses the wire, each side proves that it knows it, and -PLUS ties the proof to the TLS connection
// (RFC 9266 tls-exporter, RFC 5929 tls-server-end-point), so that nobody in between can pass it on.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ChannelBindingType, Exchange, SaslContext } from './exchange.ts';
import { decode, malformed, nothing, outcomeFor, refused } from './exchange.ts';
import { saslName, unescapeName } from './sasl-name.ts';
import type { ScramKeys } from './scram-keys.ts';
import { hash, hmac, xor } from './scram-keys.ts';

/**
 * Whether -PLUS is offered. Deviation: RFC 5802 §6 wants tls-unique, which TLS 1.3 does not have and
 * TLS 1.2 has only unsafely. Clients take it for granted with TLS 1.2, so that offering -PLUS there
 * would lock them out; with TLS 1.3 they know tls-exporter (RFC 9266 §3).
 * Field: not all of them do. GNU SASL prefers -PLUS to everything without asking whether its program
 * can bind; Mutt and NeoMutt cannot, and where SMTP offers it they send nothing. It can be switched off.
 */
export const offersPlus = ({ authenticator, tls }: Omit<SaslContext, 'nonce'>): boolean =>
  authenticator.channelBinding !== false && tls?.channelBinding?.('tls-exporter') !== undefined;

export const scramSha256 = (context: SaslContext, initial: Uint8Array | undefined): Exchange =>
  scram(context, initial, false);

export const scramSha256Plus = (context: SaslContext, initial: Uint8Array | undefined): Exchange =>
  scram(context, initial, true);

async function* scram(
  context: SaslContext,
  initial: Uint8Array | undefined,
  plus: boolean,
): Exchange {
  const { authenticator, nonce = randomNonce } = context;
  const first = parseClientFirst(initial ?? (yield nothing));
  if (first === undefined || authenticator.scramKeys === undefined) return malformed;
  const { user, authorization, header } = first;
  const binding = bindingFor(first, plus, context);
  if (binding === undefined) return refused(user);

  const { account, keys, others = [] } = await authenticator.scramKeys(user);
  const { salt, iterations } = keys;
  const bothNonces = first.nonce + nonce();
  const serverFirst = `r=${bothNonces},s=${base64(salt)},i=${iterations}`;

  const final = parseClientFinal(yield Buffer.from(serverFirst));
  if (final === undefined) return malformed;
  const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
  const proven = [keys, ...others].filter((each) => isProof(final.proof, each, authMessage))[0];
  // Nothing tells which of the three was wrong, nor whether there is such a user.
  const sameNonce = final.nonce === bothNonces;
  const sameChannel = final.binding.equals(Buffer.concat([Buffer.from(header), binding]));
  if (proven === undefined || !sameNonce || !sameChannel) return refused(user);
  return outcomeFor(authenticator, {
    user,
    account,
    authorization,
    final: Buffer.from(`v=${base64(hmac(proven.serverKey, authMessage))}`),
  });
}

// RFC 5802 §3: ClientKey := ClientProof XOR HMAC(StoredKey, AuthMessage); H(ClientKey) is StoredKey.
function isProof(proof: Uint8Array, { storedKey }: ScramKeys, authMessage: string): boolean {
  return timingSafeEqual(hash(xor(proof, hmac(storedKey, authMessage))), storedKey);
}

/** RFC 5802 §6: what "c=" must hold after the GS2 header; undefined when the exchange must fail. */
function bindingFor(
  { flag, type }: Pick<ClientFirst, 'flag' | 'type'>,
  plus: boolean,
  context: SaslContext,
): Uint8Array | undefined {
  if (flag === 'p') {
    const known = bindingTypes.get(type);
    return plus && known !== undefined ? context.tls?.channelBinding?.(known) : undefined;
  }
  // "If the flag is set to "y" and the server supports channel binding, the server MUST fail":
  // somebody in between took -PLUS out of our list.
  return plus || (flag === 'y' && offersPlus(context)) ? undefined : nothing;
}

const bindingTypes = new Map<string, ChannelBindingType>([
  ['tls-exporter', 'tls-exporter'],
  ['tls-server-end-point', 'tls-server-end-point'],
]);

interface ClientFirst {
  readonly flag: string;
  /** The name after `p=`; '' otherwise. */
  readonly type: string;
  readonly authorization: string;
  readonly user: string;
  readonly nonce: string;
  /** The GS2 header, with its last comma. */
  readonly header: string;
  readonly bare: string;
}

// RFC 5802 §7: gs2-header = ("p=" cb-name / "n" / "y") "," [authzid] ","
//   client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
// Extensions are ignored; a mandatory one ("m=") ends the exchange.
const clientFirst = new RegExp(
  `^(((?:p=([A-Za-z0-9.-]{1,64})|n|y)),(?:a=(${saslName}))?,)` +
    `(n=(${saslName}),r=([\\x21-\\x2b\\x2d-\\x7e]{1,256})(?:,[A-Za-z]=[^\\0,]+)*)$`,
);

// RFC 5802 §7: channel-binding "," nonce ["," extensions] "," proof
const clientFinal =
  /^(c=([A-Za-z0-9+/]{4,}={0,2}),r=([\x21-\x2b\x2d-\x7e]{1,512})(?:,[A-Za-z]=[^\0,]+)*),p=([A-Za-z0-9+/]{43}=)$/;

/** Limit: two names, a nonce and some extensions. */
const messageBytesMax = 4096;

function parseClientFirst(bytes: Uint8Array): ClientFirst | undefined {
  const match = clientFirst.exec(decode(bytes, messageBytesMax) ?? '');
  if (match === null) return undefined;
  const [, header = '', flag = '', type = '', authzid = '', bare = '', name = '', nonce = ''] =
    match;
  return {
    flag: flag[0]!,
    type,
    authorization: unescapeName(authzid),
    user: unescapeName(name),
    nonce,
    header,
    bare,
  };
}

interface ClientFinal {
  readonly withoutProof: string;
  readonly binding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
}

function parseClientFinal(bytes: Uint8Array): ClientFinal | undefined {
  const match = clientFinal.exec(decode(bytes, messageBytesMax) ?? '');
  if (match === null) return undefined;
  const [, withoutProof = '', binding = '', nonce = '', proof = ''] = match;
  return {
    withoutProof,
    binding: Buffer.from(binding, 'base64'),
    nonce,
    proof: Buffer.from(proof, 'base64'),
  };
}

/** 18 octets make 24 characters of base64 without padding or comma. */
const randomNonce = (): string => randomBytes(18).toString('base64');

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
