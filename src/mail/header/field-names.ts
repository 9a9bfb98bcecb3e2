// Names by which a header is recognised where lines in it are no fields: see header-walk.ts. They need
// not be complete: a field of another name is a field all the same.

/** RFC 5322 §3.6: a header has each of these once at most. */
const onceOnly = [
  ...['date', 'from', 'sender', 'reply-to', 'to', 'cc', 'bcc'],
  ...['message-id', 'in-reply-to', 'references', 'subject'],
];

// IANA's register of header fields as far as it is used, and what is common without being in it.
const others = [
  ...['return-path', 'received', 'delivered-to', 'envelope-to', 'x400-received', 'received-spf'],
  ...['comments', 'keywords', 'encrypted', 'organization', 'organisation', 'user-agent', 'mailer'],
  ...[
    'mime-version',
    'importance',
    'priority',
    'precedence',
    'sensitivity',
    'expires',
    'supersedes',
  ],
  ...['errors-to', 'return-receipt-to', 'disposition-notification-to', 'original-recipient'],
  ...['auto-submitted', 'autoforwarded', 'thread-topic', 'thread-index', 'feedback-id', 'status'],
  ...['newsgroups', 'path', 'followup-to', 'distribution', 'approved', 'lines', 'xref', 'via'],
  ...['authentication-results', 'dkim-signature', 'domainkey-signature', 'autocrypt'],
  ...['mail-from', 'apparently-to', 'fcc', 'mailing-list', 'delivery-date', 'tls-required'],
];

const prefixes = /^(?:x|content|list|resent|arc|ms|bimi|authentication|original|old|mail)-./;

/** A bit for each of those that come once; 0 for a name that may come again. */
export const onceBits: ReadonlyMap<string, number> = new Map(
  onceOnly.map((name, i) => [name, 1 << i]),
);

const known: ReadonlySet<string> = new Set([...onceOnly, ...others]);

/** Limit: octets of a name that is looked up; the longest registered has 31. */
export const knownNameBytesMax = 64;

export const isKnownName = (lowerName: string): boolean =>
  known.has(lowerName) || prefixes.test(lowerName);
