-- One database for queue, mailboxes and accounts, so that a local delivery and the settling of the
-- queue are one transaction.

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

-- How often the store was opened by its owner (fences grow with it), the last ids of messages in
-- mailboxes, the last UIDVALIDITY, what tells other processes that accounts changed.
INSERT INTO meta (name, value)
VALUES ('epoch', 0), ('email', 0), ('uid_validity', 0), ('accounts', 0), ('flush', 0);

-- Content that mailboxes share, or will, and every content that is a file. It is free when neither
-- a message nor an email refers to it: references are counted by looking, so they cannot drift.
CREATE TABLE content (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  size INTEGER NOT NULL,
  file TEXT,
  bytes BLOB
);

-- The queue. Small content of a relayed message lies in the row: one insert, one delete.
CREATE TABLE message (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  received INTEGER NOT NULL,
  sender TEXT NOT NULL,
  params TEXT NOT NULL,
  origin TEXT NOT NULL,
  message_id TEXT,
  prefix TEXT NOT NULL,
  size INTEGER NOT NULL,
  content INTEGER,
  bytes BLOB
);

CREATE INDEX message_content ON message (content) WHERE content IS NOT NULL;

-- due is NULL while the recipient is leased.
CREATE TABLE recipient (
  message INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  address TEXT NOT NULL,
  params TEXT NOT NULL,
  destination TEXT NOT NULL,
  original TEXT,
  due INTEGER,
  held INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL,
  warned INTEGER NOT NULL DEFAULT 0,
  reply TEXT,
  PRIMARY KEY (message, idx)
) WITHOUT ROWID;

-- A message that is delivered at once is leased from birth and never touches this index.
CREATE INDEX recipient_due ON recipient (destination, due) WHERE due IS NOT NULL AND held = 0;

CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE
);

-- modseq is HIGHESTMODSEQ (RFC 7162); counters are kept with every change, for STATUS and quota.
CREATE TABLE folder (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  path TEXT NOT NULL,
  special_use TEXT,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL DEFAULT 1,
  modseq INTEGER NOT NULL DEFAULT 1,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  UNIQUE (mailbox, path)
);

-- What never changes of a delivered message; copies in other folders share it (RFC 8474 EMAILID).
-- envelope and structure are what IMAP computes once and keeps.
CREATE TABLE email (
  id INTEGER PRIMARY KEY,
  content INTEGER NOT NULL,
  thread INTEGER,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  prefix TEXT NOT NULL,
  envelope TEXT,
  structure TEXT
);

CREATE INDEX email_content ON email (content);

-- A message in a folder: small rows in UID order, so that flags of a whole folder are one scan.
-- flags are bits (see flags.ts), keywords are separated by spaces.
CREATE TABLE mail (
  folder INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  email INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  received INTEGER NOT NULL,
  saved INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (folder, uid)
) WITHOUT ROWID;

CREATE INDEX mail_email ON mail (email);
CREATE INDEX mail_modseq ON mail (folder, modseq);

-- RFC 7162 §3.2.5.2: what QRESYNC needs to tell a client which UIDs are gone.
CREATE TABLE expunged (
  folder INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (folder, modseq, uid)
) WITHOUT ROWID;

CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL
);

CREATE TABLE account_address (
  address TEXT PRIMARY KEY,
  account INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX account_address_account ON account_address (account);

CREATE TABLE credential (
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  argon2 TEXT NOT NULL,
  iterations INTEGER NOT NULL,
  salt BLOB NOT NULL,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;
