// What is not told in the clear: whoever asks over a network has to do so by TLS, since a token that was read on the
// way is anybody's. From this machine, and from networks that are trusted (a reverse proxy's), it may be in the clear.

import type { WebApp } from './web-app.ts';

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
