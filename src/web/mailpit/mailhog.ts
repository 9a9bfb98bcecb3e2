// MailHog's API v2, and of its v1 what does not go by the names of Mailpit's: lists, searches, one message, delete.

import type { CaughtMail } from '../../inbox/caught-mail.ts';
import { withIds } from '../../inbox/caught-mail.ts';
import { shownMessage } from '../../inbox/shown-message.ts';
import { findHeaderEnd } from '../../mail/header/header.ts';
import type { FoundMail, MailTerm, SearchedField } from '../../store/mail-question.ts';
import type { WebApp } from '../web-app.ts';
import type { CatcherParts } from './asked.ts';
import { type Asked, contentOf, mailFor, numberOf, oneOf, plainly } from './asked.ts';
import { headerLists } from './shapes.ts';

/** Limit: messages of one page; each comes whole. */
const pageMax = 250;
const usualPage = 50;

const kinds: ReadonlyMap<string, readonly SearchedField[]> = new Map([
  ['from', ['from']],
  ['to', ['to', 'cc', 'bcc']],
]);

export function mailhogPaths(parts: CatcherParts) {
  const list = async (c: Asked, terms: readonly MailTerm[]) => {
    const mail = await mailFor(parts, false, c);
    const [start, limit] = [numberOf(c, 'start', 0), numberOf(c, 'limit', usualPage, pageMax)];
    const { found, mails } = await mail.page(terms, start, limit);
    const items: unknown[] = [];
    for (const each of mails) items.push(await message(mail, each));
    return c.json({ total: found.messages, count: items.length, start, items });
  };
  return (app: WebApp): void => {
    app.get('/api/v2/messages', (c) => list(c, []));
    app.get('/api/v2/search', (c) => {
      const [kind, text] = [c.req.query('kind') ?? '', c.req.query('query') ?? ''];
      const fields = kinds.get(kind);
      if (fields === undefined && kind !== 'containing')
        throw plainly(400, 'kind can be from, to or containing\n');
      if (text === '') throw plainly(400, 'there is no query\n');
      const term =
        fields === undefined
          ? ({ kind: 'text', text } as const)
          : ({ kind: 'header', fields, text } as const);
      return list(c, [{ ...term, not: false }]);
    });
    // Its monkey: chaos does what it did.
    app.get('/api/v2/jim', async (c) => {
      await mailFor(parts, false, c);
      return c.text('Jim is not here: see /api/v1/chaos\n', 404);
    });
    app.get('/api/v1/messages/:id', async (c) => {
      const mail = await mailFor(parts, false, c);
      return c.json(await message(mail, await oneOf(mail, c, c.req.param('id'))));
    });
    app.get('/api/v1/messages/:id/download', async (c) => {
      const mail = await mailFor(parts, false, c);
      const { octets } = await contentOf(mail, await oneOf(mail, c, c.req.param('id')));
      return c.body(octets, 200, {
        'content-type': 'message/rfc822',
        'content-disposition': 'attachment; filename="message.eml"',
      });
    });
    app.delete('/api/v1/messages/:id', async (c) => {
      const mail = await mailFor(parts, true, c);
      await mail.remove(withIds([c.req.param('id')]));
      return c.json(null);
    });
  };
}

async function message(mail: CaughtMail, found: FoundMail) {
  const { octets } = await contentOf(mail, found);
  const shown = shownMessage(octets);
  const end = findHeaderEnd(octets);
  const body = octets.toString('latin1', end);
  const to = [...new Set(found.places.map(({ account }) => account))];
  return {
    ID: found.id,
    From: path(shown.returnPath),
    To: to.map(path),
    Content: { Headers: headerLists(shown), Body: body, Size: octets.length, MIME: null },
    Created: new Date(found.received).toISOString(),
    MIME:
      shown.parts.length < 2
        ? null
        : {
            Parts: shown.parts.map(({ type, encoding, content }) => ({
              Headers: { 'Content-Type': [type], 'Content-Transfer-Encoding': [encoding] },
              Body: Buffer.from(content()).toString('utf8'),
              Size: content().length,
              MIME: null,
            })),
          },
    Raw: { From: shown.returnPath, To: to, Data: octets.toString('latin1'), Helo: '' },
  };
}

function path(address: string) {
  const at = address.lastIndexOf('@');
  return {
    ...{ Relays: null, Params: '' },
    Mailbox: at < 0 ? address : address.slice(0, at),
    Domain: at < 0 ? '' : address.slice(at + 1),
  };
}
