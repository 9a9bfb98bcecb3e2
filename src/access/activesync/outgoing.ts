// Mail that a device sends: to whom it goes, without Bcc; what it answers or sends on is put under it where the device
// leaves that to us; a copy in Sent, once; what was answered is marked. [MS-ASCMD] 2.2.1.17 to 2.2.1.20.

import { nameOf } from '../../activesync/mail-item.ts';
import { stackOf } from '../../base/error-text.ts';
import type { ComposedFile } from '../../mail/composed-message.ts';
import { composedBody } from '../../mail/composed-message.ts';
import type { BodyPart } from '../../mail/digest/digest.ts';
import { leafParts } from '../../mail/digest/leaf-parts.ts';
import { messageFacts } from '../../mail/digest/message-facts.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { parseMessageIds } from '../../mail/fields/message-ids.ts';
import { mailboxesOf, parseAddressList, writtenAddress } from '../../mail/fields/structured.ts';
import { dropFields } from '../../mail/header/dropped-fields.ts';
import { findHeaderEnd, foldHeader, headerValue, parseHeader } from '../../mail/header/header.ts';
import { decodeTransferEncoding } from '../../mail/mime/transfer-decoding.ts';
import { parseMessage } from '../../mail/parsed-message.ts';
import type { StoredRecord } from '../../store/record-store.ts';
import { keepWhole } from '../../store/whole-content.ts';
import type { Context } from './context.ts';
import { MailNotTaken, namesOf } from './context.ts';
import { deviceKey } from './device-book.ts';
import { specialFolder } from './folder-names.ts';
import { readOctets } from './items.ts';
import { factsOf } from './message-facts.ts';

export interface SourceMessage {
  readonly folder: number;
  readonly uid: number;
}

export interface Outgoing {
  readonly message: Uint8Array;
  /** By which the device asks again when it does not hear the answer: it is sent once. Undefined: it has none. */
  readonly name?: string | undefined;
  readonly saveInSent: boolean;
  readonly source:
    | (SourceMessage & {
        readonly as: 'reply' | 'forward';
        /** The message has all that it needs of what it answers. */
        readonly replaceMime: boolean;
      })
    | undefined;
}

const kind = 'activesync-sent';
/** Limit: for how long a message that was sent is known by the device's name for it. */
const rememberedMs = 24 * 60 * 60_000;
/** The copy is kept, and what was answered is marked. */
const allDone = 'done';

/** With what follows from it. Whoever was cut off somewhere on the way asks again, and it goes on from there. @throws MailNotTaken */
export async function sendOut(context: Context, outgoing: Outgoing): Promise<void> {
  try {
    await sendAll(context, outgoing);
  } catch (error) {
    if (error instanceof MailNotTaken)
      context.log.info('device could not send', {
        ...namesOf(context.call),
        reason: error.message,
      });
    throw error;
  }
}

async function sendAll(context: Context, outgoing: Outgoing): Promise<void> {
  const { message, saveInSent, source } = outgoing;
  const { call, settings, log } = context;
  const record = recordOf(context, outgoing.name);
  const known = record && (await context.records.get(kind, record.key));
  if (known?.value === allDone) return;
  if (message.length > settings().messageSize) throw new MailNotTaken('the message is too large');
  const original = source && (await originalOf(context, source));
  const whole =
    source === undefined || original === undefined
      ? Buffer.from(message)
      : withOriginal(Buffer.from(message), original, source);
  const { sender, recipients } = peopleOf(whole);
  if (sender === undefined || recipients.length === 0)
    throw new MailNotTaken('there is no sender, or nobody to send it to');
  if (known === undefined)
    await context.send({
      ...{ account: call.account, client: call.client, sender, recipients, record },
      device: `${call.line.deviceType} ${call.line.deviceId}, ${call.line.command}`,
      logged: namesOf(call),
      content: dropFields(whole, ['bcc', 'resent-bcc']),
    });
  try {
    if (saveInSent) await keepCopy(context, whole, known !== undefined);
    if (source !== undefined && original !== undefined) {
      const flags = source.as === 'reply' ? ['\\Answered'] : ['$Forwarded'];
      await mark(context, source, flags);
    }
    if (record !== undefined) await context.records.put([{ ...record, value: allDone }]);
  } catch (error) {
    // It has been sent: a device that heard of a failure would send it again.
    log.error('sent mail not kept', { ...namesOf(call), error: stackOf(error) });
  }
}

/** The name of a message in `marked`. */
export const markedKey = ({ call }: Context, { folder, uid }: SourceMessage): string =>
  `${deviceKey(call.account, call.line.deviceId)} ${folder}:${uid}`;

async function mark(context: Context, { folder, uid }: SourceMessage, flags: readonly string[]) {
  const before = await factsOf(context, folder, uid);
  const { messages } = await context.store.store(folder, [uid], { kind: 'add', flags });
  const after = messages.modseq[0];
  if (before !== undefined && after !== undefined)
    context.marked.set(markedKey(context, { folder, uid }), [before.modseq, after]);
}

function peopleOf(message: Uint8Array) {
  const fields = parseHeader(message);
  const addressesIn = (name: string) =>
    fields
      .filter(({ lowerName }) => lowerName === name)
      .flatMap(({ value }) => mailboxesOf(parseAddressList(value)))
      .filter(({ local, domain }) => local !== '' && domain !== '')
      .map(writtenAddress);
  return {
    sender: addressesIn('from')[0],
    recipients: [...new Set(['to', 'cc', 'bcc'].flatMap(addressesIn))],
  };
}

/** By that name of the device's, not too long ago. */
export async function wasSent(context: Context, name: string): Promise<boolean> {
  return (await context.records.get(kind, recordOf(context, name)!.key)) !== undefined;
}

function recordOf({ call, clock }: Context, name: string | undefined): StoredRecord | undefined {
  if (name === undefined) return undefined;
  const key = `${deviceKey(call.account, call.line.deviceId)} ${name}`;
  return { kind, key, value: '', expires: clock.now() + rememberedMs };
}

/** `maybe` there is one. */
async function keepCopy(context: Context, bytes: Buffer, maybe: boolean): Promise<void> {
  const { store, spool, call, clock } = context;
  await store.ensure(call.account);
  const sent = await specialFolder(store, call.account, 'Sent');
  if (sent === undefined) return;
  const id = headerValue(parseHeader(bytes), 'message-id')?.trim() ?? '';
  const term = { kind: 'header', name: 'message-id', text: id } as const;
  if (maybe && id !== '' && (await store.search(sent.id, term)).length > 0) return;
  // It has been sent: a mailbox that is full does not make it unsent.
  await keepWhole(bytes, spool, (content) =>
    store.append(sent.id, [{ content, flags: ['\\Seen'], received: clock.now() }]),
  );
}

/** Undefined when it is gone: the answer is sent without it. */
async function originalOf({ store, call }: Context, { folder, uid }: SourceMessage) {
  const [content] = await store.open(folder, [uid]);
  if (content === undefined) return undefined;
  await call.room(content.size);
  return readOctets(content);
}

function withOriginal(
  message: Buffer,
  original: Uint8Array,
  { as, replaceMime }: NonNullable<Outgoing['source']>,
): Buffer {
  const threaded = withThread(message, original);
  return replaceMime ? threaded : withQuote(threaded, original, as);
}

/** Limit: earlier messages that are named. */
const referencesMax = 20;

/** RFC 5322 §3.6.4: what is answered is named, where the device has not done it. */
function withThread(message: Buffer, original: Uint8Array): Buffer {
  const has = headerValue(parseHeader(message), 'in-reply-to') !== undefined;
  const fields = parseHeader(original);
  const [id] = parseMessageIds(headerValue(fields, 'message-id') ?? '', 1);
  if (has || id === undefined) return message;
  const earlier = headerValue(fields, 'references') ?? headerValue(fields, 'in-reply-to') ?? '';
  const all = [...parseMessageIds(earlier).slice(1 - referencesMax), id].map((one) => `<${one}>`);
  const field = (name: string, value: string) => foldHeader(name, value);
  const front = `${field('In-Reply-To', `<${id}>`)}${field('References', all.join(' '))}`;
  return Buffer.concat([Buffer.from(front), message]);
}

/** The fields of what the device wrote, and a body of both: its words, then those of the original. */
function withQuote(message: Buffer, original: Uint8Array, as: 'reply' | 'forward'): Buffer {
  const own = parseMessage(message);
  const quoted = parseMessage(original);
  const head = quotedHead(quoted);
  const hasHtml = own.html !== undefined || quoted.html !== undefined;
  const text = `${own.plainText}\r\n\r\n${head}\r\n\r\n${quoted.plainText}`;
  const html = hasHtml
    ? `${own.html ?? asHtml(own.plainText)}<hr><pre>${escaped(head)}</pre>${quoted.html ?? asHtml(quoted.plainText)}`
    : '';
  const files = [
    ...filesOf(message),
    // What an answer shows of the original it shows with its pictures; its files are sent on only.
    ...filesOf(original).filter(({ cid }) => as === 'forward' || (hasHtml && cid !== undefined)),
  ];
  const names = ['content-type', 'content-transfer-encoding', 'content-disposition', 'content-id'];
  const rest = dropFields(message, [...names, 'mime-version']);
  const header = withoutEnd(rest.subarray(0, findHeaderEnd(rest)));
  const body = composedBody({ text, html, files });
  return Buffer.concat([header, Buffer.from(`MIME-Version: 1.0\r\n${body}`)]);
}

/** Without the empty line, and ending with a line end. */
function withoutEnd(header: Buffer): Buffer {
  const text = header.toString('latin1').replace(/(?:\r?\n)+$/, '');
  return Buffer.from(text === '' ? '' : `${text}\r\n`, 'latin1');
}

function quotedHead(message: ReturnType<typeof parseMessage>): string {
  const line = (name: string) => {
    const value = message.header(name);
    return value === undefined ? [] : [`${name}: ${value}`];
  };
  return ['From', 'Date', 'To', 'Cc', 'Subject'].flatMap(line).join('\r\n');
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const asHtml = (text: string): string => `<div>${escaped(text).replace(/\r?\n/g, '<br>')}</div>`;

/** Everything of a message that is not shown as text. */
export function filesOf(message: Uint8Array): readonly ComposedFile[] {
  const { body } = messageFacts(message).digest;
  return leafParts(body)
    .filter(({ kind }) => kind !== 'text')
    .map(({ part, kind }) => ({
      name: nameOf(part),
      type: `${part.type}/${part.subtype}`,
      content: partOctets(message, part),
      cid:
        kind === 'inline' && part.id !== undefined
          ? decodeEncodedWords(part.id)
              .trim()
              .replace(/^<(.*)>$/, '$1')
          : undefined,
    }));
}

/** Without its transfer encoding. */
export function partOctets(message: Uint8Array, { bodyStart, bodyEnd, encoding }: BodyPart) {
  const body = message.subarray(bodyStart, bodyEnd);
  return decodeTransferEncoding(body, encoding) ?? body;
}
