-- One count of changes for each mailbox, from which the modseqs of its folders are taken from now on: what
-- changed anywhere in an account since a moment is asked with one number. Nothing of what is there already
-- is written again: 0 is before every state that anybody was told.

-- How many tombstones it has, and up to which modseq they are forgotten.
ALTER TABLE mailbox ADD COLUMN modseq INTEGER NOT NULL DEFAULT 1;
ALTER TABLE mailbox ADD COLUMN tombstones INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- When a folder came, and when something of it changed that is not its messages.
ALTER TABLE folder ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE folder ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;

-- When the email came to the account: the same for all its copies there.
ALTER TABLE mail ADD COLUMN created INTEGER NOT NULL DEFAULT 0;

-- What is gone of an account. kind 0: a folder. kind 1: a copy of an email, of which there may be others.
CREATE TABLE tombstone (
  mailbox INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  object INTEGER NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, kind, object)
) WITHOUT ROWID;

UPDATE mailbox SET modseq =
  coalesce((SELECT max(folder.modseq) FROM folder WHERE folder.mailbox = mailbox.id), 1);
UPDATE mailbox SET forgotten = modseq;

-- No mailbox begins with a state that one of the same address, now removed, ever had.
INSERT INTO meta (name, value) VALUES ('mailbox_modseq', 0);
