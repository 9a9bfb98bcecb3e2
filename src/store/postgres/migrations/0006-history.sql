-- What happened to messages, copied from the files of all nodes: for `why`, and for searches. Tables are cut by days, of
-- the keys that messages' ids are (4096 to the millisecond since 2020): nodes make the days they need, and drop the old.

-- Up to where a node's files have been copied: moved with what it says, in one transaction. `last` is the last key that
-- was given to a refusal.
CREATE TABLE history_position (
  node text NOT NULL,
  diary text NOT NULL,
  file bigint NOT NULL,
  identity text NOT NULL,
  at bigint NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (node, diary)
);

-- What is known of a message so far, whichever node told it, and in whatever order. `received` is null until it is known
-- how it came in; `terms` are words, and facts that begin with '='.
CREATE TABLE history_message (
  key bigint PRIMARY KEY,
  id text NOT NULL,
  received text,
  recipients text[] NOT NULL,
  recipient_count integer,
  direction text,
  delivered integer NOT NULL,
  failed integer NOT NULL,
  cancelled integer NOT NULL,
  changes integer NOT NULL,
  reply text,
  reply_at bigint NOT NULL,
  last_event bigint NOT NULL,
  state text NOT NULL GENERATED ALWAYS AS (CASE
    WHEN changes = 0 THEN 'queued'
    WHEN delivered + failed + cancelled < coalesce(recipient_count, 2147483647) THEN 'deferred'
    WHEN failed > 0 THEN 'bounced'
    WHEN cancelled > 0 THEN 'cancelled'
    ELSE 'delivered' END) STORED,
  terms tsvector NOT NULL
) PARTITION BY RANGE (key);

-- What is looked for most is not most of them.
CREATE INDEX history_message_state ON history_message (state, key) WHERE state <> 'delivered';
CREATE INDEX history_message_terms ON history_message USING gin (terms);

-- Everything else that happened to a message: events as lines, those of one message that were copied together in one row.
CREATE TABLE history_event (
  key bigint NOT NULL,
  lines text NOT NULL
) PARTITION BY RANGE (key);

CREATE INDEX history_event_key ON history_event (key);

CREATE TABLE history_refusal (
  key bigint PRIMARY KEY,
  event text NOT NULL,
  terms tsvector NOT NULL
) PARTITION BY RANGE (key);

CREATE INDEX history_refusal_terms ON history_refusal USING gin (terms);
