// From what a milter wants changed to what is done: fields, a new body, another sender, recipients. What makes no
// sense (an address that is none) is a failure of the filter, and nothing of it is done.

import type { Mailbox } from '../../mail/fields/address.ts';
import { formatMailbox, parseMailbox } from '../../mail/fields/address.ts';
import type { Splice } from '../../mail/header/header-cut.ts';
import { HeaderEdit } from '../../mail/header/header-edit.ts';
import type { Change } from '../../milter/answers.ts';
import { parseStoredMailParams, parseStoredRcptParams } from '../../smtp/extensions/index.ts';
import { storedSize } from '../../store/content.ts';
import type { Envelope } from '../envelope.ts';
import type { Draft, FilterAnswer, RecipientChange } from '../policy.ts';
import { MilterFailure } from './milter-connection.ts';

export interface Changed {
  readonly answer: FilterAnswer;
  /** For people. */
  readonly told: readonly string[];
}

/** `leadingSpace`: the space behind a colon is the filter's affair. */
export function changedBy(
  changes: readonly Change[],
  { draft, envelope, leadingSpace }: { draft: Draft; envelope: Envelope; leadingSpace: boolean },
): Changed {
  const edit = new HeaderEdit({
    ...draft,
    head: draft.arrival.head.subarray(0, draft.arrival.header.end),
  });
  const told: string[] = [];
  const body: Uint8Array[] = [];
  const recipients: RecipientChange[] = [];
  let sender: FilterAnswer['sender'];
  let held = false;
  const spaced = (value: Uint8Array) => (leadingSpace ? value : Buffer.concat([space, value]));
  for (const change of changes) {
    switch (change.kind) {
      case 'add-header':
        edit.append(change.name, spaced(change.value));
        told.push(`added ${change.name}`);
        break;
      case 'insert-header':
        edit.insert(change.index, change.name, spaced(change.value));
        told.push(`added ${change.name}`);
        break;
      case 'change-header':
        edit.change(change.index, change.name, change.value && spaced(change.value));
        told.push(`${change.value === undefined ? 'took out' : 'changed'} ${change.name}`);
        break;
      case 'replace-body':
        if (body.length === 0) told.push('replaced the body');
        body.push(change.bytes);
        break;
      case 'change-sender':
        sender = senderOf(change, envelope);
        told.push(`changed the sender to <${change.address}>`);
        break;
      case 'add-recipient':
        // Field: nobody is neither added nor taken out, as Postfix has it.
        if (change.address === '') break;
        recipients.push({
          kind: 'add',
          mailbox: recipientOf(change.address),
          params: parseStoredRcptParams(change.params.map(upperKey)),
        });
        told.push(`added the recipient ${change.address}`);
        break;
      case 'delete-recipient':
        if (change.address === '') break;
        recipients.push({ kind: 'remove', mailbox: recipientOf(change.address) });
        told.push(`took out the recipient ${change.address}`);
        break;
      case 'quarantine':
        held = true;
        told.push(`held: ${change.reason}`);
        break;
    }
  }
  const { splices, above, below } = edit.result();
  const all = body.length === 0 ? splices : [...splices, newBody(body, draft)];
  return { told, answer: { above, below, splices: all, sender, recipients, held } };
}

const space = Buffer.from(' ');

function senderOf(
  { address, params }: Extract<Change, { kind: 'change-sender' }>,
  envelope: Envelope,
): NonNullable<FilterAnswer['sender']> {
  const given = parseStoredMailParams(params.map(upperKey));
  const kept = envelope.params.filter(({ name }) => given.every((one) => one.name !== name));
  return { sender: address === '' ? null : mailboxOf(address), params: [...kept, ...given] };
}

/** Field: filters write `postmaster` and `root`. Whoever has such a name without a domain is for the address map to say. */
const recipientOf = (address: string): Mailbox =>
  address.includes('@') ? mailboxOf(address) : { ...mailboxOf(`${address}@localhost`), domain: '' };

function mailboxOf(address: string): Mailbox {
  const mailbox = parseMailbox(address);
  if (mailbox === undefined) throw new MilterFailure('an address that is none');
  // Only what we would write ourselves.
  if (parseMailbox(formatMailbox(mailbox)) === undefined) throw new MilterFailure('a bad address');
  return mailbox;
}

const upperKey = (param: string): string => param.replace(/^[^=]+/, (key) => key.toUpperCase());

const CR = 0x0d;
const LF = 0x0a;

/** Its lines end with CRLF, whatever they ended with: RFC 5321 §2.3.8. */
function newBody(pieces: readonly Uint8Array[], { arrival }: Draft): Splice {
  const body = Buffer.concat(pieces);
  const { content, header, head } = arrival;
  const put = withLines(body);
  const isApart = /(^|\n)\r?\n$/.test(Buffer.from(head.subarray(0, header.end)).toString('latin1'));
  return {
    ...{ start: header.end, end: storedSize(content) },
    put: isApart ? put : Buffer.concat([Buffer.from('\r\n'), put]),
  };
}

function withLines(body: Buffer): Buffer {
  let more = 0;
  for (let at = 0; at < body.length; at += 1) if (isBare(body, at)) more += 1;
  if (more === 0) return body;
  const lines = Buffer.alloc(body.length + more);
  let to = 0;
  for (let at = 0; at < body.length; at += 1) {
    const octet = body[at]!;
    if (octet === LF && isBare(body, at)) to = lines.writeUInt8(CR, to);
    to = lines.writeUInt8(octet, to);
    if (octet === CR && isBare(body, at)) to = lines.writeUInt8(LF, to);
  }
  return lines;
}

const isBare = (body: Buffer, at: number): boolean =>
  body[at] === LF ? body[at - 1] !== CR : body[at] === CR && body[at + 1] !== LF;
