// HTML that the console has cleaned comes back as a document of its own, under the policy that mail's HTML is shown with: a
// page cannot put text into a frame that is not to have its origin, nor its policy. What is given back can do nothing
// (framePolicy); that it is ours who asks is looked at so that nobody's page shows its words at our address.

import { framePolicy } from '../inbox/shown-html.ts';
import { isOwnPage } from './asking.ts';
import { readBody } from './request-body.ts';
import type { WebApp } from './web-app.ts';

/** Limit: octets of a form, in which each may be written as three. The console sends a quarter MiB of HTML. */
const bodyBytesMax = 2 ** 20;

export const cleanFramePath = (app: WebApp): void => {
  app.post('/postrider/frame', async (c) => {
    if (!isOwnPage(c.req.raw)) return c.text('this is for the console alone\n', 403);
    const form = new URLSearchParams((await readBody(c.req.raw, bodyBytesMax)).toString('utf8'));
    return c.body(form.get('html') ?? '', 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': framePolicy({ remote: form.get('remote') === '1' }),
      'x-dns-prefetch-control': 'off',
    });
  });
};
