// Mail that the owner of an account writes in a browser: handed in as after a login by SMTP, by the same policies; a
// copy for Sent, and the message that it answers marked as answered.

import { z } from 'zod';
import type { ComposedAddress, ComposedFile } from '../../mail/composed-message.ts';
import { composedMessage } from '../../mail/composed-message.ts';
import { addressKey, formatMailbox } from '../../mail/fields/address.ts';
import { parseMessageIds } from '../../mail/fields/message-ids.ts';
import { mailboxesOf, parseAddressList } from '../../mail/fields/structured.ts';
import { headerValue, parseHeader } from '../../mail/header/header.ts';
import { keepWhole } from '../../store/whole-content.ts';
import { OperationError, text } from '../operation.ts';
import { withMessage } from '../reading.ts';
import { running } from '../running.ts';
import { attachment, submitted } from '../submission.ts';
import type { OwnParts } from './own-operation.ts';
import { own } from './own-operation.ts';

/** Limits: characters of a list of addresses, recipients of all of them, files, octets of a request. */
const listCharactersMax = 20_000;
const recipientsMax = 100;
const filesMax = 50;
const bodyMax = 30 * 2 ** 20;
/** Limit: earlier messages that are named. */
const referencesMax = 20;

/** `Ann <ann@example.org>, bob@example.org` */
const recipients = z.string().max(listCharactersMax);

const written = z.strictObject({
  /** One of the account's addresses; default: the first. */
  from: z.string().max(320).optional(),
  /** As it is shown beside the address. */
  name: z.string().max(200).optional(),
  to: recipients,
  cc: recipients.optional(),
  bcc: recipients.optional(),
  subject: z.string().max(1_000),
  text,
  attachments: z.array(attachment).max(filesMax).optional(),
  /** The message that it answers, by its id. */
  answers: z.string().max(100).optional(),
});
type Written = z.infer<typeof written>;

export const ownSendingOperations = {
  send: own({
    about: 'Sends a message from the account, and keeps a copy in Sent.',
    changes: true,
    input: written,
    output: submitted,
    bodyMax,
    run: send,
  }),
};

async function send(parts: OwnParts, mail: Written): Promise<z.infer<typeof submitted>> {
  const { account, clock } = parts;
  const from = await ownAddress(parts, mail.from);
  const [to, cc, bcc] = [mail.to, mail.cc, mail.bcc].map(addressesIn) as [Found, Found, Found];
  const everybody = [...to, ...cc, ...bcc];
  if (everybody.length > recipientsMax)
    throw new OperationError(`at most ${recipientsMax} recipients, please`);
  const answered = mail.answers === undefined ? undefined : await answeredBy(parts, mail.answers);
  const octets = composedMessage({
    ...{ from: { name: mail.name, address: from }, to, cc, replyTo: [], html: '' },
    ...{ subject: mail.subject, text: mail.text },
    files: (mail.attachments ?? []).map(fileOf),
    fields: answered?.fields ?? [],
    date: clock.now(),
    domain: from.slice(from.lastIndexOf('@') + 1),
  });
  const [toWire, ccWire, bccWire] = [to, cc, bcc].map((list) => list.map(({ address }) => address));
  const sent = await running(parts).submit({
    ...{ from, to: toWire, cc: ccWire, bcc: bccWire, account },
    raw: octets.toString('base64'),
  });
  await keepCopy(parts, octets);
  if (answered !== undefined)
    for (const { folder, uid } of await parts.folders.copies(account, answered.id))
      await parts.folders.store(folder, [uid], { kind: 'add', flags: ['\\Answered'] });
  return sent;
}

const answeredBy = (parts: OwnParts, id: string) =>
  withMessage(parts, { address: parts.account, id }, (message) => ({
    id: message.id,
    fields: threadFields(message.octets),
  }));

async function ownAddress({ account, accounts }: OwnParts, wanted = account): Promise<string> {
  const addresses = (await accounts.find(account))?.addresses ?? [account];
  const key = addressKey(wanted);
  if (addresses.includes(key)) return key;
  throw new OperationError(`${wanted} is not an address of this account`);
}

type Found = readonly ComposedAddress[];

function addressesIn(list = ''): Found {
  const found = mailboxesOf(parseAddressList(list));
  return found.map(({ name, local, domain }) => {
    if (local === '' || domain === '')
      throw new OperationError(`${local || list} is not a whole address`);
    return { name, address: formatMailbox({ local, domain }) };
  });
}

const fileOf = (file: z.infer<typeof attachment>): ComposedFile => ({
  name: file.filename,
  type: file.contentType ?? 'application/octet-stream',
  content: Buffer.from(file.content, 'base64'),
  cid: file.contentId,
});

/** RFC 5322 §3.6.4: the references of what is answered, then itself. */
function threadFields(octets: Uint8Array): readonly (readonly [string, string])[] {
  const fields = parseHeader(octets);
  const [id] = parseMessageIds(headerValue(fields, 'message-id') ?? '', 1);
  if (id === undefined) return [];
  const earlier = headerValue(fields, 'references') ?? headerValue(fields, 'in-reply-to') ?? '';
  const before = parseMessageIds(earlier).slice(1 - referencesMax);
  return [
    ['In-Reply-To', `<${id}>`],
    ['References', [...before, id].map((one) => `<${one}>`).join(' ')],
  ];
}

async function keepCopy(
  { account, folders, spool, clock }: OwnParts,
  bytes: Buffer,
): Promise<void> {
  await folders.ensure(account);
  const all = await folders.folders(account);
  const sent = all.find(({ specialUse }) => specialUse?.toLowerCase() === 'sent');
  if (sent === undefined) return;
  await keepWhole(bytes, spool, (content) =>
    folders.append(sent.id, [{ content, flags: ['\\Seen'], received: clock.now() }]),
  );
}
