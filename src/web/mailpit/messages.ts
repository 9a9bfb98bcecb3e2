// Mailpit's lists: messages, searches, tags, and what is done to many at once.

import { z } from 'zod';
import { withIds } from '../../inbox/caught-mail.ts';
import { cleanTags, keywordOf, tagName, tagOf, tagsOf } from '../../inbox/tags.ts';
import type { MailTerm } from '../../store/mail-question.ts';
import type { WebApp } from '../web-app.ts';
import type { CatcherParts } from './asked.ts';
import { checked, jsonOf, mailFor, numberOf, plainly, termsOf } from './asked.ts';
import { messageList } from './shapes.ts';

/** Limit: messages of one page, whatever is asked for. */
const pageMax = 1000;
const usualPage = 50;

const ids = z.array(z.string()).nullish();
const withSome = z.object({ IDs: ids });
const readStatus = z.object({
  Read: z.boolean().nullish(),
  IDs: ids,
  Search: z.string().nullish(),
});
const tagging = z.object({ Tags: z.array(z.string()).nullish(), IDs: ids });
const renaming = z.object({ Name: z.string() });

const tagged = (tag: string): readonly MailTerm[] => [
  { kind: 'flag', flag: keywordOf(tagOf(tag)), not: false },
];

/** Mailpit's "?query=" has to be there. */
function needed(query: string | undefined): string {
  if (query === undefined || query.trim() === '') throw plainly(400, 'Error: no search query\n');
  return query;
}

export function messageListPaths(parts: CatcherParts) {
  return (app: WebApp): void => {
    app.get('/api/v1/messages', async (c) => {
      const mail = await mailFor(parts, false, c);
      const [start, limit] = [numberOf(c, 'start', 0), numberOf(c, 'limit', usualPage, pageMax)];
      return c.json(messageList(await mail.page([], start, limit || pageMax), start));
    });
    app.put('/api/v1/messages', async (c) => {
      const mail = await mailFor(parts, true, c);
      const { Read, IDs, Search } = checked(readStatus, await jsonOf(c));
      if (IDs?.length && Search)
        throw plainly(400, 'You may specify either IDs or a search query, not both\n');
      const terms = IDs?.length ? withIds(IDs) : termsOf(Search ?? '', c.req.query('tz'));
      await mail.setSeen(terms, Read === true);
      return c.text('ok');
    });
    app.delete('/api/v1/messages', async (c) => {
      const mail = await mailFor(parts, true, c);
      const { IDs } = checked(withSome, await jsonOf(c));
      await mail.remove(IDs?.length ? withIds(IDs) : []);
      return c.text('ok');
    });
    app.get('/api/v1/search', async (c) => {
      const mail = await mailFor(parts, false, c);
      const terms = termsOf(needed(c.req.query('query')), c.req.query('tz'));
      const [start, limit] = [numberOf(c, 'start', 0), numberOf(c, 'limit', usualPage, pageMax)];
      return c.json(messageList(await mail.page(terms, start, limit), start));
    });
    app.delete('/api/v1/search', async (c) => {
      const mail = await mailFor(parts, true, c);
      await mail.remove(termsOf(needed(c.req.query('query')), c.req.query('tz')));
      return c.text('ok');
    });
    tagPaths(parts, app);
  };
}

function tagPaths(parts: CatcherParts, app: WebApp): void {
  app.get('/api/v1/tags', async (c) => {
    const mail = await mailFor(parts, false, c);
    return c.json([...(await mail.page([], 0, 0)).tags.keys()].map(tagName));
  });
  app.put('/api/v1/tags', async (c) => {
    const mail = await mailFor(parts, true, c);
    const { Tags, IDs } = checked(tagging, await jsonOf(c));
    if (IDs?.length) await mail.setTags(withIds(IDs), cleanTags(Tags ?? []));
    return c.text('ok');
  });
  app.put('/api/v1/tags/:tag', async (c) => {
    const mail = await mailFor(parts, true, c);
    const { Name } = checked(renaming, await jsonOf(c));
    const [name] = cleanTags([Name]);
    if (name === undefined) throw plainly(400, 'a tag has letters, digits, -, ., _ and spaces\n');
    const old = keywordOf(tagOf(c.req.param('tag')));
    await mail.change(tagged(c.req.param('tag')), () => [
      { kind: 'remove', flags: [old] },
      { kind: 'add', flags: [keywordOf(name)] },
    ]);
    return c.text('ok');
  });
  app.delete('/api/v1/tags/:tag', async (c) => {
    const mail = await mailFor(parts, true, c);
    const old = keywordOf(tagOf(c.req.param('tag')));
    await mail.change(tagged(c.req.param('tag')), (flags) =>
      tagsOf(flags).length === 0 ? [] : [{ kind: 'remove', flags: [old] }],
    );
    return c.text('ok');
  });
}
