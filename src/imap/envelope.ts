// ENVELOPE: RFC 9051 §7.5.2. Header values stay as they are, encoded words too: what is 7-bit goes as a
// quoted string, everything else as a literal with the octets of the message.

import { isUtf8 } from 'node:buffer';
import { type HeaderField, parseHeader } from '../mail/header.ts';
import type { MailboxOrGroup, NamedMailbox } from '../mail/structured.ts';
import { parseAddressList } from '../mail/structured.ts';
import { wireString } from './wire-string.ts';

/** The fields of one header that an envelope is made of, and the octets they were read from. */
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

  /** The value of the first field of the name; '' where there is none. */
  value(name: string): string {
    return this.#byName.get(name)?.[0]?.value ?? '';
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
    const value = destinations.has(name) ? this.values(name) : this.value(name);
    const list = value === '' ? [] : parseAddressList(value);
    this.#addresses.set(name, list);
    return list;
  }

  format(): string {
    const from = this.#list('from');
    const fallback = (list: string): string => (list === 'NIL' ? from : list);
    return `(${[
      this.#text('date'),
      this.#text('subject'),
      from,
      // RFC 9051 §7.5.2: absent or empty Sender and Reply-To are the same as From.
      fallback(this.#list('sender')),
      fallback(this.#list('reply-to')),
      this.#list('to'),
      this.#list('cc'),
      this.#list('bcc'),
      this.#text('in-reply-to'),
      this.#text('message-id'),
    ].join(' ')})`;
  }

  /** RFC 9051 §7.5.2: NIL where the field is absent, the empty string where it is empty. */
  #text(name: string): string {
    const field = this.#byName.get(name)?.[0];
    return field === undefined ? 'NIL' : wireString(this.#octets(name, field.value));
  }

  #list(name: string): string {
    const list = this.addresses(name);
    if (list.length === 0) return 'NIL';
    const octets = (text: string): string => this.#octets(name, text);
    return `(${list.map((entry) => formatEntry(entry, octets)).join('')})`;
  }

  /** What the text was read from: UTF-8 or octets of their own kind. */
  #octets(name: string, text: string): string {
    if (!/[^\x00-\x7f]/.test(text)) return text;
    const raw = this.#byName.get(name)!;
    const utf8 = raw.every(({ offset, length }) =>
      isUtf8(this.#bytes.subarray(offset, offset + length)),
    );
    return Buffer.from(text, utf8 ? 'utf8' : 'latin1').toString('latin1');
  }
}

const destinations = new Set(['to', 'cc', 'bcc']);

const envelopeNames = new Set([
  'date',
  'subject',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'in-reply-to',
  'message-id',
  'references',
]);

/** An envelope of nothing, for an embedded message that could not be looked into. */
export const emptyEnvelope = '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)';

type ToOctets = (text: string) => string;

function formatEntry(entry: MailboxOrGroup, octets: ToOctets): string {
  if (entry.kind === 'mailbox') return formatMailbox(entry, octets);
  // RFC 9051 §7.5.2: a group is marked by addresses without a host before and behind its members.
  const members = entry.mailboxes.map((mailbox) => formatMailbox(mailbox, octets)).join('');
  return `(NIL NIL ${wireString(octets(entry.name))} NIL)${members}(NIL NIL NIL NIL)`;
}

/**
 * RFC 9051 §7.5.2: no host means a group, so an address without a domain has an empty one. addr-adl
 * is the source route, which RFC 5322 §4.4 asks to ignore when mail is sent.
 */
function formatMailbox({ name, local, domain, route }: NamedMailbox, octets: ToOctets): string {
  const shown = name === undefined ? 'NIL' : wireString(octets(name));
  const adl = route === undefined ? 'NIL' : wireString(octets(route));
  return `(${shown} ${adl} ${wireString(octets(local))} ${wireString(octets(domain))})`;
}
