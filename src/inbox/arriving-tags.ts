// Tags that a message brings along: of its X-Tags field, and what stands behind the `+` of addresses it is for.

import { EnvelopeFields } from '../mail/fields/envelope.ts';
import { mailboxesOf } from '../mail/fields/structured.ts';
import { headerValue, parseHeader } from '../mail/header/header.ts';
import { cleanTags, keywordOf } from './tags.ts';

/** As flags. `head` is its header; `recipients` are those of the envelope. */
export function arrivingTags(head: Uint8Array, recipients: readonly string[]): readonly string[] {
  const written = headerValue(parseHeader(head, { names: new Set(['x-tags']) }), 'x-tags') ?? '';
  const { to, cc, bcc } = new EnvelopeFields(head).envelope();
  const named = mailboxesOf([...to, ...cc, ...bcc]).map(({ local }) => local);
  const locals = [
    ...named,
    ...recipients.map((address) => address.slice(0, address.lastIndexOf('@'))),
  ];
  const details = locals.flatMap((local) => /^[^+]+\+(.+)$/.exec(local)?.[1] ?? []);
  return cleanTags([...written.split(','), ...details]).map(keywordOf);
}
