-- Mail at rest. Whoever changes something of a mailbox has its row locked until his transaction ends, on
-- whatever node: so UIDs and modseqs are given in the order in which they can be seen.

-- States that no mailbox before it had: whoever was told one of those begins anew.
INSERT INTO meta (name, value) VALUES ('mailbox_modseq', 0), ('uid_validity', 0);

-- modseq: the count of its changes, from which its folders take theirs. uid_validity: the last that one of its
-- folders was given. touched, folders_touched: the last transaction that changed anything, and folders;
-- touched_by: the process that did. Other nodes look there for what they were not told of.
CREATE TABLE mailbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address text COLLATE "C" NOT NULL UNIQUE,
  modseq bigint NOT NULL,
  uid_validity bigint NOT NULL,
  tombstones bigint NOT NULL DEFAULT 0,
  forgotten bigint NOT NULL,
  touched xid8 NOT NULL DEFAULT pg_current_xact_id(),
  folders_touched xid8 NOT NULL DEFAULT pg_current_xact_id(),
  touched_by bigint NOT NULL DEFAULT 0
);

CREATE INDEX mailbox_touched ON mailbox (touched);

-- Counters are kept with every change, for STATUS and quota.
CREATE TABLE folder (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  mailbox bigint NOT NULL,
  path text COLLATE "C" NOT NULL,
  special_use text,
  uid_validity bigint NOT NULL,
  uid_next bigint NOT NULL DEFAULT 1,
  recent_from bigint NOT NULL DEFAULT 1,
  modseq bigint NOT NULL DEFAULT 1,
  changes bigint NOT NULL DEFAULT 0,
  messages bigint NOT NULL DEFAULT 0,
  unseen bigint NOT NULL DEFAULT 0,
  deleted bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  expunges bigint NOT NULL DEFAULT 0,
  forgotten bigint NOT NULL DEFAULT 0,
  created bigint NOT NULL,
  changed bigint NOT NULL,
  touched xid8 NOT NULL DEFAULT pg_current_xact_id(),
  touched_by bigint NOT NULL DEFAULT 0,
  UNIQUE (mailbox, path) DEFERRABLE
) WITH (fillfactor = 70);

-- What never changes of a message; copies in other folders share it.
CREATE TABLE email (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  content bigint NOT NULL,
  sender text NOT NULL,
  subject text NOT NULL,
  prefix bytea NOT NULL
);

CREATE INDEX email_content ON email (content);

-- flags are bits, keywords have spaces between them. created: when the email came to the account.
CREATE TABLE mail (
  folder bigint NOT NULL,
  uid bigint NOT NULL,
  email bigint NOT NULL,
  modseq bigint NOT NULL,
  flags integer NOT NULL,
  keywords text NOT NULL,
  received bigint NOT NULL,
  saved bigint NOT NULL,
  size bigint NOT NULL,
  created bigint NOT NULL,
  PRIMARY KEY (folder, uid)
);

CREATE INDEX mail_email ON mail (email);
CREATE INDEX mail_modseq ON mail (folder, modseq);

-- RFC 7162 §3.2.5.2: UIDs that are gone.
CREATE TABLE expunged (
  folder bigint NOT NULL,
  modseq bigint NOT NULL,
  uid bigint NOT NULL,
  PRIMARY KEY (folder, modseq, uid)
);

-- What is gone of an account. kind 0: a folder. kind 1: a copy of an email, of which there may be others.
CREATE TABLE tombstone (
  mailbox bigint NOT NULL,
  modseq bigint NOT NULL,
  kind smallint NOT NULL,
  object bigint NOT NULL,
  created bigint NOT NULL,
  PRIMARY KEY (mailbox, modseq, kind, object)
);

-- RFC 9051 §6.3.7: by name, whether or not there is such a folder.
CREATE TABLE subscription (
  mailbox bigint NOT NULL,
  path text COLLATE "C" NOT NULL,
  PRIMARY KEY (mailbox, path)
);

-- RFC 4314.
CREATE TABLE acl (
  folder bigint NOT NULL,
  identifier text COLLATE "C" NOT NULL,
  rights text NOT NULL,
  PRIMARY KEY (folder, identifier)
);

CREATE INDEX acl_identifier ON acl (identifier);

-- RFC 5464; folder 0 is the account itself.
CREATE TABLE annotation (
  mailbox bigint NOT NULL,
  folder bigint NOT NULL,
  entry text COLLATE "C" NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (mailbox, folder, entry)
);
