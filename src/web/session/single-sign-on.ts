// Logging in by the operator's identity provider: OpenID Connect (Core 1.0) by authorisation code with PKCE
// (RFC 7636), state and nonce. What is kept meanwhile is in a cookie's reach only: the browser that began is the
// one that comes back.

import { getCookie, setCookie } from 'hono/cookie';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { LoginFailure } from '../../policy/refusals.ts';
import type { WebContext } from '../asking.ts';
import { refusal } from '../asking.ts';
import type { WebApp } from '../web-app.ts';
import type { Owner, SessionParts } from './session.ts';
import { enter } from './session.ts';

export interface SingleSignOnParts extends Pick<SessionParts, 'open'> {
  readonly settings: () => SingleSignOn | undefined;
  /** Who that is here; undefined for nobody. `email` is only told when the provider has verified it. */
  readonly ownerOf: (claims: Claims) => Promise<Owner | undefined>;
  /** Told of whoever is not let in. */
  readonly refused: (failure: LoginFailure) => void;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

export interface SingleSignOn {
  /** The provider's issuer identifier: an https URL. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whether the provider may speak HTTP: on this machine, in tests. */
  readonly insecure: boolean;
  /** Ours, as browsers know it: `https://mail.example.org`. */
  readonly url: string;
}

export interface Claims {
  readonly subject: string;
  readonly email: string | undefined;
}

type Library = typeof import('openid-client');

/** Loaded when somebody uses it: most servers never need it. */
const library = (): Promise<Library> => import('openid-client');

const beginPath = '/postrider/session/oidc';
const callbackPath = '/postrider/session/oidc/callback';
const cookieName = 'postrider_oidc';
/**
 * How long somebody may take at the provider, and Limit: how many may be there, more than one network sends there meanwhile
 * by `http.requestsPerClient`.
 */
const awayMs = 10 * 60_000;
const awayMax = 13_000;
/** Limit: how long the provider may take to answer, and how long what it says of itself holds. */
const providerSeconds = 10;
const discoveryMs = 3_600_000;

interface Begun {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly until: number;
}

export function singleSignOnPaths(parts: SingleSignOnParts) {
  const begun = new BoundedMap<string, Begun>(awayMax);
  const provider = createProvider(parts.clock);
  return (app: WebApp): void => {
    app.get(beginPath, async (c) => {
      const settings = settingsOf(parts);
      const { buildAuthorizationUrl, calculatePKCECodeChallenge, ...make } = await library();
      const verifier = make.randomPKCECodeVerifier();
      const [id, state, nonce] = [make.randomState(), make.randomState(), make.randomNonce()];
      const to = buildAuthorizationUrl(await provider(settings).catch(unreachable(parts.log)), {
        redirect_uri: settings.url + callbackPath,
        scope: 'openid email',
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...{ state, nonce },
      });
      begun.set(id, { verifier, state, nonce, until: parts.clock.now() + awayMs });
      // Lax: it has to come along when the provider sends the browser back.
      const { secure } = c.env;
      const path = callbackPath;
      setCookie(c, cookieName, id, { path, httpOnly: true, sameSite: 'Lax', secure });
      return c.redirect(to.href);
    });
    app.get(callbackPath, async (c) => {
      const id = getCookie(c, cookieName) ?? '';
      const away = begun.get(id);
      begun.delete(id);
      if (away === undefined || away.until <= parts.clock.now())
        throw refusal(400, 'this login took too long, or began elsewhere; begin again');
      const claims = await claimsOf(c, parts, { away, provider });
      const owner = await parts.ownerOf(claims);
      if (owner === undefined) {
        const user = claims.email ?? claims.subject;
        parts.refused({ ...failureOf(c), reason: 'nobody here has that name', user });
        throw refusal(403, 'the identity provider knows you, but nobody here has that name');
      }
      const { url } = settingsOf(parts);
      const { headers } = await enter(c, { ...parts, url }, owner);
      headers.delete('content-type');
      headers.append('refresh', '0; url=/');
      // A redirect would still count as the provider's, which our cookie is not sent with.
      return new Response('<!doctype html><title>Postrider</title><p><a href="/">Go on</a>', {
        headers: new Headers([...headers, ['content-type', 'text/html; charset=utf-8']]),
      });
    });
  };
}

function settingsOf({ settings }: SingleSignOnParts): SingleSignOn {
  const found = settings();
  if (found === undefined) throw refusal(404, 'there is no identity provider here');
  return found;
}

type Provider = ReturnType<typeof createProvider>;

/** What the provider says of itself (OpenID Connect Discovery 1.0), for an hour. */
function createProvider(clock: Pick<Clock, 'now'>) {
  type Found = Awaited<ReturnType<Library['discovery']>>;
  let known: { readonly key: string; readonly until: number; readonly found: Found } | undefined;
  return async ({ issuer, clientId, clientSecret, insecure }: SingleSignOn): Promise<Found> => {
    const key = JSON.stringify([issuer, clientId, clientSecret]);
    if (known?.key === key && known.until > clock.now()) return known.found;
    const { discovery, allowInsecureRequests } = await library();
    const found = await discovery(new URL(issuer), clientId, clientSecret, undefined, {
      timeout: providerSeconds,
      execute: insecure ? [allowInsecureRequests] : [],
    });
    known = { key, until: clock.now() + discoveryMs, found };
    return found;
  };
}

async function claimsOf(
  c: WebContext,
  parts: SingleSignOnParts,
  { away, provider }: { readonly away: Begun; readonly provider: Provider },
): Promise<Claims> {
  const settings = settingsOf(parts);
  const { authorizationCodeGrant } = await library();
  const at = new URL(callbackPath + new URL(c.req.url).search, settings.url);
  const configuration = await provider(settings).catch(unreachable(parts.log));
  const tokens = await authorizationCodeGrant(configuration, at, {
    pkceCodeVerifier: away.verifier,
    expectedState: away.state,
    expectedNonce: away.nonce,
    idTokenExpected: true,
  }).catch((error: Error) => {
    parts.refused({ ...failureOf(c), reason: error.message });
    throw refusal(401, 'the identity provider did not vouch for you; begin again');
  });
  const claims = tokens.claims();
  const email = claims?.email;
  return {
    subject: claims?.sub ?? '',
    email: typeof email === 'string' && claims?.email_verified === true ? email : undefined,
  };
}

const failureOf = ({ env }: WebContext) => ({ client: env.address, mechanism: 'oidc' });

const unreachable =
  (log: Log) =>
  (error: Error): never => {
    log.warn('identity provider', { error: error.message });
    throw refusal(503, 'the identity provider does not answer; try again, or use your password');
  };
