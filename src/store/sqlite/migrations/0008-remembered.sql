-- What an account remembers until then: whom it answered, what it has seen.
CREATE TABLE remembered (
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (account, key)
) WITHOUT ROWID;

CREATE INDEX remembered_until ON remembered (account, until);
