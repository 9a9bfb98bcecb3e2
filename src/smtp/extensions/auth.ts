// AUTH: logging in by SASL. RFC 4954. Its keyword and its parameter on MAIL are here; the verb and
// its phase are in the session, the mechanisms in sasl/.

import { formatMailbox, parseMailbox } from '../../mail/fields/address.ts';
import type { Extension, ParamRule } from './extension.ts';
import { sendIfOffered } from './extension.ts';
import { decodeXtext, encodeXtext } from './xtext.ts';

export interface AuthParam {
  readonly name: 'AUTH';
  /** Who submitted the message, in wire form; '' is `<>`: unknown, or not to be believed. */
  readonly submitter: string;
}

const nobody: AuthParam = { name: 'AUTH', submitter: '' };

const authParam: ParamRule<AuthParam> = {
  name: 'AUTH',
  // RFC 4954 §5: xtext of a mailbox, or "<>"
  parse(value) {
    if (value === '<>') return nobody;
    const mailbox = parseMailbox(decodeXtext(value) ?? '');
    return mailbox && { name: 'AUTH', submitter: formatMailbox(mailbox) };
  },
  format,
  // RFC 4954 §5: without trust in the client we must behave as if it had said AUTH=<>.
  believe: (param, { trusted }) => (trusted ? param : nobody),
  relay: sendIfOffered('AUTH', format),
};

function format({ submitter }: AuthParam): string {
  return `AUTH=${submitter === '' ? '<>' : encodeXtext(submitter)}`;
}

export const auth = {
  keyword: 'AUTH',
  advertise: ({ mechanisms }) => (mechanisms.length === 0 ? undefined : mechanisms.join(' ')),
  mail: [authParam],
  // RFC 4954 §3 (4)
  mailBytes: 500,
} as const satisfies Extension;
