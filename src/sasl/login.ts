// LOGIN: draft-murchison-sasl-login. Obsolete, without a standard, and still what some clients and
// printers speak alone. User name and password one after the other.

import type { Exchange, SaslContext } from './exchange.ts';
import { decode, malformed, nameBytesMax, outcomeFor, passwordBytesMax } from './exchange.ts';

// Field: some clients compare the prompts letter by letter; these are the ones they expect.
const askUser = Buffer.from('Username:');
const askPassword = Buffer.from('Password:');

export async function* login(
  { authenticator }: SaslContext,
  initial: Uint8Array | undefined,
): Exchange {
  // Field: many clients send the user name as an initial response, which the draft does not know.
  const user = decode(initial ?? (yield askUser), nameBytesMax);
  if (user === undefined || user === '') return malformed;
  const password = decode(yield askPassword, passwordBytesMax);
  if (password === undefined || password === '') return malformed;
  const account = await authenticator.verifyPassword(user, password);
  return outcomeFor(authenticator, { user, account, authorization: '' });
}
