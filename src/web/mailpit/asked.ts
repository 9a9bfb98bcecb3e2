// What the paths of the catcher's APIs have in common: who asks, for which inbox, in what words.

import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import type { AwaitedMail } from '../../inbox/awaited-mail.ts';
import type { CaughtMail } from '../../inbox/caught-mail.ts';
import type { CaughtNews } from '../../inbox/caught-news.ts';
import type { LinkChecker } from '../../inbox/checks/link-check.ts';
import type { SpamCheckParts } from '../../inbox/checks/spam-check.ts';
import { UnshownError } from '../../inbox/find-message.ts';
import { mailTerms, QueryError } from '../../inbox/query-words.ts';
import type { ReleaseParts } from '../../inbox/release.ts';
import { type ShownMessage, shownMessage } from '../../inbox/shown-message.ts';
import type { LoginResult } from '../../policy/accounts/login.ts';
import type { Triggers } from '../../policy/chaos.ts';
import type { FoundMail, MailTerm } from '../../store/mail-question.ts';
import type { ApiParts } from '../api.ts';
import { isOwnPage, mayBeAnyPage } from '../asking.ts';
import type { WebClient } from '../http-service.ts';
import { readBody } from '../request-body.ts';

export interface CatcherParts extends Pick<ApiParts, 'asking'>, ReleaseParts {
  /** Of one inbox, or of all. */
  readonly mail: (account: string | undefined) => CaughtMail;
  readonly awaited: AwaitedMail;
  readonly news: Pick<CaughtNews, 'listen'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly chaos: { triggers: Triggers };
  /** Of an inbox with a password of its own, as the account that it logs in to. */
  readonly login: (
    given: { readonly user: string; readonly password: string },
    client: string,
  ) => Promise<LoginResult>;
  /** Whether links lead somewhere. */
  readonly links: LinkChecker | undefined;
  /** The rspamd that says how much like spam a message is; undefined: there is none. */
  readonly spam: () => SpamCheckParts | undefined;
  readonly now: () => number;
  readonly version: string;
}

export type Asked = Context<{ Bindings: WebClient }>;

/** Limit: a message that is sent as JSON, its files in base64. */
const bodyBytesMax = 70 * 2 ** 20;

/**
 * What whoever asks may see: an inbox's own login shows it alone. A browser sends that along whatever page asks, as it
 * does cookies. `name`: the operation whose right it takes. @throws HTTPException 401, 403, 429, 503
 */
export async function mailFor(
  parts: CatcherParts,
  changes: boolean,
  c: Asked,
  name = changes ? 'mailDelete' : 'mailRead',
): Promise<CaughtMail> {
  const basic = basicOf(c);
  if (basic !== undefined) {
    const isAsked = isOwnPage(c.req.raw) && !(changes && mayBeAnyPage(c.req.raw));
    if (!isAsked) throw plainly(403, 'this is not for pages of others\n');
    return parts.mail(await inboxOf(parts, basic, c.env.address));
  }
  await parts.asking.allowed(c, { name, changes });
  return parts.mail(undefined);
}

/** Whether what is looked at may be marked as read: not for whoever may only read, nor where any page may have asked. */
export async function mayChange({ asking }: CatcherParts, c: Asked): Promise<boolean> {
  if (mayBeAnyPage(c.req.raw)) return false;
  if (basicOf(c) !== undefined) return true;
  return asking.allowed(c, { name: 'mailFlag', changes: true }).then(
    () => true,
    () => false,
  );
}

/** RFC 7617 §2, still encoded. */
const basicOf = (c: Asked): string | undefined =>
  /^basic +([\w+/=]+)$/i.exec(c.req.header('authorization') ?? '')?.[1];

/** @throws HTTPException 401, 429, 503 */
async function inboxOf({ login }: CatcherParts, basic: string, client: string): Promise<string> {
  const [, user = '', password = ''] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(basic, 'base64').toString('utf8')) ?? [];
  const result = await login({ user, password }, client);
  if (result.kind === 'logged-in') return result.account;
  const reason = result.kind === 'refused' ? result.reason : 'temporary';
  if (reason === 'blocked') throw plainly(429, 'too many wrong passwords from your network\n');
  if (reason !== 'credentials') throw plainly(503, 'not now\n');
  throw new HTTPException(401, {
    res: new Response('wrong user or password\n', {
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="postrider"' },
    }),
  });
}

/** @throws HTTPException 400 */
export function termsOf(query: string, timeZone: string | undefined): readonly MailTerm[] {
  try {
    return mailTerms(query, timeZone);
  } catch (error) {
    if (error instanceof QueryError) throw plainly(400, `${error.message}\n`);
    throw error;
  }
}

export const plainly = (status: 400 | 403 | 404 | 429 | 503, message: string): HTTPException =>
  new HTTPException(status, { res: new Response(message, { status }) });

/** A number of the query, or what is usual. */
export function numberOf(c: Asked, name: string, usual: number, max = Number.MAX_SAFE_INTEGER) {
  const text = c.req.query(name) ?? '';
  return /^\d{1,15}$/.test(text) ? Math.min(Number(text), max) : usual;
}

/** Nothing is {}. @throws HTTPException 400, 413 */
export async function jsonOf(c: Asked): Promise<unknown> {
  const body = await readBody(c.req.raw, bodyBytesMax);
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw plainly(400, 'the body is not JSON\n');
  }
}

/** @throws HTTPException 400 */
export function checked<T>(schema: z.ZodType<T>, given: unknown): T {
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const [issue] = error.issues;
  throw plainly(400, `${issue?.path.join('.') || 'the body'}: ${issue?.message}\n`);
}

/** The message that `:id` names, or the latest that matches `?query=`. @throws HTTPException 404 */
export async function oneOf(mail: CaughtMail, c: Asked, id: string): Promise<FoundMail> {
  const found =
    id === 'latest'
      ? await mail.latest(termsOf(c.req.query('query') ?? '', c.req.query('tz')))
      : await mail.byId(id);
  if (found === undefined) throw plainly(404, 'Message not found\n');
  return found;
}

/** @throws HTTPException 404 */
export async function contentOf(mail: CaughtMail, found: FoundMail) {
  try {
    const whole = await mail.whole(found);
    if (whole !== undefined) return whole;
  } catch (error) {
    if (error instanceof UnshownError) throw plainly(404, `${error.message}\n`);
    throw error;
  }
  throw plainly(404, 'Message not found\n');
}

export async function shownOf(mail: CaughtMail, found: FoundMail): Promise<ShownMessage> {
  return shownMessage((await contentOf(mail, found)).octets);
}
