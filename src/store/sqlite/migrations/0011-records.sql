-- Small facts by kind and key; what has expired is swept by whoever writes.
CREATE TABLE record (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  expires INTEGER,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
