-- Octets that must be the same after a restart and known to nobody else, by what they are for.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;
