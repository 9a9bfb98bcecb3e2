// What a header says of its date, its subject and its people, parsed: what IMAP shows as ENVELOPE, JMAP
// as convenience properties, what lists are sorted by and Sieve looks at. RFC 5322 §3.6. Total: any
// octets have an envelope. Encoded words are left as they are: see encoded-word.ts.

import { isUtf8 } from 'node:buffer';
import { type HeaderField, parseHeader } from '../header/header.ts';
import { readDate, type WrittenDate } from './date.ts';
import { parseMessageIds } from './message-ids.ts';
import type { MailboxOrGroup } from './structured.ts';
import { parseAddressList } from './structured.ts';

export interface Envelope {
  /** The field as it is written, unfolded; '' where it is empty, undefined where there is none. */
  readonly date: string | undefined;
  /** What the date means, if it can be understood. */
  readonly sent: WrittenDate | undefined;
  readonly subject: string | undefined;
  readonly from: readonly MailboxOrGroup[];
  readonly sender: readonly MailboxOrGroup[];
  readonly replyTo: readonly MailboxOrGroup[];
  readonly to: readonly MailboxOrGroup[];
  readonly cc: readonly MailboxOrGroup[];
  readonly bcc: readonly MailboxOrGroup[];
  readonly inReplyTo: string | undefined;
  readonly messageId: string | undefined;
  /** Identifiers without their brackets; the last ones, if there are many. */
  readonly references: readonly string[];
  /**
   * Fields, by their names in lower case, whose octets were no UTF-8: each character of them stands for
   * one octet.
   */
  readonly latin1: ReadonlySet<string>;
}

const nothing: readonly never[] = [];
export const noFields: ReadonlySet<string> = new Set();

/** Of an embedded message that could not be looked into. */
export const emptyEnvelope: Envelope = {
  date: undefined,
  sent: undefined,
  subject: undefined,
  from: nothing,
  sender: nothing,
  replyTo: nothing,
  to: nothing,
  cc: nothing,
  bcc: nothing,
  inReplyTo: undefined,
  messageId: undefined,
  references: nothing,
  latin1: noFields,
};

/** Limit: a thread with more generations is put together from what its other messages know. */
const referencesMax = 100;

/** The fields of one header that an envelope is made of. */
export class EnvelopeFields {
  readonly #bytes: Uint8Array;
  readonly #byName = new Map<string, HeaderField[]>();
  readonly #addresses = new Map<string, readonly MailboxOrGroup[]>();

  constructor(header: Uint8Array) {
    this.#bytes = header;
    for (const field of parseHeader(header, { names: envelopeNames })) {
      const same = this.#byName.get(field.lowerName);
      if (same === undefined) this.#byName.set(field.lowerName, [field]);
      else same.push(field);
    }
  }

  /** The value of the first field of the name; undefined where there is none. */
  value(name: string): string | undefined {
    return this.#byName.get(name)?.[0]?.value;
  }

  /** All fields of the name, as one text. */
  values(name: string): string {
    const fields = this.#byName.get(name);
    if (fields === undefined) return '';
    return fields.length === 1 ? fields[0]!.value : fields.map((field) => field.value).join(', ');
  }

  /**
   * RFC 5322 §4.5.3: several destination fields count as one with all their addresses; of the
   * originator fields the first counts.
   */
  addresses(name: string): readonly MailboxOrGroup[] {
    const known = this.#addresses.get(name);
    if (known !== undefined) return known;
    const value = destinations.has(name) ? this.values(name) : (this.value(name) ?? '');
    const list = value === '' ? nothing : parseAddressList(value);
    this.#addresses.set(name, list);
    return list;
  }

  envelope(): Envelope {
    const date = this.value('date');
    return {
      date,
      sent: date === undefined ? undefined : readDate(date),
      subject: this.value('subject'),
      from: this.addresses('from'),
      sender: this.addresses('sender'),
      replyTo: this.addresses('reply-to'),
      to: this.addresses('to'),
      cc: this.addresses('cc'),
      bcc: this.addresses('bcc'),
      inReplyTo: this.value('in-reply-to'),
      messageId: this.value('message-id'),
      references: this.#references(),
      latin1: this.#latin1(),
    };
  }

  #references(): readonly string[] {
    const value = this.value('references') ?? '';
    const ids = value === '' ? nothing : parseMessageIds(value);
    return ids.length > referencesMax ? ids.slice(-referencesMax) : ids;
  }

  /** Header fields are UTF-8 (RFC 6532 §3.1), or octets of a kind that they do not tell. */
  #latin1(): ReadonlySet<string> {
    let found: Set<string> | undefined;
    for (const [name, fields] of this.#byName) {
      const octets = ({ offset, length }: HeaderField) =>
        this.#bytes.subarray(offset, offset + length);
      if (!fields.every((field) => isUtf8(octets(field)))) found = (found ?? new Set()).add(name);
    }
    return found ?? noFields;
  }
}

const destinations = new Set(['to', 'cc', 'bcc']);

const envelopeNames = new Set([
  ...['date', 'subject', 'from', 'sender', 'reply-to', 'to', 'cc', 'bcc'],
  ...['in-reply-to', 'message-id', 'references'],
]);
