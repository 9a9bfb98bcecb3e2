// Operations that say how a message will fare: what mail clients can show of it, whether its links lead somewhere, how
// much like spam it is.

import { z } from 'zod';
import { messageOf as wordsOf } from '../base/error-text.ts';
import type { SupportShares } from '../inbox/checks/html-check.ts';
import { shownMessage } from '../inbox/shown-message.ts';
import { count, OperationError, text, texts, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';
import { messageOf } from './reading.ts';

const input = z.strictObject({ address: text, id: text });
const number = z.number();
const shares = z.object({ supported: number, partial: number, unsupported: number });
const support = z.enum(['yes', 'partial', 'no']);

const htmlCheck = z.object({
  /** Percent of clients that show all of it, part of it, or not; by the worst that is in it. */
  total: shares,
  /** Elements that are shown. */
  elements: count,
  /** Octets of the HTML. */
  size: count,
  /** False where it is so long that not all of it was looked at. */
  whole: z.boolean(),
  /** When the data about clients was made. */
  updated: text,
  warnings: z
    .array(
      z.object({
        slug: text,
        title: text,
        /** Markdown, as the notes are. */
        description: text,
        url: text,
        category: text,
        /** How many elements use it. */
        found: count,
        shares,
        /** The newest of each that does not show it, or not fully. */
        clients: z
          .array(
            z.object({
              family: text,
              platform: text,
              version: text,
              support,
              notes: texts,
            }),
          )
          .readonly(),
      }),
    )
    .readonly(),
  /** Makers of clients, and how many of the warnings are about theirs. */
  families: z
    .array(z.object({ family: text, name: text, unsupported: texts, partial: texts }))
    .readonly(),
});

const linkCheck = z.object({
  links: z
    .array(
      z.object({
        url: text,
        /** `link` is followed by who reads, the others are loaded with the message. */
        kind: z.enum(['link', 'picture', 'style']),
        /** Of HTTP; 0 without an answer, 451 where it leads into a private network. */
        status: count,
        /** What the status means, or why there was no answer. */
        words: text,
        redirects: texts,
      }),
    )
    .readonly(),
  /** Some were left out: there are too many, or one is too long. */
  more: z.boolean(),
});

const spamCheck = z.object({
  spam: z.boolean(),
  /** In rspamd's words. */
  action: text,
  score: number,
  /** From this score on it would be refused. */
  required: number,
  rules: z.array(z.object({ name: text, score: number, description: text })).readonly(),
});

type Parts = Pick<OperationParts, 'folders' | 'accountOf' | 'server'>;
type Asked = z.infer<typeof input>;

export const mailCheckOperations = {
  mailCheckHtml: value({
    about:
      'What mail clients cannot show of the HTML of a message, by the data of caniemail.com; nothing is loaded from elsewhere for it.',
    changes: false,
    input,
    output: htmlCheck,
    run: checkMailHtml,
  }),
  mailCheckLinks: value({
    about:
      'Whether the links of a message lead somewhere: asks each of them, so that whoever wrote it can notice. In `dev` only.',
    changes: true,
    input: z.strictObject({ ...input.shape, followRedirects: z.boolean().optional() }),
    output: linkCheck,
    run: checkMailLinks,
  }),
  mailCheckSpam: value({
    about: 'How much like spam a message is, and why, as rspamd says where there is one.',
    changes: false,
    input,
    output: spamCheck,
    run: checkMailSpam,
  }),
};

async function checkMailHtml(
  parts: Parts,
  { address, id }: Asked,
): Promise<z.infer<typeof htmlCheck>> {
  const { html } = shownMessage((await messageOf(parts, address, id)).octets);
  if (html === undefined) throw new OperationError('the message has no HTML');
  const { checkHtml, newestOf } = await import('../inbox/checks/html-check.ts');
  const { total, elements, isWhole, data, warnings, families } = checkHtml(html);
  return {
    total: rounded(total),
    elements,
    size: Buffer.byteLength(html),
    whole: isWhole,
    updated: data.updated,
    warnings: warnings.map(({ feature, found, shares: each }) => ({
      ...{ slug: feature.slug, title: feature.title, description: feature.description },
      ...{ url: feature.url, category: feature.category, found, shares: rounded(each) },
      clients: [...data.familyNames].flatMap(([family, name]) =>
        newestOf(feature.clients, family)
          .filter((client) => client.support !== 'yes')
          .map(({ platform, version, support: how, notes }) => ({
            ...{ family: name, version, support: how },
            platform: data.platformNames.get(platform) ?? platform,
            notes: notes.flatMap((note) => feature.notes.get(note) ?? []),
          })),
      ),
    })),
    families,
  };
}

const rounded = (given: SupportShares): SupportShares => ({
  supported: tenths(given.supported),
  partial: tenths(given.partial),
  unsupported: tenths(given.unsupported),
});
const tenths = (percent: number): number => Math.round(percent * 10) / 10;

async function checkMailLinks(
  parts: Parts,
  {
    address,
    id,
    followRedirects = true,
  }: Asked & { readonly followRedirects?: boolean | undefined },
): Promise<z.infer<typeof linkCheck>> {
  const checker = parts.server?.checks.links;
  if (checker === undefined)
    throw new OperationError(
      'links are checked in `postrider dev` only: a link may do something when it is followed',
    );
  const { octets } = await messageOf(parts, address, id);
  const result = await checker.check(shownMessage(octets), { followRedirects });
  if (result === undefined)
    throw new OperationError('links of other messages are being checked: ask again in a minute');
  return result;
}

export const noRspamd =
  'there is no rspamd: start one, and name where it answers (`postrider dev --rspamd http://127.0.0.1:11333`; on a server, a filter of kind rspamd)';

async function checkMailSpam(
  parts: Parts,
  { address, id }: Asked,
): Promise<z.infer<typeof spamCheck>> {
  const spam = parts.server?.checks.spam();
  if (spam === undefined) throw new OperationError(noRspamd);
  const { octets } = await messageOf(parts, address, id);
  const { checkSpam } = await import('../inbox/checks/spam-check.ts');
  try {
    const { isSpam, ...rest } = await checkSpam(octets, shownMessage(octets), spam);
    return { spam: isSpam, ...rest };
  } catch (error) {
    throw new OperationError(`rspamd (${spam.server.url}) did not answer: ${wordsOf(error)}`);
  }
}
