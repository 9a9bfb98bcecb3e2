// A message handed in by a program: as after a login by SMTP, with the same rules.

import { z } from 'zod';
import { sought } from './asking.ts';
import { text, texts, value } from './operation.ts';
import { running } from './running.ts';

/** Limit: recipients, attachments. */
const recipientsMax = 1000;
const attachmentsMax = 100;

/** `Ann <ann@example.org>`, or the address alone. */
const mailbox = z.string().min(3).max(998);
const mailboxes = z.union([mailbox, z.array(mailbox).max(recipientsMax)]);

export const attachment = z.strictObject({
  filename: z.string().max(255),
  contentType: z.string().max(255).optional(),
  /** base64 */
  content: text,
  /** It is shown within the HTML, which refers to it as `cid:…`. */
  contentId: z.string().max(255).optional(),
});

const handedIn = z.strictObject({
  from: mailbox,
  to: mailboxes.optional(),
  cc: mailboxes.optional(),
  bcc: mailboxes.optional(),
  replyTo: mailboxes.optional(),
  subject: z.string().max(10_000).optional(),
  text: text.optional(),
  html: text.optional(),
  attachments: z.array(attachment).max(attachmentsMax).optional(),
  /** Further fields, by name. */
  headers: z.record(z.string(), z.string()).optional(),
  /** In place of all of these but `from`, `to`, `cc` and `bcc`: the whole message, as base64. */
  raw: text.optional(),
  /** Whose it is: as if this account had logged in. Default: the account that `from` belongs to. */
  account: sought.optional(),
  /** The same key again within a day answers as the first time, and sends nothing. */
  idempotencyKey: z.string().min(1).max(255).optional(),
});

export const submitted = z.object({
  /** In the queue. */
  id: text,
  messageId: text,
  /** Those that were taken. */
  accepted: texts,
  rejected: z.array(z.object({ address: text, reply: text })).readonly(),
});

export const submissionOperations = {
  submit: value({
    about:
      'Hands in a message, as parts or as a whole. Fails if no recipient is taken; `rejected` names those that were not.',
    changes: true,
    input: handedIn,
    output: submitted,
    run: async (parts, message) => running(parts).submit(message),
  }),
};
