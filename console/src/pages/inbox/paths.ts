// Where messages are in the address bar, and where their parts are on the server.

import { query } from '../../router.ts';
import { session } from '../../session.ts';

/** Keeps whose mail is listed, and what was searched for. */
export function mailPath(mailbox: string, id: string): string {
  const rest = query.value.toString();
  const path = `/inbox/${encodeURIComponent(mailbox)}/${encodeURIComponent(id)}`;
  return rest === '' ? path : `${path}?${rest}`;
}

export function listPath(): string {
  const rest = query.value.toString();
  return rest === '' ? '/inbox' : `/inbox?${rest}`;
}

/** The owner of an account has paths that name no mailbox. */
const onServer = (mailbox: string, id: string): string =>
  session.value?.who?.kind === 'account'
    ? `/postrider/account/mail/${encodeURIComponent(id)}`
    : `/postrider/mail/${encodeURIComponent(mailbox)}/${encodeURIComponent(id)}`;

export const htmlUrl = (mailbox: string, id: string, { remote }: { readonly remote: boolean }) =>
  `${onServer(mailbox, id)}/html${remote ? '?remote=1' : ''}`;

export const partUrl = (mailbox: string, id: string, part: string): string =>
  `${onServer(mailbox, id)}/part/${encodeURIComponent(part)}`;

export const sourceUrl = (mailbox: string, id: string): string => `${onServer(mailbox, id)}/source`;
