// Logging in and out of the console, and who one is. The cookie is for our own pages alone (SameSite=Strict), no
// script can read it, and over TLS it never travels in the clear.

import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import type { Asker, Asking, WebContext } from '../asking.ts';
import { isOwnPage, refusal, sessionCookie } from '../asking.ts';
import { jsonBody } from '../json-body.ts';
import type { WebApp } from '../web-app.ts';

export interface SessionParts {
  readonly asking: Asking;
  readonly login: (given: GivenCredentials, client: string) => Promise<LoginAnswer>;
  /** The secret goes into the cookie. @throws HTTPException 401 */
  readonly open: (opening: Opening) => Promise<{ readonly secret: string; readonly asker: Asker }>;
  readonly close: (secret: string) => Promise<void>;
  readonly about: () => Omit<SessionFacts, 'who'>;
}

/** A session that is to be opened. */
export interface Opening {
  readonly owner: Owner;
  readonly client: string;
  /** What the browser calls itself. */
  readonly program: string;
}

export interface Owner {
  readonly kind: 'administrator' | 'single-sign-on' | 'account';
  readonly name: string;
}

export type LoginAnswer =
  | { readonly kind: 'logged-in'; readonly owner: Owner }
  | { readonly kind: 'code' }
  | { readonly kind: 'refused'; readonly reason: 'credentials' | 'blocked' | 'temporary' };

/** What the console has to know before it shows anything. */
export interface SessionFacts {
  readonly who: Who;
  readonly dev: boolean;
  readonly version: string;
  readonly hostname: string;
  /** Where applications send their mail, in `dev`; 0 where the system chose. */
  readonly smtpPort?: number | undefined;
  /** Which ways there are to log in. */
  readonly login: {
    readonly password: boolean;
    readonly passkey: boolean;
    /** What its button says. */
    readonly oidc?: { readonly name: string } | undefined;
  };
}

/** Null: nobody we know. */
export type Who =
  | { readonly kind: 'administrator'; readonly name: string; readonly allows: readonly string[] }
  | { readonly kind: 'account'; readonly address: string }
  | { readonly kind: 'dev' }
  | null;

const credentials = z.strictObject({
  name: z.string().max(320),
  password: z.string().max(1024),
  code: z.string().max(20).optional(),
});
export type GivenCredentials = z.output<typeof credentials>;

/** Limit: octets of what is sent to log in; a passkey's answer is longer than a password. */
export const loginBytesMax = 64 * 2 ** 10;

export function sessionPaths(parts: SessionParts) {
  const { asking, login, close, about } = parts;
  return (app: WebApp): void => {
    app.get('/postrider/session', async (c) =>
      c.json({ who: told(await asking.who(c)), ...about() } satisfies SessionFacts),
    );
    app.post('/postrider/session', async (c) => {
      ownPageOnly(c);
      const given = credentials.safeParse(await jsonBody(c.req.raw, loginBytesMax));
      if (!given.success) throw refusal(400, 'name and password are needed');
      const answer = await login(given.data, c.env.address);
      if (answer.kind === 'logged-in') return enter(c, parts, answer.owner);
      if (answer.kind === 'code')
        return c.json({ error: 'the code of your second factor is needed', needs: 'code' }, 401);
      throw refusals[answer.reason]();
    });
    app.delete('/postrider/session', async (c) => {
      ownPageOnly(c);
      const secret = getCookie(c, sessionCookie);
      if (secret !== undefined) await close(secret);
      deleteCookie(c, sessionCookie, cookieFor(c));
      return c.json({ who: null });
    });
  };
}

const refusals = {
  credentials: () => refusal(401, 'the name, the password or the code is wrong'),
  blocked: () =>
    refusal(429, 'too many failed logins from your network; try again in a quarter of an hour'),
  temporary: () => refusal(503, 'not now; try again in a moment', { 'retry-after': '5' }),
};

/** Opens a session, gives the browser its cookie and tells who that is. `url`: where the browser is, if it does not say. */
export async function enter(
  c: WebContext,
  { open, url }: Pick<SessionParts, 'open'> & { readonly url?: string },
  owner: Owner,
): Promise<Response> {
  const program = c.req.header('user-agent') ?? '';
  const { secret, asker } = await open({ owner, client: c.env.address, program });
  setCookie(c, sessionCookie, secret, cookieFor(c, url));
  return c.json({ who: told(asker) });
}

/** Logging somebody in from another's page would let them work in an account that is not theirs. */
export function ownPageOnly(c: WebContext): void {
  if (!isOwnPage(c.req.raw)) throw refusal(403, 'this is asked from our own pages only');
}

/** Behind a proxy that ends TLS, the browser says that its page came by it. */
const cookieFor = ({ env, req }: WebContext, url = req.header('origin') ?? '') => {
  const secure = env.secure || /^https:/i.test(url);
  return { path: '/', httpOnly: true, sameSite: 'Strict', secure } as const;
};

/** A token is a program's: no page is shown to it. */
function told(asker: Asker | undefined): Who {
  if (asker === undefined || asker.kind === 'token') return null;
  return asker.kind === 'account' ? { kind: 'account', address: asker.name } : asker;
}
