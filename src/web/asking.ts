// Who asks over HTTP, and whether they may: bearers of tokens (RFC 6750); people who have logged in, by a cookie that
// only our own pages can use; in `dev` whoever is on this machine. Everything that is not for everybody asks here.

import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { HTTPException } from 'hono/http-exception';
import type { WebClient } from './http-service.ts';
import { hostOf } from './web-app.ts';

export type Asker =
  | { readonly kind: 'token'; readonly name: string; readonly allows: readonly string[] }
  | { readonly kind: 'administrator'; readonly name: string; readonly allows: readonly string[] }
  | { readonly kind: 'account'; readonly name: string }
  | { readonly kind: 'dev' };

export interface AskingParts {
  /** Who a token belongs to; undefined for nobody. */
  readonly bearer: (token: string) => Promise<Asker | undefined>;
  /** Who has logged in and got this cookie; undefined for nobody. */
  readonly session: (secret: string) => Promise<Asker | undefined>;
  /** Asks without either: `dev`, from where it is meant for. */
  readonly needsNoToken: (address: string) => boolean;
  /** Of this machine, as a name or an address in a URL. */
  readonly isLoopback: (host: string) => boolean;
}

export type WebContext = Context<{ Bindings: WebClient }>;

/** What somebody wants: an operation, or something of its kind. */
export interface Wish {
  readonly name: string;
  readonly changes: boolean;
  /** It gives rights: nobody can give more than they have. */
  readonly empowers?: boolean | undefined;
}

export const sessionCookie = 'postrider_session';

export class Asking {
  readonly #parts: AskingParts;

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** Undefined for strangers, also where a token or a cookie is none of ours. */
  async who(c: WebContext): Promise<Asker | undefined> {
    const { bearer, session, needsNoToken, isLoopback } = this.#parts;
    const token = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (token !== undefined) return bearer(token);
    const cookie = getCookie(c, sessionCookie);
    if (cookie !== undefined && isOwnPage(c.req.raw)) {
      const asker = await session(cookie);
      if (asker !== undefined) return asker;
    }
    const isDev = needsNoToken(c.env.address);
    return isDev && isOwnPage(c.req.raw) && isNobodysName(hostOf(c.req.url), isLoopback)
      ? { kind: 'dev' }
      : undefined;
  }

  /** An operator, or a program of theirs, that may do this. @throws HTTPException 401, 403 */
  async allowed(c: WebContext, { name, changes, empowers = false }: Wish): Promise<Asker> {
    const asker = await this.who(c);
    // RFC 6750 §3
    if (asker === undefined)
      throw refusal(401, 'log in, or send a token: `postrider token create NAME`', {
        'www-authenticate': 'Bearer realm="postrider"',
      });
    if (asker.kind === 'dev') {
      if (changes && mayBeAnyPage(c.req.raw)) throw strangersPage();
      return asker;
    }
    const allows = asker.kind === 'account' ? [] : asker.allows;
    const isNamed = allows.includes(name) || (!changes && allows.includes('read'));
    if (allows.includes('all') || (isNamed && !empowers)) return asker;
    const why = empowers ? ': it gives rights, which takes the right to everything (`all`)' : '';
    throw refusal(403, `${askerText(asker)} may not ask for ${name}${why}`);
  }

  /** Somebody's own mailbox. @throws HTTPException 401, 403 */
  async account(c: WebContext): Promise<string> {
    const asker = await this.who(c);
    if (asker?.kind === 'account') return asker.name;
    throw refusal(asker === undefined ? 401 : 403, 'log in with the address of the mailbox');
  }
}

/** `token backup`, `administrator ann`: for logs. */
export const askerText = (asker: Asker): string =>
  asker.kind === 'dev' ? 'dev' : `${asker.kind} ${asker.name}`;

/**
 * Asked by a program, or by a page of ours: browsers say where a page comes from (Fetch Metadata), older ones at
 * least its origin where something is changed. Nobody else's page may use what this browser is allowed.
 */
export function isOwnPage(request: Request): boolean {
  const { headers, method } = request;
  if (isOthersPage(request)) return false;
  if (headers.has('origin') || headers.has('sec-fetch-site')) return true;
  return method === 'GET' || method === 'HEAD' || !headers.has('cookie');
}

/** A browser says that it asks for a page of somebody else; it sends a password that it knows along all the same. */
export function isOthersPage({ url, headers }: Request): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') return true;
  const origin = headers.get('origin');
  return origin !== null && !(URL.canParse(origin) && new URL(origin).host === new URL(url).host);
}

/**
 * A browser that does not say whose page asks: over plain HTTP, but on this machine, it says nothing of it with GET, and a
 * picture in anybody's page is enough to ask. So whatever happens by such a request is what anybody may bring about. No page can
 * take these two fields away; programs, also those that call themselves a browser, do not send both. W3C Fetch Metadata §2.
 */
export const mayBeAnyPage = ({ headers }: Request): boolean =>
  !headers.has('sec-fetch-site') &&
  !headers.has('origin') &&
  /^mozilla\//i.test(headers.get('user-agent') ?? '') &&
  headers.has('accept-language');

export const strangersPage = (): HTTPException =>
  refusal(403, 'any page could ask a browser for this: ask by POST, or with a program');

/**
 * An address, or a name that no stranger can own: one whose owner let it lead here after a page was loaded from it
 * (DNS rebinding) has a dot in it.
 */
function isNobodysName(host: string, isLoopback: (host: string) => boolean): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return isLoopback(bare) || bare.includes(':') || /^[\d.]+$/.test(bare) || !bare.includes('.');
}

export function refusal(
  status: 400 | 401 | 403 | 404 | 409 | 429 | 503,
  error: string,
  headers: Record<string, string> = {},
): HTTPException {
  return new HTTPException(status, { res: Response.json({ error }, { status, headers }) });
}
