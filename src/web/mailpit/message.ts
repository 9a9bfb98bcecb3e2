// One message, as Mailpit gives it: taken apart, its headers, source and parts, its HTML and text as pages; and
// waiting for one, which is ours.

import { withIds } from '../../inbox/caught-mail.ts';
import { frameDocument, framePolicy } from '../../inbox/shown-html.ts';
import { shownMessage } from '../../inbox/shown-message.ts';
import type { MailTerm } from '../../store/mail-question.ts';
import { downloadHeaders } from '../download.ts';
import type { WebApp } from '../web-app.ts';
import type { Asked, CatcherParts } from './asked.ts';
import {
  contentOf,
  jsonOf,
  mailFor,
  mayChange,
  oneOf,
  plainly,
  shownOf,
  termsOf,
} from './asked.ts';
import { sentMessage } from './send.ts';
import { headerLists, wholeMessage } from './shapes.ts';

export function messagePaths(parts: CatcherParts) {
  return (app: WebApp): void => {
    app.get('/api/v1/message/:id', async (c) => {
      const mail = await mailFor(parts, false, c);
      const found = await oneOf(mail, c, c.req.param('id'));
      const whole = await contentOf(mail, found);
      if (await mayChange(parts, c)) await mail.setSeen(withIds([found.id]), true);
      return c.json(wholeMessage(found, whole, shownMessage(whole.octets)));
    });
    app.get('/api/v1/message/:id/headers', async (c) => {
      const mail = await mailFor(parts, false, c);
      const found = await oneOf(mail, c, c.req.param('id'));
      return c.json(headerLists(await shownOf(mail, found)));
    });
    app.get('/api/v1/message/:id/raw', async (c) => {
      const mail = await mailFor(parts, false, c);
      const { octets, id } = await contentOf(mail, await oneOf(mail, c, c.req.param('id')));
      const download =
        c.req.query('dl') === '1' ? downloadHeaders('message/rfc822', `${id}.eml`) : {};
      return c.body(octets, 200, { ...download, 'content-type': 'text/plain; charset=utf-8' });
    });
    app.on('GET', ['/api/v1/message/:id/part/:part', '/api/v1/message/:id/part/:part/thumb'], (c) =>
      partOf(parts, c),
    );
    app.post('/api/v1/send', async (c) => {
      const mail = await mailFor(parts, true, c);
      const { octets, recipients, flags } = sentMessage(await jsonOf(c), parts.now());
      return c.json({ ID: await mail.add(octets, recipients, { flags }) });
    });
    app.get('/api/v1/wait', (c) => waited(parts, c));
    // Field: cypress-mailpit has two slashes there.
    app.on('GET', ['/view/:file{.+\\.(?:html|txt)}', '//view/:file{.+\\.(?:html|txt)}'], (c) =>
      viewed(parts, c),
    );
  };
}

/** A thumbnail is the picture itself: whoever shows it makes it small. */
async function partOf(parts: CatcherParts, c: Asked): Promise<Response> {
  const mail = await mailFor(parts, false, c);
  const found = await oneOf(mail, c, c.req.param('id') ?? '');
  const path = c.req.param('part');
  const part = (await shownOf(mail, found)).parts.find((each) => each.path === path);
  if (part === undefined) throw plainly(404, 'attachment not found\n');
  const headers = downloadHeaders(part.type, part.name ?? part.cid ?? `part-${path}`);
  return c.body(Buffer.from(part.content()), 200, headers);
}

async function viewed(parts: CatcherParts, c: Asked): Promise<Response> {
  const mail = await mailFor(parts, false, c);
  const [, id = '', form] = /^(.+)\.(html|txt)$/.exec(c.req.param('file') ?? '') ?? [];
  const shown = await shownOf(mail, await oneOf(mail, c, id));
  if (form === 'txt')
    return c.body(shown.text, 200, { 'content-type': 'text/plain; charset=utf-8' });
  if (shown.html === undefined) throw plainly(404, 'This message does not contain a HTML part\n');
  // Mailpit serves it with the rights of its own pages; here it is a document without any.
  return c.body(frameDocument(shown.html, shown.parts), 200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': framePolicy({ remote: false }),
    'x-dns-prefetch-control': 'off',
  });
}

/** Limit: a client's connection is closed when nothing moves on it for a minute. */
const waitMsMax = 55_000;
const usualWaitMs = 10_000;

/** `?timeout=10s`, `?timeout=1500` in milliseconds. @throws HTTPException 400 */
function timeoutOf(text: string | undefined): number {
  if (text === undefined) return usualWaitMs;
  const [, number, unit] = /^(\d{1,9})(ms|s)?$/.exec(text) ?? [];
  const ms = Number(number) * (unit === 's' ? 1000 : 1);
  if (Number.isNaN(ms) || ms > waitMsMax)
    throw plainly(
      400,
      `timeout: wants up to ${waitMsMax / 1000}s, such as 10s or 1500 (milliseconds)\n`,
    );
  return ms;
}

/** Ours: answers with the newest message that matches, there already or yet to come; `after` an ID, or `now`. */
async function waited(parts: CatcherParts, c: Asked): Promise<Response> {
  const { awaited } = parts;
  const mail = await mailFor(parts, false, c);
  const timeoutMs = timeoutOf(c.req.query('timeout'));
  if (awaited.isFull) throw plainly(503, 'too many wait already\n');
  const terms = termsOf(c.req.query('query') ?? '', c.req.query('tz'));
  const given = c.req.query('after');
  const after = given === 'now' ? (await mail.latest([]))?.id : given;
  const later: readonly MailTerm[] =
    after === undefined ? [] : [{ kind: 'after', id: after, not: false }];
  const { signal } = c.req.raw;
  const found = await awaited.next(mail, [...terms, ...later], { timeoutMs, signal });
  if (found === undefined)
    throw plainly(404, `no message has matched within ${timeoutMs / 1000} seconds\n`);
  const whole = await contentOf(mail, found);
  return c.json(wholeMessage(found, whole, shownMessage(whole.octets)));
}
