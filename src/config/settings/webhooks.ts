// Programs of the operator that are told by HTTP what becomes of mail.

import { z } from 'zod';
import { webhookKey } from '../../watch/webhooks/signature.ts';
import type { WebhookTarget } from '../../watch/webhooks/webhook.ts';
import { webhookEvents } from '../../watch/webhooks/webhook.ts';
import type { Findings } from '../named-files.ts';
import { firstLineIn } from '../named-files.ts';
import * as setting from './setting.ts';

/** Limit: webhooks of a configuration. */
const webhooksMax = 20;

const pattern = (about: string) => setting.text('a pattern', { about }).optional();

const webhook = z.strictObject({
  name: setting.text(
    'a name',
    { about: 'What it is called in the console, the log and by `webhookTest`.' },
    (name) =>
      /^[A-Za-z0-9._-]{1,64}$/.test(name)
        ? undefined
        : `must be at most 64 letters, digits, '.', '_' and '-', not ${setting.shown(name)}`,
  ),
  url: setting.text(
    'a URL',
    {
      about:
        'What is posted to: `https:`, or `http:` with `allowPrivate`. Redirects are not followed.',
    },
    (text) => {
      const url = URL.parse(text);
      return url !== null && /^https?:$/.test(url.protocol) && url.username === ''
        ? undefined
        : `must be a URL such as 'https://app.example.org/mail', without a password, not ${setting.shown(text)}`;
    },
  ),
  secretFile: setting.file({
    about:
      'File with the secret of signatures on its first line, as Standard Webhooks writes it: `whsec_` and 24 to 64 octets as base64.',
  }),
  events: z
    .array(setting.choice(webhookEvents, { about: '' }))
    .min(1)
    .max(webhookEvents.length)
    .meta({
      about: 'What it is told.',
      kind: `a list of ${webhookEvents.map((event) => `'${event}'`).join(', ')}`,
    }),
  filter: z
    .strictObject({
      sender: pattern(
        "Of the reverse-path: `'*@news.example.org'`; `*` is any text, `?` a character.",
      ),
      recipient: pattern('Of a recipient, in the same way.'),
      domain: pattern("Of the domain of the sender or of a recipient: `'*.example.org'`."),
    })
    .prefault({})
    .meta({ about: 'Which mail it is told of: all that is given must fit.' }),
  allowPrivate: setting
    .flag({
      about:
        'Whether it may be on this machine or in a private network. Otherwise whatever the DNS says, such addresses are not called.',
      default: 'false',
    })
    .prefault(false),
});

export const webhookSettings = {
  webhooks: z.array(webhook).max(webhooksMax).prefault([]).meta({
    about:
      'Programs that are told by HTTP what becomes of mail, signed by Standard Webhooks, and again until they answer.',
    kind: 'a list of webhooks',
    default: '[]',
  }),
};

export type WebhookConfig = WebhookTarget;

export function readWebhook(
  { secretFile, ...rest }: z.output<typeof webhook>,
  index: number,
  findings: Findings,
): WebhookConfig | undefined {
  const { url, allowPrivate } = rest;
  if (!allowPrivate && URL.parse(url)?.protocol !== 'https:')
    findings.add(
      ['webhooks', index, 'url'],
      'must be https: only with `allowPrivate` it can be http, and then within your network',
    );
  const at = ['webhooks', index, 'secretFile'];
  const line = firstLineIn(secretFile, at, findings);
  if (line === undefined) return undefined;
  const key = webhookKey(line);
  if (key !== undefined) return { ...rest, key };
  findings.add(
    at,
    `${secretFile}: its first line must be whsec_ and 24 to 64 octets as base64, as \`echo "whsec_$(openssl rand -base64 32)"\` makes it`,
  );
  return undefined;
}

/** The log, the console and what waits know them by their names. */
export function checkWebhookNames(
  webhooks: readonly (WebhookConfig | undefined)[],
  { add }: Findings,
): void {
  for (const [i, webhook] of webhooks.entries())
    if (webhook !== undefined && webhooks.findIndex((other) => other?.name === webhook.name) < i)
      add(['webhooks', i, 'name'], `there are two webhooks ${setting.shown(webhook.name)}`);
}
