-- How many changes of its messages a folder has had, one for each transaction: modseqs leave numbers out.
ALTER TABLE folder ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
