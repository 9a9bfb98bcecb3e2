// The operator's own rules: whom to allow and whom to refuse, and what becomes of messages by their content. They
// are for clients that have not logged in and are in no trusted network.

import { z } from 'zod';
import * as setting from './setting.ts';

const { choice } = setting;

/** 'ann@x.example', '@x.example', '@.x.example', '<>'. */
const addressPattern = setting.text('an address', { about: '' }, (pattern) => {
  const domain = pattern.slice(pattern.lastIndexOf('@') + 1).replace(/^\./, '');
  return pattern === '<>' || (pattern.includes('@') && setting.isDomain(domain))
    ? undefined
    : `must be an address, '@domain', '@.domain' for its subdomains, or '<>'; not ${setting.shown(pattern)}`;
});

/** One, or a list of them. */
const several = <T extends z.ZodType>(one: T, facts: { about: string; kind: string }) =>
  z.array(one).min(1).optional().meta(facts);

const refusalText = setting.text(
  'one line of text',
  { about: 'What whoever is refused hears.' },
  (text) =>
    /^[ -~]{1,300}$/.test(text) ? undefined : 'must be one line of at most 300 ASCII characters',
);

const accessRule = z.strictObject({
  client: several(setting.network({ about: '' }), {
    about: 'Networks of the client.',
    kind: 'a list of networks',
  }),
  sender: several(addressPattern, {
    about:
      "Senders: an address, `'@x.example'`, `'@.x.example'` for the subdomains, `'<>'` for none.",
    kind: 'a list of senders',
  }),
  recipient: several(addressPattern, {
    about:
      'Recipients, likewise. `ann@` is also `ann+lists@`, where `+` is the `recipientDelimiter`.',
    kind: 'a list of recipients',
  }),
  action: choice(['allow', 'reject', 'defer'], {
    about:
      '`allow` spares it all other rules against abuse; `reject` is 550 5.7.1, `defer` 450 4.7.1.',
  }),
  text: refusalText.optional(),
});

const access = z.array(accessRule).max(10_000).prefault([]).meta({
  about:
    'Whom to allow and whom to refuse, by client, sender and recipient; the first rule that fits decides. Not for those who have logged in or are trusted.',
  kind: 'a list of rules',
  default: '[]',
});

const glob = (about: string) =>
  setting.text("a pattern such as '*.exe'", { about }, (given) =>
    given.length <= 200 ? undefined : 'must have at most 200 characters',
  );

const contentRule = z
  .strictObject({
    header: setting
      .text('the name of a field', { about: 'The field that `pattern` is about.' }, (given) =>
        /^[!-9;-~]{1,76}$/.test(given)
          ? undefined
          : `must be the name of a field, not ${setting.shown(given)}`,
      )
      .optional(),
    pattern: glob(
      'Its value: `*` is any characters, `?` is one; upper and lower case are the same.',
    ).optional(),
    attachment: glob(
      "In place of these two: the name of an attachment, such as `'*.exe'`.",
    ).optional(),
    action: choice(['reject', 'quarantine', 'note'], {
      about: '`reject` is 554 5.6.0, `quarantine` puts it into Junk, `note` is only told by `why`.',
    }),
    text: refusalText.optional(),
  })
  .superRefine(({ header, pattern, attachment }, context) => {
    const isAttachment = attachment !== undefined && header === undefined && pattern === undefined;
    const isHeader = header !== undefined && pattern !== undefined && attachment === undefined;
    if (!isAttachment && !isHeader)
      context.addIssue('must have either `header` and `pattern`, or `attachment`');
  });

const contentRules = z.array(contentRule).max(1_000).prefault([]).meta({
  about:
    'What becomes of messages of strangers by their header fields and the names of their attachments.',
  kind: 'a list of rules',
  default: '[]',
});

export const ruleSettings = {
  access,
  contentRules,
};
