// PLAIN: RFC 4616. One message with authorization identity, user name and password.

import type { Exchange, SaslContext } from './exchange.ts';
import {
  decode,
  malformed,
  nameBytesMax,
  nothing,
  outcomeFor,
  passwordBytesMax,
} from './exchange.ts';

const messageBytesMax = 2 * nameBytesMax + passwordBytesMax + 2;

// RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
const message = /^([^\0]*)\0([^\0]+)\0([^\0]+)$/;

export async function* plain(
  { authenticator }: SaslContext,
  initial: Uint8Array | undefined,
): Exchange {
  const match = message.exec(decode(initial ?? (yield nothing), messageBytesMax) ?? '');
  if (match === null) return malformed;
  const [, authorization = '', user = '', password = ''] = match;
  const account = await authenticator.verifyPassword(user, password);
  return outcomeFor(authenticator, { user, account, authorization });
}

export const plainMessage = (user: string, password: string): Uint8Array =>
  Buffer.from(`\0${user}\0${password}`);
