-- What accounts called spam and what not: how many messages of each kind, in how many of them each word was,
-- and which messages those were.
CREATE TABLE spam_account (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL UNIQUE,
  spam INTEGER NOT NULL DEFAULT 0,
  ham INTEGER NOT NULL DEFAULT 0,
  words INTEGER NOT NULL DEFAULT 0,
  lessons INTEGER NOT NULL DEFAULT 0
);

-- `lesson` is the account's latest in which the word was.
CREATE TABLE spam_word (
  account INTEGER NOT NULL,
  word TEXT NOT NULL,
  spam INTEGER NOT NULL,
  ham INTEGER NOT NULL,
  lesson INTEGER NOT NULL,
  PRIMARY KEY (account, word)
) WITHOUT ROWID;

-- What goes first when there are too many.
CREATE INDEX spam_word_rare ON spam_word (account, lesson) WHERE spam + ham <= 1;

CREATE TABLE spam_learnt (
  account INTEGER NOT NULL,
  email TEXT NOT NULL,
  spam INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  lesson INTEGER NOT NULL,
  PRIMARY KEY (account, email)
) WITHOUT ROWID;

CREATE INDEX spam_learnt_lesson ON spam_learnt (account, lesson);
