// What messages are sorted and threaded by, made of their envelopes. RFC 5256 §2, §3, RFC 5957 §3.

import { decodeEncodedWords } from '../fields/encoded-word.ts';
import type { Envelope } from '../fields/envelope.ts';
import { parseMessageIds } from '../fields/message-ids.ts';
import type { MailboxOrGroup } from '../fields/structured.ts';
import { casemap } from '../text/casemap.ts';
import { baseSubject } from './base-subject.ts';
import { addressOf } from './searched-text.ts';

/** Strings are as they are compared: see casemap.ts. */
export interface SortKeys {
  /** RFC 5256 §2.2; undefined: use the internal date. */
  readonly sentMs: number | undefined;
  /** RFC 5256 §2.1: base subject. */
  readonly subject: string;
  /** The subject was a reply or forward before it was reduced to its base. */
  readonly isReply: boolean;
  /** RFC 5256 §3: local part of the first address; '' for none. */
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  /** RFC 5957 §3: display name of the first address, or its address. */
  readonly displayFrom: string;
  readonly displayTo: string;
  /** Without angle brackets and quotes; '' for none. */
  readonly messageId: string;
  /** RFC 5256 §3: of References, or the first of In-Reply-To. */
  readonly references: readonly string[];
}

/** Limit: characters of one address or subject that are compared. */
const sortTextMax = 500;

export function sortKeysOf(envelope: Envelope): SortKeys {
  const { base, isReply } = baseSubject(decodeEncodedWords(envelope.subject ?? ''));
  const from = firstAddress(envelope.from);
  const to = firstAddress(envelope.to);
  return {
    sentMs: sentMs(envelope),
    subject: compared(base),
    isReply,
    from: compared(from.mailbox),
    to: compared(to.mailbox),
    cc: compared(firstAddress(envelope.cc).mailbox),
    displayFrom: compared(from.display),
    displayTo: compared(to.display),
    messageId: parseMessageIds(envelope.messageId ?? '', 1)[0] ?? '',
    references: referencesOf(envelope),
  };
}

const compared = (text: string): string => casemap(text.slice(0, sortTextMax));

/** RFC 5256 §2.2: a time that cannot be read is 00:00:00, a zone that cannot be read is UTC. */
const sentMs = ({ sent }: Envelope): number | undefined =>
  sent && (sent.ms ?? sent.day * 86_400_000);

/** RFC 5256 §3: In-Reply-To counts only where References has no identifier. */
const referencesOf = ({ references, inReplyTo }: Envelope): readonly string[] =>
  references.length === 0 && inReplyTo !== undefined ? parseMessageIds(inReplyTo, 1) : references;

const nobody = { mailbox: '', display: '' };

function firstAddress(list: readonly MailboxOrGroup[]): typeof nobody {
  const [first] = list;
  if (first === undefined) return nobody;
  // RFC 5256 §3: addr-mailbox of the first address; of a group, which has one too, that is its name.
  if (first.kind === 'group') return { mailbox: first.name, display: displayed(first.name, '') };
  return { mailbox: first.local, display: displayed(first.name, addressOf(first)) };
}

const displayed = (name: string | undefined, otherwise: string): string =>
  decodeEncodedWords(name ?? '').trim() || otherwise;
