-- What IMAP needs beside the messages: how many have \Deleted, how many expunges are remembered and
-- up to which modseq they are forgotten; subscriptions, rights, annotations.

ALTER TABLE folder ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE folder ADD COLUMN expunges INTEGER NOT NULL DEFAULT 0;
ALTER TABLE folder ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- Bit 8 is \Deleted: see flags.ts.
UPDATE folder SET
  deleted = (SELECT count(*) FROM mail WHERE mail.folder = folder.id AND mail.flags & 8),
  expunges = (SELECT count(*) FROM expunged WHERE expunged.folder = folder.id);

-- The number of this database: what was derived from another one is worthless beside it.
INSERT INTO meta (name, value) VALUES ('identity', abs(random() % 9007199254740991));

-- RFC 9051 §6.3.7: by name, whether or not there is such a folder.
CREATE TABLE subscription (
  mailbox INTEGER NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (mailbox, path)
) WITHOUT ROWID;

-- RFC 4314.
CREATE TABLE acl (
  folder INTEGER NOT NULL,
  identifier TEXT NOT NULL,
  rights TEXT NOT NULL,
  PRIMARY KEY (folder, identifier)
) WITHOUT ROWID;

CREATE INDEX acl_identifier ON acl (identifier);

-- RFC 5464; folder 0 is the account itself.
CREATE TABLE annotation (
  mailbox INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  entry TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (mailbox, folder, entry)
) WITHOUT ROWID;
