// OAUTHBEARER (RFC 7628) and XOAUTH2, which Google had before it and many clients still speak: a
// bearer token, checked by a function of the configuration.

import type { Exchange, SaslContext, SaslOutcome } from './exchange.ts';
import { decode, malformed, nothing, outcomeFor, refused } from './exchange.ts';
import type { TokenTarget } from './mechanism.ts';
import { escapeName, saslName, unescapeName } from './sasl-name.ts';

/** Limit: RFC 4954 §4 lets a client send 12288 octets of base64; tokens with many claims are long. */
const messageBytesMax = 12288;

// RFC 7628 §3.1: client-resp = gs2-header kvsep *kvpair kvsep; channel binding is not for us.
const clientResponse = new RegExp(
  `^[ny],(?:a=(${saslName}))?,\\x01((?:[A-Za-z]+=[\\x20-\\x7e\\t\\r\\n]*\\x01)*)\\x01$`,
);
// RFC 6750 §2.1: credentials = "Bearer" 1*SP b64token
const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

export async function* oauthBearer(
  context: SaslContext,
  initial: Uint8Array | undefined,
): Exchange {
  const match = clientResponse.exec(decode(initial ?? (yield nothing), messageBytesMax) ?? '');
  if (match === null) return malformed;
  const [, name = '', pairs = ''] = match;
  const user = unescapeName(name);
  const value = (key: string) =>
    pairs
      .split('\x01')
      .find((pair) => pair.toLowerCase().startsWith(`${key}=`))
      ?.slice(key.length + 1);
  // RFC 7628 §3.1: "the host name to which the client connected", and the port. Which ones are right
  // nobody here can know (a proxy may stand before us), so that a verifier gets to see them; what
  // is neither a host nor a port is a message that makes no sense.
  const [host, port] = [value('host'), value('port')];
  if ((host !== undefined && !hostForm.test(host)) || (port !== undefined && !isPort(port)))
    return malformed;
  const target = { host, port: port === undefined ? undefined : Number(port) };
  const token = bearer.exec(value('auth') ?? '')?.[1];
  const outcome = await checkToken(context, user, token, target);
  // RFC 7628 §3.2.2 and §3.2.3: an error result, which the client answers with ^A.
  if (outcome.kind === 'failure') yield invalidToken;
  return outcome;
}

const hostForm = /^(?:[\w-]+(?:\.[\w-]+)*\.?|\[?[\da-f:.]+\]?)$/i;
const isPort = (text: string) =>
  /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536;

const invalidToken = Buffer.from('{"status":"invalid_token"}');

// developers.google.com/workspace/gmail/imap/xoauth2-protocol: "user=" {User} ^A "auth=Bearer " …
const xoauth2Response = /^user=([^\x01\0]*)\x01auth=([^\x01]*)\x01\x01$/;

export async function* xoauth2(context: SaslContext, initial: Uint8Array | undefined): Exchange {
  const match = xoauth2Response.exec(decode(initial ?? (yield nothing), messageBytesMax) ?? '');
  if (match === null) return malformed;
  const [, user = '', auth = ''] = match;
  const outcome = await checkToken(context, user, bearer.exec(auth)?.[1]);
  if (outcome.kind === 'failure') yield unauthorised; // answered with nothing
  return outcome;
}

const unauthorised = Buffer.from('{"status":"401","schemes":"bearer"}');

async function checkToken(
  { authenticator }: SaslContext,
  user: string,
  token: string | undefined,
  target?: TokenTarget,
): Promise<SaslOutcome> {
  if (token === undefined) return refused(user);
  const account = await authenticator.verifyToken?.(user, token, target);
  return outcomeFor(authenticator, { user, account, authorization: user });
}

export const oauthBearerMessage = (user: string, token: string): Uint8Array =>
  Buffer.from(`n,a=${escapeName(user)},\x01auth=Bearer ${token}\x01\x01`);

export const xoauth2Message = (user: string, token: string): Uint8Array =>
  Buffer.from(`user=${user}\x01auth=Bearer ${token}\x01\x01`);
