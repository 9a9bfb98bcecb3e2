// What a browser sees of `postrider dev`: what this is. Mail is read by IMAP, POP3 and on the command line.

import type { WebApp } from './web-app.ts';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Postrider</title>
<h1>Postrider catches mail here</h1>
<p>Send mail for any address to the SMTP port of this machine; nothing leaves it. Read it by IMAP or POP3 with
the address as the user and any password, or with <code>postrider mail list</code>.
<p><a href="/metrics">/metrics</a> <a href="/healthz">/healthz</a> <a href="/readyz">/readyz</a>
</html>
`;

export const devPage = (app: WebApp): void => {
  app.get('/', (c) => c.html(page));
};
