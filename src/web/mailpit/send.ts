// POST /api/v1/send: a message as JSON, caught as if it had come by SMTP.

import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import { cleanTags, keywordOf } from '../../inbox/tags.ts';
import { composedMessage } from '../../mail/composed-message.ts';
import { formatMailbox, parseMailbox } from '../../mail/fields/address.ts';

const person = z.object({ Email: z.string(), Name: z.string().optional() });
const people = z.array(person).max(1000).nullish();

const asked = z.object({
  From: person,
  To: people,
  Cc: people,
  Bcc: z.array(z.string()).max(1000).nullish(),
  ReplyTo: people,
  Subject: z.string().max(10_000).nullish(),
  Text: z.string().nullish(),
  HTML: z.string().nullish(),
  Attachments: z
    .array(
      z.object({
        Content: z.string(),
        Filename: z.string().max(255),
        ContentType: z.string().nullish(),
        ContentID: z.string().nullish(),
      }),
    )
    .max(100)
    .nullish(),
  Tags: z.array(z.string()).nullish(),
  Headers: z.record(z.string(), z.string()).nullish(),
});

export interface SentMessage {
  readonly octets: Buffer<ArrayBuffer>;
  /** In wire form, each once. */
  readonly recipients: readonly string[];
  readonly flags: readonly string[];
}

const written = new Set([
  ...['to', 'from', 'cc', 'bcc', 'reply-to', 'date', 'subject', 'content-type', 'mime-version'],
]);

/** @throws HTTPException 400 with an `Error` */
export function sentMessage(given: unknown, date: number): SentMessage {
  const { success, data, error } = asked.safeParse(given);
  if (!success)
    throw wrong(
      error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    );
  const to = (data.To ?? []).map((each) => checked('To', each));
  const cc = (data.Cc ?? []).map((each) => checked('Cc', each));
  const bcc = (data.Bcc ?? []).map((Email) => checked('Bcc', { Email }));
  const recipients = [...new Set([...to, ...cc, ...bcc].map(({ address }) => address))];
  if (recipients.length === 0) throw wrong('the message is for nobody: give To, Cc or Bcc');
  const fields = Object.entries(data.Headers ?? {});
  for (const [name] of fields)
    if (written.has(name.toLowerCase()) || !/^[!-9;-~]{1,76}$/.test(name))
      throw wrong(`cannot overwrite header: "${name}"`);
  const octets = composedMessage({
    ...{ to, cc, date, fields, domain: 'localhost' },
    from: checked('From', data.From),
    replyTo: (data.ReplyTo ?? []).map((each) => checked('Reply-To', each)),
    subject: data.Subject ?? '',
    text: data.Text ?? '',
    html: data.HTML ?? '',
    files: (data.Attachments ?? []).map(({ Content, Filename, ContentType, ContentID }) => ({
      name: Filename,
      type: ContentType || 'application/octet-stream',
      content: decoded(Content, Filename),
      cid: ContentID || undefined,
    })),
  });
  return { octets, recipients, flags: cleanTags(data.Tags ?? []).map(keywordOf) };
}

export const wrong = (problem: string): HTTPException =>
  new HTTPException(400, { res: Response.json({ Error: problem }, { status: 400 }) });

function checked(field: string, { Email, Name }: z.infer<typeof person>) {
  const mailbox = parseMailbox(Email);
  if (mailbox === undefined) throw wrong(`invalid ${field} address: ${Email.slice(0, 200)}`);
  return { name: Name, address: formatMailbox(mailbox) };
}

/** Field: browsers' readAsDataURL() puts `data:image/png;base64,` in front. */
function decoded(content: string, name: string): Uint8Array {
  const text = content.slice(content.indexOf(',') + 1).replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw wrong(`error decoding base64 attachment "${name.slice(0, 200)}"`);
  return Buffer.from(text, 'base64');
}
