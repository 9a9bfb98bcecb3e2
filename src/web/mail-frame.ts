// A message for a page that shows it: its HTML in a frame that can do nothing, its parts and its source as
// downloads. Nothing of it is ever a document of our own origin.

import type { FoundMessage, RoomFor } from '../inbox/find-message.ts';
import { frameDocument, framePolicy } from '../inbox/shown-html.ts';
import { shownMessage } from '../inbox/shown-message.ts';
import type { ApiParts } from './api.ts';
import type { Asking, WebContext } from './asking.ts';
import { downloadHeaders } from './download.ts';
import type { WebApp } from './web-app.ts';

export interface MailFrameParts extends Pick<ApiParts, 'isRefusal' | 'large'> {
  readonly asking: Pick<Asking, 'allowed'>;
  /** @throws what `isRefusal` knows */
  readonly message: (address: string, id: string, room: RoomFor) => Promise<FoundMessage>;
}

/** Who may read mail may see it. */
const reading = { name: 'mailRead', changes: false };

export function mailFramePaths({ asking, ...parts }: MailFrameParts) {
  return (app: WebApp): void =>
    framePaths(app, {
      ...parts,
      under: '/postrider/mail/:mailbox',
      whose: async (c) => {
        await asking.allowed(c, reading);
        return c.req.param('mailbox') ?? '';
      },
    });
}

export interface FramePaths extends Pick<MailFrameParts, 'isRefusal' | 'message' | 'large'> {
  /** The path above the messages' ids. */
  readonly under: string;
  /** Whose mail is asked for. @throws HTTPException 401, 403 */
  readonly whose: (c: WebContext) => Promise<string>;
}

export function framePaths(
  app: WebApp,
  { under, whose, message, isRefusal, large }: FramePaths,
): void {
  const read = async (c: WebContext): Promise<FoundMessage | Response> => {
    const address = await whose(c);
    try {
      return await message(
        address,
        c.req.param('id') ?? '',
        large.answerOf(c.env, `${under} ${address}`),
      );
    } catch (error) {
      if (isRefusal(error)) return c.text(`${error.message}\n`, 404);
      throw error;
    }
  };
  app.get(`${under}/:id/html`, async (c) => {
    const found = await read(c);
    if (found instanceof Response) return found;
    const { html, parts: made } = shownMessage(found.octets);
    if (html === undefined) return c.text('this message has no HTML\n', 404);
    return c.body(frameDocument(html, made), 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': framePolicy({ remote: c.req.query('remote') === '1' }),
      'x-dns-prefetch-control': 'off',
    });
  });
  app.get(`${under}/:id/part/:path`, async (c) => {
    const found = await read(c);
    if (found instanceof Response) return found;
    const path = c.req.param('path');
    const part = shownMessage(found.octets).parts.find((each) => each.path === path);
    if (part === undefined) return c.text('this message has no such part\n', 404);
    const name = part.name ?? part.cid ?? `part-${path}`;
    return c.body(Buffer.from(part.content()), 200, downloadHeaders(part.type, name));
  });
  app.get(`${under}/:id/source`, async (c) => {
    const found = await read(c);
    if (found instanceof Response) return found;
    if (c.req.query('download') !== '1')
      return c.body(found.octets, 200, { 'content-type': 'text/plain; charset=utf-8' });
    return c.body(found.octets, 200, downloadHeaders('message/rfc822', `${found.id}.eml`));
  });
}
