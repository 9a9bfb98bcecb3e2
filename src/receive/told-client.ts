// Who the client is once a proxy has told it (XCLIENT): what was not told stays as the connection shows it,
// and what is not known is nobody's: such a client is trusted with nothing.

import { addressKey } from '../mail/fields/address.ts';
import type { Endpoint } from '../net/peer.ts';
import type { ToldClient } from '../smtp/extensions/xclient.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';

/** Whose word on clients counts. */
export interface Proxies {
  readonly has: (address: string) => boolean;
  /** The account of this address, if there is one. */
  readonly accountOf: (login: string) => Promise<string | undefined>;
}

export interface Ends {
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

export interface IntroducedClient extends Ends {
  /** '' if it has yet to introduce itself. */
  readonly hello: string;
  readonly introduced: 'EHLO' | 'HELO' | undefined;
  readonly account: string | undefined;
}

const noSuchLogin = reply(501, '5.4', 'There is no account of this LOGIN');

/** No client can come from there, so that no list of addresses has it. */
const unknownAddress = '0.0.0.0';

export async function introduce(
  told: ToldClient,
  before: Ends,
  { accountOf }: Proxies,
): Promise<IntroducedClient | Reply> {
  const login = told.login ?? undefined;
  const account = login === undefined ? undefined : await accountOf(addressKey(login));
  if (login !== undefined && account === undefined) return noSuchLogin;
  const hello = told.hello ?? '';
  return {
    remote: endpoint(before.remote, told.address, told.port),
    local: endpoint(before.local, told.localAddress, told.localPort),
    hello,
    introduced: hello === '' ? undefined : told.extended === true ? 'EHLO' : 'HELO',
    account,
  };
}

function endpoint(
  before: Endpoint,
  address: string | null | undefined,
  port: number | null | undefined,
): Endpoint {
  if (address === undefined) return { ...before, ...(port !== undefined && { port: port ?? 0 }) };
  return { address: address ?? unknownAddress, port: port ?? 0 };
}
