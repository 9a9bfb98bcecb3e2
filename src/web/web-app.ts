// What is served by HTTP: a table of paths. Everything gets headers that keep browsers from guessing; nobody
// else's page may read an answer. What goes wrong is said in the log, and to the client in one line.
// Who adds paths gives a function that takes the app (as the files beside this one do).

import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Counter } from '../base/metrics.ts';
import type { AnswerClass } from './answer-class.ts';
import type { WebClient } from './http-service.ts';

export type WebApp = Hono<{ Bindings: WebClient }>;
export type WebContext = Context<{ Bindings: WebClient }>;

export interface WebAppParts {
  /** Asked in order; each adds its paths. */
  readonly paths: readonly ((app: WebApp) => void)[];
  /** Answers by the first digit of their status. */
  readonly answers: Readonly<Record<AnswerClass, Counter>>;
  readonly log: Log;
}

export function createWebApp({ paths, answers, log }: WebAppParts): WebApp {
  const app: WebApp = new Hono();
  app.use(async (context, next) => {
    await next();
    const { headers, status } = context.res;
    for (const [name, value] of safeHeaders) if (!headers.has(name)) headers.set(name, value);
    answers[`${Math.floor(status / 100)}xx` as AnswerClass]?.add();
    // HEAD is answered by what answers GET. Nobody reads that body: whoever would write it hears so.
    if (context.req.method === 'HEAD') await context.res.body?.cancel();
  });
  app.notFound(nothingHere);
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    log.error('request failed', { service: 'http', error: stackOf(error) });
    return c.text('something went wrong here\n', 500);
  });
  for (const add of paths) add(app);
  return app;
}

/** To a path that is not there; the console says it to browsers in its own way. */
export const nothingHere = (c: Context): Response => c.text('there is nothing here\n', 404);

/** Unless a path has its own. */
const safeHeaders: readonly (readonly [name: string, value: string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cache-control', 'no-store'],
];

/** The name that was asked for, in lower case, without port and final dot. RFC 9110 §7.2. */
export const hostOf = (url: string): string =>
  new URL(url).hostname.toLowerCase().replace(/\.$/, '');
