// Messages as Mailpit's API v1 has them: https://mailpit.axllent.org/docs/api-v1/.

import { createHash } from 'node:crypto';
import type { FoundMessage } from '../../inbox/find-message.ts';
import type { ShownAddress, ShownMessage, ShownPart } from '../../inbox/shown-message.ts';
import { shownAddresses, withoutBrackets } from '../../inbox/shown-message.ts';
import { tagName, tagsOf } from '../../inbox/tags.ts';
import { leafParts } from '../../mail/digest/leaf-parts.ts';
import { addressKey } from '../../mail/fields/address.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { hasFlag } from '../../mailbox/flags.ts';
import type { FoundMail, MailPage } from '../../store/mail-question.ts';

const address = ({ name, address: Address }: ShownAddress) => ({ Name: name, Address });
const nobody = { Name: '', Address: '' };

/** Who got it without being named in To or Cc. */
function hidden(mail: FoundMail, named: readonly ShownAddress[]): readonly ShownAddress[] {
  const known = new Set(named.map((each) => addressKey(each.address)));
  const owners = new Set(mail.places.map(({ account }) => account));
  return [...owners]
    .filter((owner) => !known.has(owner))
    .map((owner) => ({ name: '', address: owner }));
}

/** Of a message that names nobody else, it is whoever has it. */
function bccOf(mail: FoundMail): readonly ShownAddress[] {
  const { to, cc, bcc } = mail.digest.envelope;
  const written = shownAddresses(bcc);
  return [...written, ...hidden(mail, [...shownAddresses([...to, ...cc]), ...written])];
}

export function summary(mail: FoundMail) {
  const { envelope, body, preview } = mail.digest;
  const [from] = shownAddresses(envelope.from);
  return {
    ID: mail.id,
    MessageID: withoutBrackets(envelope.messageId ?? ''),
    Read: hasFlag(mail.flags, '\\Seen'),
    From: from === undefined ? nobody : address(from),
    To: shownAddresses(envelope.to).map(address),
    Cc: shownAddresses(envelope.cc).map(address),
    Bcc: bccOf(mail).map(address),
    ReplyTo: shownAddresses(envelope.replyTo).map(address),
    Subject: decodeEncodedWords(envelope.subject ?? ''),
    Created: new Date(mail.received).toISOString(),
    Tags: tagsOf(mail.flags),
    Size: mail.size,
    Attachments: leafParts(body).filter(({ kind }) => kind === 'attachment').length,
    Snippet: preview,
  };
}

export function messageList({ found, all, tags, mails }: MailPage, start: number) {
  return {
    total: all.messages,
    unread: all.unseen,
    count: mails.length,
    messages_count: found.messages,
    messages_unread: found.unseen,
    start,
    tags: [...tags.keys()].map(tagName),
    messages: mails.map(summary),
  };
}

export function wholeMessage(mail: FoundMail, { octets }: FoundMessage, shown: ShownMessage) {
  const { From, To, Cc, Bcc, ReplyTo, Tags, ID, Subject, MessageID } = summary(mail);
  const files = (kind: ShownPart['kind']) =>
    shown.parts.filter((part) => part.kind === kind && (part.name ?? part.cid) !== undefined);
  return {
    ...{ ID, MessageID, From, To, Cc, Bcc, ReplyTo },
    ReturnPath: shown.returnPath === '' ? From.Address : shown.returnPath,
    Subject,
    ListUnsubscribe: listUnsubscribe(shown),
    Date: new Date(shown.sent ?? mail.received).toISOString(),
    Tags,
    Text: shown.text,
    HTML: shown.html ?? '',
    Size: octets.length,
    Inline: files('inline').map(attachment),
    Attachments: files('attachment').map(attachment),
  };
}

function attachment(part: ShownPart) {
  const content = part.content();
  const hash = (name: string) => createHash(name).update(content).digest('hex');
  return {
    PartID: part.path,
    FileName: part.name ?? part.cid ?? '',
    ContentType: part.type,
    ContentID: part.cid ?? '',
    Size: content.length,
    Checksums: { MD5: hash('md5'), SHA1: hash('sha1'), SHA256: hash('sha256') },
  };
}

/** RFC 2369 §3.2, RFC 8058 §3.1. */
function listUnsubscribe({ fields }: ShownMessage) {
  const value = (wanted: string) =>
    fields.find(({ name }) => name.toLowerCase() === wanted)?.value ?? '';
  const header = value('list-unsubscribe');
  const links = [...header.matchAll(/<\s*((?:https?|mailto):[^<>\s]+)\s*>/gi)].map(
    ([, url]) => url,
  );
  const Errors = header === '' || links.length > 0 ? '' : 'there is no link in it';
  return { Header: header, Links: links, Errors, HeaderPost: value('list-unsubscribe-post') };
}

/** Fields of each name, in the order of the alphabet, with names as Go writes them. */
export function headerLists({ fields }: ShownMessage): Record<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  for (const { name, value } of fields) {
    const key = name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    const values = byName.get(key);
    if (values === undefined) byName.set(key, [value]);
    else values.push(value);
  }
  return Object.fromEntries([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
}
