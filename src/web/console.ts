// The web console: one page for every path that its router knows, and the files that the page loads, whose names change
// with what is in them. Whoever follows a wrong path in a browser is told so by the same page. Built from console/ by scripts/build-console.ts; where it is not, the page says how to.
// It is no more trusted than any program: what it shows and does, it asks of the operations.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nothingHere, type WebApp, type WebContext } from './web-app.ts';

export interface ConsoleParts {
  /** Where it was built. */
  readonly directory?: string;
  /** Where whoever asks has to go for it; undefined if it may be had here. */
  readonly elsewhere?: (c: WebContext) => string | undefined;
}

/** dist/console of the package, and of the checkout. */
const builtIn = join(import.meta.dirname, '../../dist/console');

/** First parts of paths that the console's router knows (console/src/routes.ts). */
export const consolePages = [
  ...(['overview', 'messages', 'queue', 'destinations', 'accounts', 'reports', 'health'] as const),
  ...(['log', 'inbox', 'account', 'settings', 'login'] as const),
] as const;

const types: ReadonlyMap<string, string> = new Map([
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['svg', 'image/svg+xml'],
  ['woff2', 'font/woff2'],
]);

/** Nothing inline, nothing from elsewhere; mail is shown in frames that have a policy of their own. */
const policy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'"],
  ...["connect-src 'self'", "frame-src 'self'", "form-action 'self'"],
  ...["base-uri 'none'", "frame-ancestors 'none'"],
].join('; ');

export function consolePaths({
  directory = builtIn,
  elsewhere = () => undefined,
}: ConsoleParts = {}) {
  const page = async (c: WebContext, status: 200 | 404 = 200) => {
    const there = status === 200 ? elsewhere(c) : undefined;
    if (there !== undefined) return c.redirect(there, 307);
    const html = await readOr(join(directory, 'index.html'));
    if (html === undefined) return c.html(notBuilt, status);
    return c.body(new Uint8Array(html), status, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      // With none at all, browsers do not say who sends a form: clean-frame.ts wants to know.
      'referrer-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
  };
  return (app: WebApp): void => {
    const known = (c: WebContext) => page(c);
    app.notFound((c) => (isSeenByPerson(c.req.raw) ? page(c, 404) : nothingHere(c)));
    app.get('/', known);
    for (const first of consolePages) app.get(`/${first}`, known).get(`/${first}/*`, known);
    app.get('/console/:file{[A-Za-z0-9_-]+(?:\\.[A-Za-z0-9_-]+)*\\.[a-z0-9]+}', async (c) => {
      const file = c.req.param('file');
      const type = types.get(file.slice(file.lastIndexOf('.') + 1));
      const content = type === undefined ? undefined : await readOr(join(directory, file));
      if (type === undefined || content === undefined) return c.notFound();
      return c.body(new Uint8Array(content), 200, {
        'content-type': type,
        'cache-control': 'public, max-age=31536000, immutable',
      });
    });
  };
}

/** It goes into a window: programs, scripts and pictures ask for something else. */
const isSeenByPerson = ({ method, headers }: Request): boolean =>
  method === 'GET' && /\btext\/html\b/.test(headers.get('accept') ?? '');

/** Undefined where it is not there. */
async function readOr(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Postrider</title>
<h1>The console is not built yet</h1>
<p>In a checkout, <code>node scripts/build-console.ts</code> (Node 26) builds it, and so does <code>npm start</code>.
Reload this page then: the server need not be started again.
<p>Without it: <code>postrider --help</code>, <a href="/postrider/openapi.json">the HTTP interface</a>,
<a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>, <a href="/metrics">/metrics</a>.
</html>
`;
