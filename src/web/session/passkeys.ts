// Passkeys (WebAuthn Level 3) of administrators: made while one is logged in, and then instead of name, password and
// second factor. A challenge is good once, for five minutes, and only in the process that gave it.

import type { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { Asking, WebContext } from '../asking.ts';
import { refusal } from '../asking.ts';
import { jsonBody } from '../json-body.ts';
import type { WebApp } from '../web-app.ts';
import { hostOf } from '../web-app.ts';
import type { Owner, SessionParts } from './session.ts';
import { enter, loginBytesMax, ownPageOnly } from './session.ts';

export interface PasskeyParts extends Pick<SessionParts, 'open'> {
  readonly asking: Asking;
  readonly keys: PasskeyStore;
  readonly throttle: {
    /** Whether this client may try now. */
    readonly admits: (client: string) => boolean;
    readonly failed: (client: string) => void;
  };
  readonly hostname: () => string;
  readonly clock: Pick<Clock, 'now'>;
}

export interface PasskeyStore {
  /** Of one administrator. */
  readonly of: (name: string) => Promise<readonly KnownPasskey[]>;
  readonly find: (id: string) => Promise<{ name: string; passkey: KnownPasskey } | undefined>;
  /** `client` is the address of the owner's browser. @throws HTTPException 400 */
  readonly add: (
    name: string,
    passkey: KnownPasskey & { readonly name: string },
    client: string,
  ) => Promise<void>;
  readonly used: (name: string, passkey: { id: string; counter: number }) => Promise<void>;
}

/** Octets in base64url. */
export interface KnownPasskey {
  readonly id: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
}

type Library = typeof import('@simplewebauthn/server');

/** Loaded when somebody uses a passkey: most servers never need it. */
const library = (): Promise<Library> => import('@simplewebauthn/server');

const challengeMs = 5 * 60_000;
/**
 * Limit: challenges that are open, of strangers and of administrators each: more than one network gets meanwhile by
 * `http.requestsPerClient`, so that none drives those of all others out.
 */
const challengesMax = 6_500;

const answer = z.looseObject({ id: z.string().max(2_000) });
const registration = z.strictObject({ name: z.string(), response: answer });
const authentication = z.strictObject({ response: answer });

export function passkeyPaths(parts: PasskeyParts) {
  const challenges = new Challenges(parts.clock);
  return (app: WebApp): void => {
    app.post('/postrider/session/passkey/challenge', async (c) => {
      ownPageOnly(c);
      const { generateAuthenticationOptions } = await library();
      const options = await generateAuthenticationOptions({
        rpID: hostOf(c.req.url),
        userVerification: 'required',
      });
      challenges.give(options.challenge, '');
      return c.json(options);
    });
    app.post('/postrider/session/passkey', async (c) => {
      ownPageOnly(c);
      return enter(c, parts, await ownerOf(c, parts, challenges));
    });
    app.post('/postrider/session/passkeys/challenge', async (c) => {
      const name = await administrator(c, parts);
      const { generateRegistrationOptions } = await library();
      const options = await generateRegistrationOptions({
        rpID: hostOf(c.req.url),
        rpName: `Postrider on ${parts.hostname()}`,
        userName: name,
        attestationType: 'none',
        excludeCredentials: (await parts.keys.of(name)).map(({ id }) => ({ id })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      });
      challenges.give(options.challenge, name);
      return c.json(options);
    });
    app.post('/postrider/session/passkeys', async (c) => {
      await register(c, parts, challenges);
      return c.json({ added: true });
    });
  };
}

/** Logged in by a cookie, which others' pages cannot use. */
async function administrator(c: WebContext, { asking }: PasskeyParts): Promise<string> {
  const asker = await asking.who(c);
  if (asker?.kind === 'administrator') return asker.name;
  throw refusal(asker === undefined ? 401 : 403, 'passkeys are made by administrators, logged in');
}

async function register(c: WebContext, parts: PasskeyParts, challenges: Challenges): Promise<void> {
  const owner = await administrator(c, parts);
  const given = registration.safeParse(await jsonBody(c.req.raw, loginBytesMax));
  if (!given.success) throw refusal(400, 'a name and the answer of the authenticator are needed');
  const { name, response } = given.data;
  const { verifyRegistrationResponse } = await library();
  const verified = await verifyRegistrationResponse({
    response: response as never,
    expectedChallenge: (challenge) => challenges.take(challenge, owner),
    ...expectedOf(c),
  }).catch(() => undefined);
  if (verified?.verified !== true)
    throw refusal(400, 'the answer of the authenticator is not right; try again');
  const { id, publicKey, counter, transports = [] } = verified.registrationInfo.credential;
  const key = Buffer.from(publicKey).toString('base64url');
  await parts.keys.add(owner, { name, id, publicKey: key, counter, transports }, c.env.address);
}

/** @throws HTTPException 401, 429 */
async function ownerOf(
  c: WebContext,
  { keys, throttle }: PasskeyParts,
  challenges: Challenges,
): Promise<Owner> {
  const { address } = c.env;
  if (!throttle.admits(address)) throw refusal(429, 'too many failed logins; try again later');
  const fail = (): HTTPException => {
    throttle.failed(address);
    return refusal(401, 'this passkey is not known here');
  };
  const given = authentication.safeParse(await jsonBody(c.req.raw, loginBytesMax));
  if (!given.success) throw refusal(400, 'the answer of the authenticator is needed');
  const { response } = given.data;
  const known = await keys.find(response.id);
  if (known === undefined) throw fail();
  const { name, passkey } = known;
  const { verifyAuthenticationResponse } = await library();
  const verified = await verifyAuthenticationResponse({
    response: response as never,
    expectedChallenge: (challenge) => challenges.take(challenge, ''),
    ...expectedOf(c),
    credential: {
      id: passkey.id,
      publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
      counter: passkey.counter,
    },
  }).catch(() => undefined);
  if (verified?.verified !== true) throw fail();
  await keys.used(name, { id: passkey.id, counter: verified.authenticationInfo.newCounter });
  return { kind: 'administrator', name };
}

/** The page that the browser was on says what it signed for: ours, at the name it asked for. */
const expectedOf = (c: WebContext) => ({
  expectedOrigin: c.req.header('origin') ?? new URL(c.req.url).origin,
  expectedRPID: hostOf(c.req.url),
  requireUserVerification: true,
});

type Given = BoundedMap<string, { readonly owner: string; readonly until: number }>;

class Challenges {
  /** Apart: those of strangers, who may ask for any number, push none of an administrator's out. */
  readonly #ofStrangers: Given = new BoundedMap(challengesMax);
  readonly #ofAdministrators: Given = new BoundedMap(challengesMax);
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** To an administrator, or to a stranger (''). */
  give(challenge: string, owner: string): void {
    this.#of(owner).set(challenge, { owner, until: this.#clock.now() + challengeMs });
  }

  /** Whether it was given to them and not used yet; now it is. */
  take(challenge: string, owner: string): boolean {
    const challenges = this.#of(owner);
    const given = challenges.get(challenge);
    challenges.delete(challenge);
    return given !== undefined && given.owner === owner && given.until > this.#clock.now();
  }

  #of(owner: string): Given {
    return owner === '' ? this.#ofStrangers : this.#ofAdministrators;
  }
}
