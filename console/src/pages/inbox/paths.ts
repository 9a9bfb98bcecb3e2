// Where messages are in the address bar.

import { query } from '../../router.ts';

/** Keeps whose mail is listed, and what was searched for. */
export function mailPath(mailbox: string, id: string): string {
  return withQuery(`/inbox/${encodeURIComponent(mailbox)}/${encodeURIComponent(id)}`);
}

export const listPath = (): string => withQuery('/inbox');

function withQuery(path: string): string {
  const rest = query.value.toString();
  return rest === '' ? path : `${path}?${rest}`;
}
