// What is not told in the clear: whoever asks over a network has to do so by TLS, since a token that was read on the
// way is anybody's; whoever follows a link in a browser is led there. From this machine, and from networks that are trusted (a reverse proxy's), it may be in the clear.

import type { WebApp, WebContext } from './web-app.ts';

/** For paths that are added behind it. */
export const encryptedOnly =
  (pattern: string, isNear: (address: string) => boolean) =>
  (app: WebApp): void => {
    app.use(pattern, (c, next) =>
      c.env.secure || isNear(c.env.address)
        ? next()
        : Promise.resolve(c.text('this is told over TLS only\n', 403)),
    );
  };

/** Where the same page is by TLS, for whom may not have it here; undefined where there is no such port, or no need. */
export const samePageByTls =
  (parts: {
    readonly isNear: (address: string) => boolean;
    readonly port: () => number | undefined;
  }) =>
  ({ env, req }: WebContext): string | undefined => {
    const port = env.secure || parts.isNear(env.address) ? undefined : parts.port();
    if (port === undefined) return undefined;
    const url = new URL(req.url);
    url.protocol = 'https:';
    url.port = String(port);
    return url.href;
  };
