// Puts mail that was kept elsewhere into a mailbox: into its own address's, or, in `dev`, into those of everybody it
// is for.

import { z } from 'zod';
import { arrivingTags } from '../inbox/arriving-tags.ts';
import { CaughtMail } from '../inbox/caught-mail.ts';
import { EnvelopeFields } from '../mail/fields/envelope.ts';
import { mailboxesOf } from '../mail/fields/structured.ts';
import { findHeaderEnd } from '../mail/header/header.ts';
import { asMail, mboxMessages } from '../mail/mbox.ts';
import { ownerOf } from './mailboxes.ts';
import { count, OperationError, text, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

/** Limit: of base64, in one request. */
export const importedMax = 40 * 2 ** 20;
/** Where mail is put that names nobody. */
const nobody = 'imported@localhost';

export const importOperations = {
  mailImport: value({
    about:
      'Puts a message, or those of an mbox file, into the mailbox of an address; in `dev` without one into those of everybody in To, Cc and Bcc.',
    changes: true,
    input: z.strictObject({
      address: text.optional(),
      /** The message as it is, in base64; or several, each behind a line `From `. */
      message: z.base64().max(importedMax),
    }),
    /** The id of the last; how many there were. */
    output: z.object({ id: text, imported: count }),
    run: importFile,
  }),
};

async function importFile(
  parts: OperationParts,
  { address, message }: { readonly address?: string | undefined; readonly message: string },
): Promise<{ readonly id: string; readonly imported: number }> {
  let id: string | undefined;
  let imported = 0;
  for (const one of mboxMessages(Buffer.from(message, 'base64'))) {
    id = await importMail(parts, address, one);
    imported += 1;
  }
  if (id === undefined) throw new OperationError('there is no message');
  return { id, imported };
}

/** The id of what was put there. @throws OperationError */
export async function importMail(
  {
    folders,
    accountOf,
    dev,
    clock,
  }: Pick<OperationParts, 'folders' | 'accountOf' | 'dev' | 'clock'>,
  address: string | undefined,
  octets: Buffer,
): Promise<string> {
  if (octets.length === 0) throw new OperationError('there is no message');
  const mail = asMail(octets);
  const account = address === undefined ? undefined : await ownerOf({ accountOf }, address);
  if (account === undefined && !dev())
    throw new OperationError('whose mail is it? Give the address');
  const head = mail.subarray(0, findHeaderEnd(mail));
  const caught = new CaughtMail({ folders, account, now: () => clock.now() });
  return caught.add(
    mail,
    account === undefined ? namedIn(head) : [account],
    arrivingTags(head, []),
  );
}

/** Limit: mailboxes that one message is put into. */
const namedMax = 100;

function namedIn(head: Uint8Array): readonly string[] {
  const { to, cc, bcc } = new EnvelopeFields(head).envelope();
  const named = mailboxesOf([...to, ...cc, ...bcc])
    .filter(({ local, domain }) => local !== '' && domain !== '')
    .map(({ local, domain }) => `${local}@${domain}`.toLowerCase());
  return named.length === 0 ? [nobody] : [...new Set(named)].slice(0, namedMax);
}
