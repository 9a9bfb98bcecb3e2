-- Queue, accounts and what else servers remember. Moments are milliseconds since 1970 by the clock of whoever
-- wrote them, as the interfaces have them; what nodes compare with each other is the database's own time.

-- Counts that tell other nodes that something changed.
CREATE TABLE meta (
  name text PRIMARY KEY,
  value bigint NOT NULL
);

INSERT INTO meta (name, value) VALUES ('accounts', 0);

-- Processes that share the queue. A process that begins takes its node's number with a new session: what the
-- one before had claimed is worthless from then on. `session` is null while nobody is there.
CREATE TABLE node (
  number smallint PRIMARY KEY,
  name text NOT NULL UNIQUE,
  session bigint UNIQUE,
  draining boolean NOT NULL DEFAULT false,
  version text NOT NULL DEFAULT '',
  started timestamptz,
  seen timestamptz
);

CREATE SEQUENCE node_session;

-- Content that mailboxes share, or will, and all that is large. It is small, with its octets here, or in pieces.
-- Nobody refers to it from `freed` on; it is swept some time later, since somebody may be reading it.
CREATE TABLE content (
  id bigint PRIMARY KEY,
  size bigint NOT NULL,
  bytes bytea,
  created timestamptz NOT NULL DEFAULT now(),
  freed timestamptz
);

ALTER TABLE content ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX content_freed ON content (freed) WHERE freed IS NOT NULL;
-- What is left of receptions that were broken off is found among what is large.
CREATE INDEX content_large ON content (created) WHERE bytes IS NULL AND freed IS NULL;

CREATE TABLE content_piece (
  content bigint NOT NULL,
  number integer NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (content, number)
);

ALTER TABLE content_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- A process takes numbers by the thousand.
CREATE SEQUENCE content_block;

-- The queue. Small content of a relayed message lies in its row, beside it in fact (TOAST): one insert, one delete.
-- A row is not changed once it is there, but for its content when mailboxes share it.
CREATE TABLE message (
  key bigint PRIMARY KEY,
  id text NOT NULL,
  received bigint NOT NULL,
  sender text NOT NULL,
  params text NOT NULL,
  origin text NOT NULL,
  message_id text,
  prefix bytea NOT NULL,
  size bigint NOT NULL,
  content bigint,
  bytes bytea
);

ALTER TABLE message ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX message_content ON message (content) WHERE content IS NOT NULL;

-- `at`: when it is due; while `owner` has it, when the lease ends and it falls due again. `fence` grows with every
-- claim: who settles under another one has lost it. `owner` is a session.
CREATE TABLE recipient (
  message bigint NOT NULL,
  idx integer NOT NULL,
  address text NOT NULL,
  params text NOT NULL,
  delivery text NOT NULL,
  destination text NOT NULL,
  original text,
  at bigint NOT NULL,
  owner bigint,
  fence bigint NOT NULL DEFAULT 0,
  held boolean NOT NULL DEFAULT false,
  attempts integer NOT NULL,
  warned boolean NOT NULL DEFAULT false,
  priority smallint NOT NULL DEFAULT 0,
  release bigint,
  account text,
  room bigint,
  reply text,
  PRIMARY KEY (message, idx)
);

-- What anybody may claim; and what somebody has claimed.
CREATE INDEX recipient_due ON recipient (destination, priority, at) WHERE owner IS NULL AND NOT held;
CREATE INDEX recipient_leased ON recipient (at) WHERE owner IS NOT NULL;
CREATE INDEX recipient_room ON recipient (account) INCLUDE (room) WHERE account IS NOT NULL;

-- Rows live for moments: dead ones are to go soon, and without pauses.
ALTER TABLE recipient SET (
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.1,
  autovacuum_analyze_threshold = 5000
);
ALTER TABLE message SET (
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.1,
  autovacuum_analyze_threshold = 5000
);

-- What an account remembers until then: whom it answered, what it has seen.
CREATE TABLE remembered (
  account text NOT NULL,
  key bytea NOT NULL,
  until bigint NOT NULL,
  PRIMARY KEY (account, key)
);

CREATE INDEX remembered_until ON remembered (account, until);

CREATE TABLE account (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address text COLLATE "C" NOT NULL UNIQUE,
  created bigint NOT NULL
);

CREATE TABLE account_address (
  address text COLLATE "C" PRIMARY KEY,
  account bigint NOT NULL
);

CREATE INDEX account_address_account ON account_address (account);

CREATE TABLE credential (
  account bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  argon2 text NOT NULL,
  iterations integer NOT NULL,
  salt bytea NOT NULL,
  stored_key bytea NOT NULL,
  server_key bytea NOT NULL,
  created bigint NOT NULL,
  PRIMARY KEY (account, name)
);

-- Octets that must be the same after a restart and known to nobody else, by what they are for.
CREATE TABLE secret (
  name text PRIMARY KEY,
  value bytea NOT NULL
);

-- Small facts by kind and key; what has expired is swept by whoever writes. Octets, since texts of this database
-- have no NUL, and these are ordered by octets.
CREATE TABLE record (
  kind text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  value bytea NOT NULL,
  expires bigint,
  PRIMARY KEY (kind, key)
);

CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;

-- What accounts called spam and what not: how many messages of each kind, in how many of them each word was,
-- and which messages those were.
CREATE TABLE spam_account (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account text NOT NULL UNIQUE,
  spam bigint NOT NULL DEFAULT 0,
  ham bigint NOT NULL DEFAULT 0,
  words bigint NOT NULL DEFAULT 0,
  lessons bigint NOT NULL DEFAULT 0
);

-- `lesson` is the account's latest in which the word was.
CREATE TABLE spam_word (
  account bigint NOT NULL,
  word bytea NOT NULL,
  spam bigint NOT NULL,
  ham bigint NOT NULL,
  lesson bigint NOT NULL,
  PRIMARY KEY (account, word)
);

-- What goes first when there are too many.
CREATE INDEX spam_word_rare ON spam_word (account, lesson) WHERE spam + ham <= 1;

CREATE TABLE spam_learnt (
  account bigint NOT NULL,
  email text NOT NULL,
  spam boolean NOT NULL,
  counted boolean NOT NULL,
  lesson bigint NOT NULL,
  PRIMARY KEY (account, email)
);

CREATE INDEX spam_learnt_lesson ON spam_learnt (account, lesson);
