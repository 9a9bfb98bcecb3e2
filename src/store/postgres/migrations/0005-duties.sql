-- What one node does at a time, and which session is at it. One that is no node's any more has lost it; whoever
-- changes something in his turn looks at this row in the same transaction.
CREATE TABLE duty (
  name text PRIMARY KEY,
  session bigint
);

-- Counts that tell other nodes that something changed.
INSERT INTO meta (name, value) SELECT 'records ' || kind, 0
FROM unnest(ARRAY[
  'account-hold', 'account-rules', 'acme-certificate', 'acme-challenge', 'acme-failure']) AS kind;
