// Puts mail that was kept elsewhere into a mailbox: into its own address's, or, in `dev`, into those of everybody it
// is for.

import { z } from 'zod';
import { arrivingTags } from '../inbox/arriving-tags.ts';
import { CaughtMail } from '../inbox/caught-mail.ts';
import { addressKey } from '../mail/fields/address.ts';
import { EnvelopeFields } from '../mail/fields/envelope.ts';
import { mailboxesOf } from '../mail/fields/structured.ts';
import { findHeaderEnd } from '../mail/header/header.ts';
import { asMail, mboxMessages } from '../mail/mbox.ts';
import { canonicalName, whyNotOwn } from '../mailbox/folder-name.ts';
import { FolderExistsError, MailboxLimitError } from '../store/folder-errors.ts';
import { ownerOf } from './mailboxes.ts';
import { count, OperationError, text, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

/** Limit: of base64, in one request. */
export const importedMax = 40 * 2 ** 20;
/** Where mail is put that names nobody. */
const nobody = 'imported@localhost';

/** What lies elsewhere as a message has its date and its flags there. */
export interface ImportPlace {
  /** Made where there is none; INBOX without it. */
  readonly folder?: string | undefined;
  /** System flags with their backslash, keywords without. */
  readonly flags?: readonly string[] | undefined;
  /** When it came; now without it. */
  readonly received?: string | undefined;
}

/** RFC 9051 §9: `flag`, of those that may be set. */
const flag = z
  .string()
  .max(100)
  .regex(/^(?:\\(?:Answered|Flagged|Deleted|Seen|Draft)|[^\x00-\x20\x7f-\uffff(){%*"\\\]]+)$/);

export const importOperations = {
  mailImport: value({
    about:
      'Puts a message, or those of an mbox file, into the INBOX of an address, or into another folder, which is made where there is none; in `dev` without an address into those of everybody in To, Cc and Bcc.',
    changes: true,
    input: z.strictObject({
      address: text.optional(),
      folder: text.optional(),
      flags: z.array(flag).max(50).readonly().optional(),
      /** When it came; now without it. */
      received: z.iso.datetime().optional(),
      /** The message as it is, in base64; or several, each behind a line `From `. */
      message: z.base64().max(importedMax),
    }),
    /** The id of the last; how many there were. */
    output: z.object({ id: text, imported: count }),
    run: importFile,
  }),
};

interface ImportRequest extends ImportPlace {
  readonly address?: string | undefined;
  readonly message: string;
}

async function importFile(
  parts: OperationParts,
  { address, message, ...place }: ImportRequest,
): Promise<{ readonly id: string; readonly imported: number }> {
  let id: string | undefined;
  let imported = 0;
  for (const one of mboxMessages(Buffer.from(message, 'base64'))) {
    id = await importMail(parts, one, { ...place, address });
    imported += 1;
  }
  if (id === undefined) throw new OperationError('there is no message');
  return { id, imported };
}

type ImportParts = Pick<OperationParts, 'folders' | 'spool' | 'accountOf' | 'dev' | 'clock'>;

/** The id of what was put there. @throws OperationError */
async function importMail(
  parts: ImportParts,
  octets: Buffer,
  { address, folder = 'INBOX', flags = [], received }: Omit<ImportRequest, 'message'>,
): Promise<string> {
  const { folders, spool, accountOf, dev, clock } = parts;
  if (octets.length === 0) throw new OperationError('there is no message');
  const mail = asMail(octets);
  const account = address === undefined ? undefined : await ownerOf({ accountOf }, address);
  if (account === undefined && !dev())
    throw new OperationError('whose mail is it? Give the address');
  const path = canonicalName(folder);
  if (account === undefined && path !== 'INBOX')
    throw new OperationError(`whose folder is ${folder}? Give the address`);
  if (account !== undefined && path !== 'INBOX') await makeFolder(folders, account, path);
  const head = mail.subarray(0, findHeaderEnd(mail));
  const now = () => (received === undefined ? clock.now() : Date.parse(received));
  const caught = new CaughtMail({ folders, spool, account, now });
  return limited(() =>
    caught.add(mail, account === undefined ? namedIn(head) : [account], {
      folder: path,
      flags: [...new Set([...arrivingTags(head, []), ...flags])],
    }),
  );
}

/** With a subscription, since mail programs show no others. */
async function makeFolder(
  folders: ImportParts['folders'],
  account: string,
  path: string,
): Promise<void> {
  const why = whyNotOwn(path);
  if (why !== undefined) throw new OperationError(`no folder can be called ${path}: ${why}`);
  await folders.ensure(account);
  if ((await folders.find(account, path)) !== undefined) return;
  await limited(async () => {
    try {
      await folders.create(account, path, undefined);
    } catch (error) {
      if (!(error instanceof FolderExistsError)) throw error;
    }
    await folders.subscribe(account, path, true);
  });
}

async function limited<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof MailboxLimitError) throw new OperationError(error.message);
    throw error;
  }
}

/** Limit: mailboxes that one message is put into. */
const namedMax = 100;

function namedIn(head: Uint8Array): readonly string[] {
  const { to, cc, bcc } = new EnvelopeFields(head).envelope();
  const named = mailboxesOf([...to, ...cc, ...bcc])
    .filter(({ local, domain }) => local !== '' && domain !== '')
    .map(addressKey);
  return named.length === 0 ? [nobody] : [...new Set(named)].slice(0, namedMax);
}
