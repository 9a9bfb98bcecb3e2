// Where one's own messages are in the address bar.

import { query } from '../../router.ts';

/** Keeps the folder, and what was searched for. */
export function ownMailPath(id?: string): string {
  const rest = query.value.toString();
  return `/account/mail${id === undefined ? '' : `/${encodeURIComponent(id)}`}${rest && `?${rest}`}`;
}
