// The list of mechanisms: which are offered on a connection, and how one is started. A SaslServer is
// total: malformed responses, responses after the end and failures of ours all have their step.

import type { Exchange, SaslContext, SaslTls } from './exchange.ts';
import { malformed, nothing } from './exchange.ts';
import { external } from './external.ts';
import { login } from './login.ts';
import type { Authenticator, SaslServer, SaslStep } from './mechanism.ts';
import { oauthBearer, xoauth2 } from './oauthbearer.ts';
import { plain } from './plain.ts';
import { offersPlus, scramSha256, scramSha256Plus } from './scram.ts';

export type { SaslContext, SaslTls } from './exchange.ts';

interface Mechanism {
  readonly start: (context: SaslContext, initial: Uint8Array | undefined) => Exchange;
  readonly isPossible: (context: SaslContext) => boolean;
}

const always = () => true;
const withScramKeys = ({ authenticator }: SaslContext) => authenticator.scramKeys !== undefined;
const withTokens = ({ authenticator }: SaslContext) => authenticator.verifyToken !== undefined;

/** In order of preference: EHLO's order. */
const mechanisms = new Map<string, Mechanism>([
  [
    'SCRAM-SHA-256-PLUS',
    {
      start: scramSha256Plus,
      isPossible: (context) => withScramKeys(context) && offersPlus(context),
    },
  ],
  ['SCRAM-SHA-256', { start: scramSha256, isPossible: withScramKeys }],
  [
    'EXTERNAL',
    {
      start: external,
      isPossible: ({ authenticator, tls }) =>
        tls?.verified === true && authenticator.accountOfCertificate !== undefined,
    },
  ],
  ['OAUTHBEARER', { start: oauthBearer, isPossible: withTokens }],
  ['XOAUTH2', { start: xoauth2, isPossible: withTokens }],
  ['PLAIN', { start: plain, isPossible: always }],
  ['LOGIN', { start: login, isPossible: always }],
]);

/** What AUTH offers on this connection; [] in the clear, unless `insecureAuth` is set. */
export function offeredMechanisms(facts: {
  readonly authenticator: Authenticator;
  readonly tls: SaslTls | undefined;
  readonly insecureAuth: boolean;
}): readonly string[] {
  if (facts.tls === undefined && !facts.insecureAuth) return [];
  return [...mechanisms].filter(([, { isPossible }]) => isPossible(facts)).map(([name]) => name);
}

/** undefined for a mechanism that we do not have, or not on this connection. */
export function createSaslServer(name: string, context: SaslContext): SaslServer | undefined {
  const mechanism = mechanisms.get(name.toUpperCase());
  if (mechanism === undefined || !mechanism.isPossible(context)) return undefined;
  let exchange: Exchange | undefined;
  let over = false;

  async function advance(response: Uint8Array | undefined): Promise<SaslStep> {
    if (response !== undefined && response.length > responseBytesMax) return malformed;
    if (exchange !== undefined && response === undefined) return malformed;
    const isFirst = exchange === undefined;
    exchange ??= mechanism!.start(context, response);
    const result = await exchange.next(isFirst ? nothing : response!);
    return result.done === true ? result.value : { kind: 'challenge', bytes: result.value };
  }

  return {
    async step(response) {
      if (over) return malformed;
      let step: SaslStep;
      try {
        step = await advance(response);
      } catch (cause) {
        // What nobody foresaw is temporary, here as everywhere.
        step = { kind: 'failure', reason: 'temporary', cause };
      }
      over = step.kind !== 'challenge';
      return step;
    },
  };
}

/** Limit: RFC 4954 §4: 12288 octets of base64 are the most that a client may have to send. */
const responseBytesMax = 12288;
