// What stands in for a message whose content cannot be read, where something is derived from it: its folder is
// listed and sorted all the same.

import { encodeHeaderText } from '../../mail/fields/encoded-word.ts';
import { foldHeader } from '../../mail/header/header.ts';
import type { Listing } from '../folders/listing.ts';

export function standIn({ from, subject }: Listing): Uint8Array {
  const field = (name: string, known: string) =>
    known === '' ? '' : foldHeader(name, encodeHeaderText(known));
  const header = field('From', from) + field('Subject', subject);
  return Buffer.from(`${header}\r\n${standInText}\r\n`);
}

/** By its digest: what is made of one must not outlive the return of the content. */
export const isStandIn = ({ preview }: { readonly preview: string }): boolean =>
  preview === standInText;

/** Short enough to be its own preview. */
const standInText =
  'The server has this message no longer, or not as it was: its content cannot be read. ' +
  'The postmaster may have it in a backup.';
