-- What is derived from messages: digests, what searches look at, what lists are sorted by. Made when it is first
-- needed; it may be deleted at any time and is made again.

-- Texts are folded but for those of digests. names: of header fields, with spaces around them. The words of header
-- and body each once, with line ends around them: any part of a word is found by looking through them.
CREATE TABLE derived (
  email bigint PRIMARY KEY,
  derivation integer NOT NULL,
  form integer NOT NULL,
  envelope text NOT NULL,
  body text NOT NULL,
  preview text NOT NULL,
  names text NOT NULL,
  sent_day integer,
  subject text NOT NULL,
  sender text NOT NULL,
  recipient text NOT NULL,
  cc text NOT NULL,
  bcc text NOT NULL,
  message_id text NOT NULL,
  in_reply_to text NOT NULL,
  refs text NOT NULL,
  reply_to text NOT NULL,
  attachments integer NOT NULL,
  inlines integer NOT NULL,
  sorting text NOT NULL,
  header_words text NOT NULL,
  body_words text NOT NULL
);

-- Trigrams find parts of words in large folders without looking through all of them. The extension comes with
-- PostgreSQL, but not every server has it: searches are the same without, and slower.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX derived_header_words ON derived USING gin (header_words gin_trgm_ops);
  CREATE INDEX derived_body_words ON derived USING gin (body_words gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
  RAISE NOTICE 'no trigrams: %', SQLERRM;
END $$;
