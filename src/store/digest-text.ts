// Digests as they are kept and as they cross between threads: texts of their fields one behind the other, in
// the order in which they are read. A digest that was kept is taken apart when somebody looks at it,
// envelope and body each for itself. Decision 24 says what else was tried.

import type {
  BodyDisposition,
  BodyPart,
  DigestedMessage,
  MessageDigest,
} from '../mail/digest/digest.ts';
import { type Envelope, noFields } from '../mail/fields/envelope.ts';
import type { Parameter } from '../mail/fields/parameters.ts';
import type { MailboxOrGroup, NamedMailbox } from '../mail/fields/structured.ts';
import { FieldReader, FieldWriter } from './digest-fields.ts';

/** Raised whenever the text of a digest changes: what is kept in another form is made anew. */
export const digestForm = 1;

export interface DigestText {
  readonly envelope: string;
  readonly body: string;
  readonly preview: string;
}

export function digestText({ envelope, body, preview }: MessageDigest): DigestText {
  const [head, tree] = [new FieldWriter(), new FieldWriter()];
  writeEnvelope(envelope, head);
  writePart(body, tree);
  return { envelope: head.text, body: tree.text, preview };
}

/** Between the digests of several messages: nothing in them has a CR. */
export const digestSeparator = '\r';

export class KeptDigest implements MessageDigest {
  readonly preview: string;
  readonly #text: DigestText;

  constructor(text: DigestText) {
    this.#text = text;
    this.preview = text.preview;
  }

  // Not remembered: in a page of messages that are written one after the other, each would outlive its use.

  get envelope(): Envelope {
    return readEnvelope(new FieldReader(this.#text.envelope));
  }

  get body(): BodyPart {
    return readPart(new FieldReader(this.#text.body));
  }
}

const none: readonly never[] = [];

/** Bits of the number that an envelope begins with: which fields there are besides the addresses. */
const given = {
  date: 1,
  sent: 2,
  time: 4,
  subject: 8,
  inReplyTo: 16,
  messageId: 32,
  references: 64,
  latin1: 128,
} as const;

function writeEnvelope(envelope: Envelope, to: FieldWriter): void {
  const { date, sent, subject, inReplyTo, messageId, references, latin1 } = envelope;
  to.number(
    (date === undefined ? 0 : given.date) |
      (sent === undefined ? 0 : given.sent) |
      (sent?.ms === undefined ? 0 : given.time) |
      (subject === undefined ? 0 : given.subject) |
      (inReplyTo === undefined ? 0 : given.inReplyTo) |
      (messageId === undefined ? 0 : given.messageId) |
      (references.length === 0 ? 0 : given.references) |
      (latin1.size === 0 ? 0 : given.latin1),
  );
  if (date !== undefined) to.string(date);
  if (sent !== undefined) to.string(String(sent.day));
  if (sent?.ms !== undefined) to.string(String(sent.ms));
  for (const text of [subject, inReplyTo, messageId]) if (text !== undefined) to.string(text);
  // White space is taken out of identifiers: mail/fields/message-ids.ts.
  if (references.length > 0) to.string(references.join(' '));
  if (latin1.size > 0) to.string([...latin1].join(' '));
  for (const list of [envelope.from, envelope.sender, envelope.replyTo]) writeList(list, to);
  for (const list of [envelope.to, envelope.cc, envelope.bcc]) writeList(list, to);
}

function readEnvelope(from: FieldReader): Envelope {
  const bits = from.number();
  const date = bits & given.date ? from.string() : undefined;
  const sent = bits & given.sent ? readSent(bits, from) : undefined;
  const subject = bits & given.subject ? from.string() : undefined;
  const inReplyTo = bits & given.inReplyTo ? from.string() : undefined;
  const messageId = bits & given.messageId ? from.string() : undefined;
  const references = bits & given.references ? from.string().split(' ') : none;
  const latin1 = bits & given.latin1 ? new Set(from.string().split(' ')) : noFields;
  return {
    date,
    sent,
    subject,
    from: readList(from),
    sender: readList(from),
    replyTo: readList(from),
    to: readList(from),
    cc: readList(from),
    bcc: readList(from),
    inReplyTo,
    messageId,
    references,
    latin1,
  };
}

function readSent(bits: number, from: FieldReader): Envelope['sent'] {
  const day = Number(from.string());
  return { day, ms: bits & given.time ? Number(from.string()) : undefined };
}

// A list begins with the number of its entries, an entry with what kind it is of.

const kinds = { group: 1, named: 2, routed: 4 } as const;

function writeList(list: readonly MailboxOrGroup[], to: FieldWriter): void {
  to.number(list.length);
  for (const entry of list) {
    if (entry.kind === 'mailbox') {
      writeMailbox(entry, to);
      continue;
    }
    to.number(kinds.group);
    to.string(entry.name);
    writeList(entry.mailboxes, to);
  }
}

function writeMailbox({ name, local, domain, route }: NamedMailbox, to: FieldWriter): void {
  to.number((name === undefined ? 0 : kinds.named) | (route === undefined ? 0 : kinds.routed));
  if (name !== undefined) to.string(name);
  to.string(local);
  to.string(domain);
  if (route !== undefined) to.string(route);
}

function readList(from: FieldReader): readonly MailboxOrGroup[] {
  const count = from.count();
  if (count === 0) return none;
  const list: MailboxOrGroup[] = [];
  for (let i = 0; i < count; i += 1) list.push(readEntry(from));
  return list;
}

function readEntry(from: FieldReader): MailboxOrGroup {
  const bits = from.number();
  if (bits === kinds.group) {
    // There are no groups in groups.
    const name = from.string();
    return { kind: 'group', name, mailboxes: readList(from) as readonly NamedMailbox[] };
  }
  const name = bits & kinds.named ? from.string() : undefined;
  const local = from.string();
  const domain = from.string();
  if ((bits & kinds.routed) === 0) return { kind: 'mailbox', name, local, domain };
  return { kind: 'mailbox', name, local, domain, route: from.string() };
}

/** Bits of the number that a part begins with: what there is of it. */
const has = {
  params: 1,
  charset: 2,
  name: 4,
  id: 8,
  description: 16,
  md5: 32,
  location: 64,
  disposition: 128,
  language: 256,
  children: 512,
  message: 1024,
  attachment: 2048,
} as const;

const texts = ['charset', 'name', 'id', 'description', 'md5', 'location'] as const;

function writePart(part: BodyPart, to: FieldWriter): void {
  const { params, disposition, language, children, message } = part;
  let bits = 0;
  for (const key of texts) if (part[key] !== undefined) bits |= has[key];
  to.number(
    bits |
      (params.length === 0 ? 0 : has.params) |
      (disposition === undefined ? 0 : has.disposition) |
      (language.length === 0 ? 0 : has.language) |
      (children.length === 0 ? 0 : has.children) |
      (message === undefined ? 0 : has.message) |
      (part.isAttachment ? has.attachment : 0),
  );
  for (const text of [part.type, part.subtype, part.encoding]) to.string(text);
  const { headerStart, bodyStart, bodyEnd, lines } = part;
  for (const number of [headerStart, bodyStart, bodyEnd, lines]) to.number(number);
  if (params.length > 0) writeParams(params, to);
  for (const key of texts) if (part[key] !== undefined) to.string(part[key]);
  if (disposition !== undefined) {
    to.string(disposition.value);
    writeParams(disposition.params, to);
  }
  if (language.length > 0) writeEach(language, to, (tag) => to.string(tag));
  if (children.length > 0) writeEach(children, to, (child) => writePart(child, to));
  if (message === undefined) return;
  writeEnvelope(message.envelope, to);
  writePart(message.body, to);
}

/** What follows is read in the order of the properties. */
function readPart(from: FieldReader): BodyPart {
  const bits = from.number();
  return {
    isAttachment: (bits & has.attachment) !== 0,
    type: from.string(),
    subtype: from.string(),
    encoding: from.string(),
    headerStart: from.number(),
    bodyStart: from.number(),
    bodyEnd: from.number(),
    lines: from.number(),
    params: bits & has.params ? readParams(from) : none,
    charset: bits & has.charset ? from.string() : undefined,
    name: bits & has.name ? from.string() : undefined,
    id: bits & has.id ? from.string() : undefined,
    description: bits & has.description ? from.string() : undefined,
    md5: bits & has.md5 ? from.string() : undefined,
    location: bits & has.location ? from.string() : undefined,
    disposition: bits & has.disposition ? readDisposition(from) : undefined,
    language: bits & has.language ? readEach(from, () => from.string()) : none,
    children: bits & has.children ? readEach(from, () => readPart(from)) : none,
    message: bits & has.message ? readMessage(from) : undefined,
  };
}

const readDisposition = (from: FieldReader): BodyDisposition => ({
  value: from.string(),
  params: readParams(from),
});

const readMessage = (from: FieldReader): DigestedMessage => ({
  envelope: readEnvelope(from),
  body: readPart(from),
});

const writeParams = (params: readonly Parameter[], to: FieldWriter): void =>
  writeEach(params, to, ({ name, value }) => {
    to.string(name);
    to.string(value);
  });

const readParams = (from: FieldReader): readonly Parameter[] =>
  readEach(from, () => ({ name: from.string(), value: from.string() }));

function writeEach<T>(list: readonly T[], to: FieldWriter, write: (one: T) => void): void {
  to.number(list.length);
  for (const one of list) write(one);
}

function readEach<T>(from: FieldReader, read: () => T): readonly T[] {
  const count = from.count();
  const list: T[] = [];
  for (let i = 0; i < count; i += 1) list.push(read());
  return list;
}
