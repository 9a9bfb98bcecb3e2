// A message as a device gets it: the properties of the class Email. [MS-ASEMAIL] 2.2.2, [MS-ASAIRS] 2.2.2.8. What the
// version of a device does not know is left out.

import { hash } from 'node:crypto';
import type { BodyPart, MessageDigest } from '../mail/digest/digest.ts';
import { leafParts } from '../mail/digest/leaf-parts.ts';
import { decodeEncodedWords } from '../mail/fields/encoded-word.ts';
import type { MailboxOrGroup } from '../mail/fields/structured.ts';
import { mailboxesOf, writtenAddress } from '../mail/fields/structured.ts';
import { isSecured, shownBody } from './shown-body.ts';
import type { ItemShape } from './sync-options.ts';
import type { Version } from './versions.ts';
import { isAtLeast } from './versions.ts';
import type { Element } from './wbxml/element.ts';
import { element } from './wbxml/element.ts';

export interface MailItem {
  readonly serverId: string;
  readonly digest: MessageDigest;
  /** All of it. */
  readonly message: Uint8Array;
  readonly state: MailState;
}

/** What changes of a message. */
export interface MailState {
  readonly seen: boolean;
  readonly answered: boolean;
  readonly flagged: boolean;
  readonly draft: boolean;
  readonly keywords: readonly string[];
  /** Internal date, milliseconds since the epoch. */
  readonly received: number;
}

/** Limit: characters of a list of addresses; [MS-ASEMAIL] 2.2.2.79 has 32,768. */
const addressesMax = 32_768;

/** All properties, in the order of [MS-ASEMAIL]. */
export function mailProperties(item: MailItem, shape: ItemShape, version: Version): Element[] {
  const { digest, state, message, serverId } = item;
  const { envelope, body } = digest;
  const subject = decodeEncodedWords(envelope.subject ?? '');
  const addresses = (tag: AddressTag, list: readonly MailboxOrGroup[]) =>
    list.length === 0 ? undefined : element(tag, addressText(list));
  return [
    addresses('Email:To', envelope.to),
    addresses('Email:Cc', envelope.cc),
    addresses('Email:From', envelope.from),
    element('Email:Subject', subject),
    addresses('Email:ReplyTo', envelope.replyTo),
    element('Email:DateReceived', dateText(state.received)),
    envelope.to.length === 0 ? undefined : element('Email:DisplayTo', namesText(envelope.to)),
    element('Email:ThreadTopic', subject.replace(/^(?:\s*(?:re|fwd?|aw|wg)\s*:)+\s*/i, '')),
    element('Email:Importance', '1'),
    ...changingProperties(state, version),
    attachments(body, serverId),
    ...shownBody(
      { body, preview: digest.preview, message },
      isAtLeast(version, '14.1') ? shape : { ...shape, parts: [] },
    ),
    element('Email:MessageClass', messageClass(body)),
    element('Email:InternetCPID', '65001'),
    element('Email:ContentClass', 'urn:content-classes:message'),
    ...conversation(digest, state, version),
    isAtLeast(version, '16.0') && state.draft ? addresses('Email2:Bcc', envelope.bcc) : undefined,
    isAtLeast(version, '16.0') ? element('Email2:IsDraft', state.draft ? '1' : '0') : undefined,
  ].filter((each) => each !== undefined);
}

type AddressTag = 'Email:To' | 'Email:Cc' | 'Email:From' | 'Email:ReplyTo' | 'Email2:Bcc';

/** What a Change tells. */
export function changingProperties(state: MailState, version: Version): Element[] {
  const categories = categoriesOf(state.keywords);
  const verb = state.keywords.some((word) => word.toLowerCase() === '$forwarded')
    ? '3'
    : state.answered
      ? '1'
      : '0';
  return [
    element('Email:Read', state.seen ? '1' : '0'),
    state.flagged
      ? element('Email:Flag', [
          element('Email:Status', '2'),
          element('Email:FlagType', 'Flag for follow up'),
        ])
      : element('Email:Flag'),
    element(
      'Email:Categories',
      categories.map((word) => element('Email:Category', word)),
    ),
    ...(isAtLeast(version, '14.0') ? [element('Email2:LastVerbExecuted', verb)] : []),
  ];
}

/** Keywords that people chose: the others say something to programs. RFC 5788 has names with `$` for those. */
export const categoriesOf = (keywords: readonly string[]): readonly string[] =>
  keywords.filter((word) => !/^\$|^(?:non)?junk$|^notjunk$/i.test(word));

/** [MS-ASDTYPE] 2.3 */
export const dateText = (ms: number): string => new Date(ms).toISOString();

function addressText(list: readonly MailboxOrGroup[]): string {
  const texts = mailboxesOf(list).map((mailbox) => {
    const address = writtenAddress(mailbox);
    const shown = decodeEncodedWords(mailbox.name ?? '').replace(/["\\]/g, '');
    return shown === '' ? address : `"${shown}" <${address}>`;
  });
  return joined(texts, ', ');
}

const namesText = (list: readonly MailboxOrGroup[]): string =>
  joined(
    mailboxesOf(list).map((mailbox) =>
      mailbox.name ? decodeEncodedWords(mailbox.name) : writtenAddress(mailbox),
    ),
    ';',
  );

/** As many as there is room for. */
function joined(texts: readonly string[], between: string): string {
  let text = '';
  for (const each of texts) {
    const longer = text === '' ? each : `${text}${between}${each}`;
    if (longer.length > addressesMax) break;
    text = longer;
  }
  return text;
}

/** [MS-ASEMAIL] 2.2.2.49 */
function messageClass(body: BodyPart): string {
  const { type, subtype, params } = body;
  if (isSecured(body)) {
    return type === 'multipart' ? 'IPM.Note.SMIME.MultipartSigned' : 'IPM.Note.SMIME';
  }
  const report = params.find(({ name }) => name.toLowerCase() === 'report-type')?.value;
  if (type !== 'multipart' || subtype !== 'report') return 'IPM.Note';
  return report?.toLowerCase() === 'disposition-notification'
    ? 'REPORT.IPM.Note.IPNRN'
    : 'REPORT.IPM.Note.NDR';
}

/** `ServerId:part`, which names a part of a message for ItemOperations. */
export const fileReference = (serverId: string, path: string): string => `${serverId}:${path}`;

/** [MS-ASAIRS] 2.2.2.34: a file, or a message. */
const method = { file: '1', message: '5' } as const;

function attachments(body: BodyPart, serverId: string): Element | undefined {
  const parts = leafParts(body).filter(({ kind }) => kind !== 'text');
  if (parts.length === 0) return undefined;
  return element(
    'AirSyncBase:Attachments',
    parts.map(({ path, part, kind }) =>
      element('AirSyncBase:Attachment', [
        element('AirSyncBase:DisplayName', nameOf(part)),
        element('AirSyncBase:FileReference', fileReference(serverId, path)),
        element('AirSyncBase:Method', part.message === undefined ? method.file : method.message),
        element('AirSyncBase:EstimatedDataSize', decodedSize(part)),
        part.id === undefined
          ? undefined
          : element('AirSyncBase:ContentId', part.id.trim().replace(/^<(.*)>$/, '$1')),
        kind === 'inline' ? element('AirSyncBase:IsInline', '1') : undefined,
      ]),
    ),
  );
}

export function nameOf({ name, message, type, subtype }: BodyPart): string {
  if (name !== undefined && name !== '') return name;
  const subject = decodeEncodedWords(message?.envelope.subject ?? '');
  return message === undefined ? `${type}.${subtype}` : `${subject || 'message'}.eml`;
}

/** Nearly: of base64, line ends and padding are guessed. */
const decodedSize = ({ bodyStart, bodyEnd, encoding }: BodyPart): number =>
  encoding === 'base64' ? Math.floor(((bodyEnd - bodyStart) * 3) / 4.1) : bodyEnd - bodyStart;

/** [MS-ASCON] 2.2.2.3 and 2.2.2.4 */
function conversation(
  { envelope }: MessageDigest,
  { received }: MailState,
  version: Version,
): readonly (Element | undefined)[] {
  if (!isAtLeast(version, '14.0')) return [];
  const sender = envelope.sender[0] === undefined ? undefined : addressText(envelope.sender);
  return [
    element('Email2:ConversationId', conversationId(envelope)),
    element('Email2:ConversationIndex', conversationIndex(received)),
    sender === undefined || sender === addressText(envelope.from)
      ? undefined
      : element('Email2:Sender', sender),
  ];
}

/** Sixteen octets that all messages of a thread have in common. */
export function conversationId({
  references,
  inReplyTo,
  messageId,
  subject,
}: MessageDigest['envelope']): Uint8Array {
  const first = references[0] ?? inReplyTo ?? messageId ?? subject ?? '';
  const root = first.trim().replace(/^<([^>]*)>.*$/s, '$1');
  return hash('sha256', root, 'buffer').subarray(0, 16);
}

/** Five octets: the time, in units of 2^18 hundred nanoseconds since 1601. */
function conversationIndex(ms: number): Uint8Array {
  const since1601 = BigInt(Math.max(0, Math.round(ms)) + 11_644_473_600_000) * 10_000n;
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(since1601 >> 18n);
  return octets.subarray(3);
}
