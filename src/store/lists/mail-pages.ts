// A page of a list of messages on its way between threads.

import { type DigestText, KeptDigest } from '../digest-text.ts';
import { flagNames } from '../folders/flags.ts';
import type { FoundMail, MailCount, MailPage, MailPlace } from '../mail-question.ts';
import { emailId } from '../object-id.ts';
import type { MailRow, MailRows } from './mail-rows.ts';

export interface MailPageRow extends Omit<MailPage, 'mails'> {
  readonly mails: readonly FoundMailRow[];
}

interface FoundMailRow extends Omit<FoundMail, 'digest'> {
  readonly digest: DigestText;
}

export const mailPageOf = ({ mails, ...page }: MailPageRow): MailPage => ({
  ...page,
  mails: mails.map((mail) => ({ ...mail, digest: new KeptDigest(mail.digest) })),
});

export interface PageOptions {
  readonly found: MailCount;
  /** Of the page alone. */
  readonly places: readonly number[];
  /** Undefined where the message went meanwhile. */
  readonly digestOf: (email: number) => DigestText | undefined;
}

export function mailPageRow(rows: MailRows, { found, places, digestOf }: PageOptions): MailPageRow {
  return {
    ...{ found, all: rows.count, tags: rows.tags },
    mails: places.flatMap((place): FoundMailRow[] => {
      const row = rows.row(place);
      const digest = digestOf(row.email);
      if (digest === undefined) return [];
      return [
        {
          ...placeOf(row),
          flags: flagNames({ bits: row.flags, keywords: row.keywords }),
          received: row.received,
          size: row.size,
          digest,
          places: rows.placesOf(place).map((each) => placeOf(rows.row(each))),
        },
      ];
    }),
  };
}

const placeOf = ({ folder, uid, email }: MailRow): MailPlace => ({
  account: folder.account,
  folder: folder.id,
  path: folder.path,
  uid,
  id: emailId(email),
});
