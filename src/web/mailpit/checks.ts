// How a message will fare, as Mailpit says it: html-check, link-check, sa-check.

import { messageOf } from '../../base/error-text.ts';
import type {
  ClientSupport,
  ClientSupportData,
  Feature,
} from '../../inbox/checks/client-support.ts';
import { checkHtml, type HtmlCheck, type SupportShares } from '../../inbox/checks/html-check.ts';
import { checkSpam } from '../../inbox/checks/spam-check.ts';
import { mayBeAnyPage, strangersPage } from '../asking.ts';
import type { WebApp } from '../web-app.ts';
import {
  type Asked,
  type CatcherParts,
  contentOf,
  mailFor,
  oneOf,
  plainly,
  shownOf,
} from './asked.ts';

export function checkPaths(parts: CatcherParts) {
  const asked = async (c: Asked, changes = false, name?: string) => {
    const mail = await mailFor(parts, changes, c, name);
    return { mail, found: await oneOf(mail, c, c.req.param('id') ?? '') };
  };
  return (app: WebApp): void => {
    app.get('/api/v1/message/:id/html-check', async (c) => {
      const { mail, found } = await asked(c);
      const { html } = await shownOf(mail, found);
      if (html === undefined) throw plainly(404, 'message does not contain HTML\n');
      return c.json(htmlCheckOf(checkHtml(html)));
    });
    // By POST, too, which is ours: a browser that is asked by GET may be asked by any page.
    app.on(['GET', 'POST'], '/api/v1/message/:id/link-check', async (c) => {
      // Not for whoever may only look: whoever wrote the message can notice, and a link may do something.
      const { mail, found } = await asked(c, true, 'mailCheckLinks');
      const followRedirects = /^(?:true|1)$/.test(c.req.query('follow') ?? '');
      const { signal } = c.req.raw;
      const result = await parts.links?.check(await shownOf(mail, found), {
        followRedirects,
        signal,
      });
      if (result === undefined) throw plainly(503, 'links of other messages are being checked\n');
      const links = result.links.map(({ url: URL, status: StatusCode, words: Status }) => ({
        ...{ URL, StatusCode, Status },
      }));
      const isBad = ({ StatusCode }: { readonly StatusCode: number }) =>
        StatusCode === 0 || StatusCode >= 400;
      return c.json({ Errors: links.filter(isBad).length, Links: links });
    });
    app.on(['GET', 'POST'], '/api/v1/message/:id/sa-check', async (c) => {
      if (mayBeAnyPage(c.req.raw) && c.req.method !== 'POST') throw strangersPage();
      const { mail, found } = await asked(c);
      const spam = parts.spam();
      if (spam === undefined)
        throw plainly(
          400,
          'there is no rspamd: `postrider dev --rspamd http://127.0.0.1:11333` names one\n',
        );
      const [{ octets }, shown] = [await contentOf(mail, found), await shownOf(mail, found)];
      try {
        const { isSpam: IsSpam, score: Score, rules } = await checkSpam(octets, shown, spam);
        const Rules = rules.map(({ name: Name, score, description: Description }) => ({
          ...{ Score: score, Name, Description },
        }));
        return c.json({ IsSpam, Error: '', Score, Rules });
      } catch (error) {
        return c.json({ IsSpam: false, Error: messageOf(error), Score: 0, Rules: null });
      }
    });
  };
}

const scoreOf = (found: number, { supported, partial, unsupported }: SupportShares) => ({
  ...{ Found: found, Supported: supported, Partial: partial, Unsupported: unsupported },
});

function htmlCheckOf({ warnings, elements, looked, total, data }: HtmlCheck) {
  const { supported: Supported, partial: Partial, unsupported: Unsupported } = total;
  return {
    Warnings: warnings.map(({ feature, found, shares }) => ({
      ...{ Slug: feature.slug, Title: feature.title, Description: htmlOf(feature.description) },
      ...{ URL: feature.url, Category: feature.category, Tags: feature.tags, Keywords: '' },
      Results: feature.clients.map((client) => resultOf(client, data)),
      NotesByNumber: notesOf(feature),
      Score: scoreOf(found, shares),
    })),
    Platforms: platformsOf(data),
    Total: { Tests: looked, Nodes: elements, Supported, Partial, Unsupported },
  };
}

function resultOf(
  { family, platform, version, support, notes }: ClientSupport,
  { familyNames, platformNames }: ClientSupportData,
) {
  const Name = `${familyNames.get(family) ?? family} ${platformNames.get(platform) ?? platform} (${version})`;
  return {
    ...{ Name, Platform: platform, Family: family, Version: version, Support: support },
    NoteNumber: notes[0] ?? '',
  };
}

const notesOf = ({ notes }: Feature): Record<string, string> =>
  Object.fromEntries([...notes].map(([number, note]) => [number, htmlOf(note)]));

/** Names of those who make clients, by what those run on. */
function platformsOf({ features, familyNames }: ClientSupportData) {
  const platforms = new Map<string, Set<string>>();
  for (const { clients } of features.values())
    for (const { platform, family } of clients)
      platforms.set(
        platform,
        (platforms.get(platform) ?? new Set()).add(familyNames.get(family) ?? family),
      );
  return Object.fromEntries([...platforms].map(([name, families]) => [name, [...families].sort()]));
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);

/** Of Markdown what the data has: code, links, emphasis. */
const htmlOf = (markdown: string): string =>
  markdown
    .replace(/[&<>"]/g, (character) => escapes.get(character)!)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\[([^\]]+)\]\((https?:[^)\s]+)\)/g, '<a href="$2" target="_blank">$1</a>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>');
