// Drafts of a device of version 16.0 and above: made, written anew, sent. A draft that is written anew is another
// message here; the device goes on to use its old id, which collection-book.ts remembers.

import { hash } from 'node:crypto';
import type { WrittenDraft } from '../../activesync/draft.ts';
import { fileReference } from '../../activesync/mail-item.ts';
import { bodyType } from '../../activesync/sync-options.ts';
import type { ComposedAddress, ComposedFile } from '../../mail/composed-message.ts';
import { composedMessage } from '../../mail/composed-message.ts';
import { leafParts } from '../../mail/digest/leaf-parts.ts';
import { messageFacts } from '../../mail/digest/message-facts.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { mailboxesOf, parseAddressList, writtenAddress } from '../../mail/fields/structured.ts';
import type { ParsedMessage } from '../../mail/parsed-message.ts';
import { parseMessage } from '../../mail/parsed-message.ts';
import { keepWhole } from '../../store/whole-content.ts';
import type { Context } from './context.ts';
import { MailNotTaken } from './context.ts';
import { readOctets } from './items.ts';
import { factsOf } from './message-facts.ts';
import type { SourceMessage } from './outgoing.ts';
import { filesOf, sendOut, wasSent } from './outgoing.ts';

/** The UID. Asked for twice, it is the same draft. @throws OverQuotaError, MailNotTaken */
export async function addDraft(
  context: Context,
  { folder, clientId }: { readonly folder: number; readonly clientId: string },
  draft: WrittenDraft,
): Promise<number> {
  const { store, spool, clock, settings } = context;
  const name = idOf(context, clientId);
  const bytes = composed(context, draft, undefined, name);
  // Whoever was cut off between the draft and its answer sends it again.
  const [same] = await store.search(folder, { kind: 'header', name: 'message-id', text: name });
  if (same !== undefined) return same;
  const draftFlags = ['\\Seen', '\\Draft'];
  const { uids } = await keepWhole(bytes, spool, (content) => {
    const message = { content, flags: draftFlags, received: clock.now() };
    return store.append(folder, [message], settings().quota);
  });
  return uids[0]!;
}

export interface NamedDraft extends SourceMessage {
  /** The id by which the device knows it. */
  readonly shown: string;
}

/** The UID that it has then; undefined when it is gone. @throws OverQuotaError, MailNotTaken */
export async function changeDraft(
  context: Context,
  { folder, uid, shown }: NamedDraft,
  draft: WrittenDraft,
): Promise<number | undefined> {
  const { store, spool, clock, settings } = context;
  const before = await messageAt(context, { folder, uid });
  const facts = await factsOf(context, folder, uid);
  if (before === undefined || facts === undefined) return undefined;
  const bytes = composed(context, draft, { octets: before, id: shown });
  const flags = [
    ...['\\Seen', '\\Draft', ...(facts.flagged ? ['\\Flagged'] : [])],
    ...[...(facts.answered ? ['\\Answered'] : []), ...facts.keywords],
  ];
  const replaced = await keepWhole(bytes, spool, (content) => {
    const message = { content, flags, received: clock.now() };
    return store.replace(folder, uid, folder, message, settings().quota);
  });
  return replaced.uid;
}

/** It is in Sent then, and no draft any more. @throws MailNotTaken */
export async function sendDraft(
  context: Context,
  draft: WrittenDraft | undefined,
  place: NamedDraft | undefined,
  clientId?: string,
): Promise<void> {
  // Whoever was cut off between the sending and the end of the draft asks again, and must not send it again.
  const name = place === undefined ? `draft ${clientId}` : `draft ${place.folder}:${place.uid}`;
  const before = place && (await messageAt(context, place));
  if (place !== undefined && before === undefined) {
    if (await wasSent(context, name)) return;
    throw new MailNotTaken('there is no such draft');
  }
  const known = place && before && { octets: before, id: place.shown };
  const message =
    draft === undefined ? before! : composed(context, draft, known, idOf(context, name));
  await sendOut(context, { message, saveInSent: true, source: undefined, name });
  if (place !== undefined) await context.store.removeMessages(place.folder, [place.uid]);
}

/** Of a Message-ID: the same one for what a device names the same. */
function idOf({ call }: Context, name: string): string {
  return hash('sha256', `${call.account} ${call.line.deviceId} ${name}`).slice(0, 32);
}

async function messageAt({ store, call }: Context, { folder, uid }: SourceMessage) {
  const [content] = await store.open(folder, [uid]);
  if (content === undefined) return undefined;
  await call.room(content.size);
  return readOctets(content);
}

interface Known {
  readonly octets: Uint8Array;
  /** As the device names it. */
  readonly id: string;
}

/** What the draft does not say is as it was. */
function composed(
  { call, clock, settings }: Context,
  draft: WrittenDraft,
  known: Known | undefined,
  name?: string,
): Buffer<ArrayBuffer> {
  const before = known && parseMessage(known.octets);
  const bcc = listOf(draft.bcc, before, 'bcc');
  const domain = call.account.slice(call.account.lastIndexOf('@') + 1);
  const fields: [string, string][] = [];
  if (bcc.length > 0) fields.push(['Bcc', bcc.map(({ address }) => address).join(', ')]);
  for (const field of ['In-Reply-To', 'References']) {
    const value = before?.header(field);
    if (value !== undefined) fields.push([field, value]);
  }
  if (name !== undefined) fields.push(['Message-ID', `<${name}@${domain}>`]);
  const message = composedMessage({
    ...{ from: { address: call.account }, replyTo: [], fields, domain, date: clock.now() },
    to: listOf(draft.to, before, 'to'),
    cc: listOf(draft.cc, before, 'cc'),
    subject: draft.subject ?? before?.subject ?? '',
    ...textsOf(draft, before),
    files: [...keptFiles(draft, known), ...draft.added],
  });
  if (message.length > settings().messageSize) throw new MailNotTaken('the message is too large');
  return message;
}

function listOf(
  written: string | undefined,
  before: ParsedMessage | undefined,
  name: 'to' | 'cc' | 'bcc',
): readonly ComposedAddress[] {
  if (written === undefined) return before?.addresses(name) ?? [];
  return mailboxesOf(parseAddressList(written.replaceAll(';', ',')))
    .filter(({ local, domain }) => local !== '' && domain !== '')
    .map((mailbox) => ({
      name: decodeEncodedWords(mailbox.name ?? ''),
      address: writtenAddress(mailbox),
    }));
}

function textsOf({ body }: WrittenDraft, before: ParsedMessage | undefined) {
  if (body === undefined) return { text: before?.plainText ?? '', html: before?.html ?? '' };
  return body.type === bodyType.html
    ? { text: '', html: body.text }
    : { text: body.text, html: '' };
}

function keptFiles({ removed }: WrittenDraft, known: Known | undefined): readonly ComposedFile[] {
  if (known === undefined) return [];
  const { body } = messageFacts(known.octets).digest;
  const paths = leafParts(body).filter(({ kind }) => kind !== 'text');
  const gone = new Set(removed);
  return filesOf(known.octets).filter((_, i) => !gone.has(fileReference(known.id, paths[i]!.path)));
}
