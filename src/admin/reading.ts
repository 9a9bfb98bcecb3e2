// Operations for whoever looks at mail: search it, read a message, mark it, put tags on it.

import { z } from 'zod';
import { SharedRoom } from '../base/shared-room.ts';
import {
  type FoundMessage,
  findMessage,
  type RoomFor,
  UnshownError,
} from '../inbox/find-message.ts';
import { mailTerms, QueryError } from '../inbox/query-words.ts';
import { type ShownAddress, shownAddresses, shownMessage } from '../inbox/shown-message.ts';
import { cleanTags, keywordOf, tagName, tagsOf } from '../inbox/tags.ts';
import { leafParts } from '../mail/digest/leaf-parts.ts';
import { decodeEncodedWords } from '../mail/fields/encoded-word.ts';
import { hasFlag } from '../mailbox/flags.ts';
import type { FlagChange } from '../store/folder-store.ts';
import type { FoundMail, MailPage, MailTerm } from '../store/mail-question.ts';
import { isoDate, isoOrNull } from './asking.ts';
import { ownerOf, unknownMessage } from './mailboxes.ts';
import { count, list, OperationError, text, texts, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

type ReadingParts = Pick<OperationParts, 'folders' | 'accountOf' | 'dev'>;

const address = z.object({ name: text, address: text });
const addresses = z.array(address).readonly();
const place = z.object({ mailbox: text, folder: text, uid: count, id: text });

const marks = {
  seen: z.boolean(),
  flagged: z.boolean(),
  answered: z.boolean(),
  tags: texts,
};

const line = z.object({
  id: text,
  /** Whose it is; of copies of one delivery the first. */
  mailbox: text,
  folder: text,
  uid: count,
  from: addresses,
  to: addresses,
  cc: addresses,
  subject: text,
  /** The first words of its text. */
  preview: text,
  size: count,
  received: text,
  ...marks,
  attachments: count,
  /** Everywhere it lies, this place first: each mailbox that got it has a copy. */
  places: z.array(place).readonly(),
});
export type MailSummary = z.infer<typeof line>;

const page = z.object({
  /** What matches. */
  total: count,
  unread: count,
  /** Of the mailbox, the folder or everybody, whether it matches or not. */
  all: z.object({ total: count, unread: count }),
  /** How many messages have which tag. */
  tags: z.record(text, count),
  messages: z.array(line).readonly(),
});
export type MailSearchResult = z.infer<typeof page>;

const part = z.object({
  /** As IMAP counts: `1.2` is the second part of the first. */
  path: text,
  /** `text` is what is read, `inline` belongs to it, `attachment` is a file beside it. */
  kind: z.enum(['text', 'inline', 'attachment']),
  type: text,
  charset: z.string().nullable(),
  name: z.string().nullable(),
  /** Content-ID without brackets. */
  cid: z.string().nullable(),
  disposition: z.string().nullable(),
  encoding: text,
  /** Octets, decoded. */
  size: count,
});

const message = z.object({
  id: text,
  mailbox: text,
  folder: text,
  uid: count,
  size: count,
  received: text,
  ...marks,
  subject: text,
  messageId: text,
  /** Of the Date field; null where there is none that can be understood. */
  sent: z.string().nullable(),
  returnPath: text,
  from: addresses,
  sender: addresses,
  replyTo: addresses,
  to: addresses,
  cc: addresses,
  bcc: addresses,
  headers: z.array(z.object({ name: text, value: text })).readonly(),
  /** The plain text, or that of the HTML where there is no other. */
  text,
  /** Whether there is HTML: GET /postrider/mail/MAILBOX/ID/html shows it. */
  html: z.boolean(),
  parts: z.array(part).readonly(),
});

/** Limits: messages of one page; of one change. */
const pageMax = 500;
const changedMax = 1000;

const ids = z.array(text).min(1).max(changedMax).readonly();
const flagName = z.enum(['seen', 'flagged', 'answered', 'draft']);

export const searchInput = z.strictObject({
  address: text.optional(),
  folder: text.optional(),
  query: text.optional(),
  /** Where days begin, such as Europe/Berlin; UTC if it is not given. */
  timeZone: text.optional(),
  start: count.nonnegative().optional(),
  limit: count.positive().max(pageMax).optional(),
});

export const flagInput = z.strictObject({
  address: text,
  ids,
  add: z.array(flagName).readonly().optional(),
  remove: z.array(flagName).readonly().optional(),
});
export const tagsInput = z.strictObject({ address: text, ids, tags: texts });

export const readingOperations = {
  mailSearch: value({
    about:
      'Messages of an address, newest first, a page at a time; without one everybody’s, in `dev` only. `query` has Mailpit’s words: from: to: cc: bcc: reply-to: addressed: subject: message-id: tag: is:read is:unread is:flagged is:tagged has:attachment has:inline before: after: larger: smaller:, words and "phrases", each with - in front for the opposite.',
    changes: false,
    input: searchInput,
    output: page,
    run: searchMail,
  }),
  mailInboxes: list({
    about: 'Everybody who has mail: how many messages, how many unread, when the newest came.',
    changes: false,
    input: z.strictObject({}),
    output: z.object({ address: text, total: count, unread: count, newest: text }),
    run: async function* inboxes({ folders }) {
      for (const { account, messages, unseen, newest } of await folders.counts())
        yield {
          ...{ address: account, total: messages, unread: unseen },
          newest: isoDate(newest),
        };
    },
  }),
  mailRead: value({
    about: 'One message taken apart: its fields decoded, its text, the parts it is made of.',
    changes: false,
    input: z.strictObject({ address: text, id: text }),
    output: message,
    run: readMail,
  }),
  mailFlag: value({
    about:
      'Marks messages as read, flagged or answered, or takes the mark away; how many there were.',
    changes: true,
    input: flagInput,
    output: count,
    run: (parts, { address: whose, ids: which, add = [], remove = [] }) =>
      change(parts, { address: whose, ids: which }, () => [
        { kind: 'add', flags: add.map(systemFlag) },
        { kind: 'remove', flags: remove.map(systemFlag) },
      ]),
  }),
  mailTags: value({
    about: 'Gives messages these tags and no others; how many messages there were.',
    changes: true,
    input: tagsInput,
    output: count,
    run: (parts, { address: whose, ids: which, tags }) =>
      change(parts, { address: whose, ids: which }, (flags) => [
        { kind: 'remove', flags: tagsOf(flags).map(keywordOf) },
        { kind: 'add', flags: cleanTags(tags).map(keywordOf) },
      ]),
  }),
};

const systemFlag = (name: z.infer<typeof flagName>): string =>
  `\\${name[0]!.toUpperCase()}${name.slice(1)}`;

interface SearchRequest {
  readonly address?: string | undefined;
  readonly folder?: string | undefined;
  readonly query?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly start?: number | undefined;
  readonly limit?: number | undefined;
}

async function searchMail(
  parts: ReadingParts,
  { address: whose, folder, query = '', timeZone, start = 0, limit = 50 }: SearchRequest,
): Promise<MailSearchResult> {
  if (whose === undefined && !parts.dev())
    throw new OperationError(
      'everybody’s mail at once is for `postrider dev` only; give an address',
    );
  const account = whose === undefined ? undefined : await ownerOf(parts, whose);
  const terms = termsOf(query, timeZone);
  return shownPage(await parts.folders.mails({ account, folder, terms, start, limit }));
}

/** @throws OperationError */
function termsOf(query: string, timeZone: string | undefined): readonly MailTerm[] {
  try {
    return mailTerms(query, timeZone);
  } catch (error) {
    if (error instanceof QueryError) throw new OperationError(error.message);
    throw error;
  }
}

const shownPage = ({ found, all, tags, mails }: MailPage): MailSearchResult => ({
  ...{ total: found.messages, unread: found.unseen },
  all: { total: all.messages, unread: all.unseen },
  tags: Object.fromEntries([...tags].map(([keyword, number]) => [tagName(keyword), number])),
  messages: mails.map(summaryOf),
});

function summaryOf({ digest, places, ...mail }: FoundMail): MailSummary {
  const { envelope, body, preview } = digest;
  return {
    ...{ id: mail.id, mailbox: mail.account, folder: mail.path, uid: mail.uid },
    from: plain(shownAddresses(envelope.from)),
    to: plain(shownAddresses(envelope.to)),
    cc: plain(shownAddresses(envelope.cc)),
    subject: decodeEncodedWords(envelope.subject ?? ''),
    preview,
    size: mail.size,
    received: isoDate(mail.received),
    ...marksOf(mail.flags),
    attachments: leafParts(body).filter(({ kind }) => kind === 'attachment').length,
    places: places.map(({ account, path, uid, id }) => ({
      ...{ mailbox: account, folder: path, uid, id },
    })),
  };
}

const marksOf = (flags: readonly string[]) => ({
  seen: hasFlag(flags, '\\Seen'),
  flagged: hasFlag(flags, '\\Flagged'),
  answered: hasFlag(flags, '\\Answered'),
  tags: tagsOf(flags),
});

const plain = (given: readonly ShownAddress[]) => [...given];

/** @throws OperationError when there is none, or it cannot be shown. */
export async function messageOf(
  parts: Pick<OperationParts, 'folders' | 'accountOf'>,
  whose: string,
  id: string,
  room?: RoomFor,
): Promise<FoundMessage> {
  const account = await ownerOf(parts, whose);
  try {
    const found = await findMessage(parts.folders, account, id, room);
    if (found !== undefined) return found;
  } catch (error) {
    if (error instanceof UnshownError) throw new OperationError(error.message);
    throw error;
  }
  throw new OperationError(unknownMessage(whose, id));
}

/** Limit: octets of messages that are taken apart at a time, whoever asks; more of them wait. */
const takenApartMax = 64 * 2 ** 20;
const takenApart = new SharedRoom(takenApartMax);

/** `use` keeps nothing of the message's octets. @throws OperationError as messageOf does */
export async function withMessage<T>(
  parts: Parameters<typeof messageOf>[0],
  { address: whose, id }: { readonly address: string; readonly id: string },
  use: (message: FoundMessage) => T,
): Promise<T> {
  let giveBack = () => {};
  try {
    return use(
      await messageOf(parts, whose, id, async (octets) => {
        giveBack = await takenApart.take(octets);
      }),
    );
  } finally {
    giveBack();
  }
}

function readMail(
  parts: ReadingParts,
  asked: { readonly address: string; readonly id: string },
): Promise<z.infer<typeof message>> {
  return withMessage(parts, asked, shownMail);
}

function shownMail(mail: FoundMessage): z.infer<typeof message> {
  const { octets, id } = mail;
  const shown = shownMessage(octets);
  const { html, sent, fields, parts: made, ...rest } = shown;
  return {
    ...{ id, mailbox: mail.account, folder: mail.path, uid: mail.uid, size: octets.length },
    received: isoDate(mail.received),
    ...marksOf(mail.flags),
    ...rest,
    sent: isoOrNull(sent),
    headers: fields.map((field) => ({ ...field })),
    html: html !== undefined,
    parts: made.map(({ content, ...each }) => ({
      ...each,
      charset: each.charset ?? null,
      name: each.name ?? null,
      cid: each.cid ?? null,
      disposition: each.disposition ?? null,
      size: content().length,
    })),
  };
}

/** All of them or, where one is not there, none. */
async function change(
  parts: ReadingParts,
  { address: whose, ids: which }: { readonly address: string; readonly ids: readonly string[] },
  changes: (flags: readonly string[]) => readonly FlagChange[],
): Promise<number> {
  const { folders } = parts;
  const account = await ownerOf(parts, whose);
  const wanted = [...new Set(which)];
  const copies = await Promise.all(wanted.map((id) => folders.copies(account, id)));
  copies.forEach((found, i) => {
    if (found.length === 0) throw new OperationError(unknownMessage(whose, wanted[i]!));
  });
  for (const { folder, uid, flags } of copies.flat())
    await folders.store(
      folder,
      [uid],
      changes(flags).filter((each) => each.flags.length > 0),
    );
  return wanted.length;
}
