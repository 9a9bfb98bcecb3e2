-- What is done for each message, planned once for each connection: planning takes as long as doing it. The plans are of
-- any number of rows, so they have to go by the indexes, also while statistics say that tables are empty, which
-- queues mostly are. A version that needs them otherwise makes others, with other names.

-- Messages and their recipients; which of them the queue did not have. The octets of all are one value, which is cut here.
CREATE FUNCTION queue_enter(
  keys bigint[], ids text[], received bigint[], senders text[], params text[], origins text[], message_ids text[],
  prefix_at integer[], prefix_length integer[], sizes bigint[], contents bigint[], bytes_at integer[],
  bytes_length integer[], are_shared boolean[], octets bytea,
  recipient_message bigint[], recipient_idx integer[], address text[], recipient_params text[], delivery text[],
  destination text[], original text[], at bigint[], owner bigint[], fence bigint[], held boolean[], attempts integer[],
  priority smallint[], release bigint[], account text[], room bigint[]
) RETURNS SETOF bigint LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
BEGIN
  RETURN QUERY
  WITH given AS (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    AS g (key, id, received, sender, params, origin, message_id,
      prefix_at, prefix_length, size, content, bytes_at, bytes_length, is_shared)),
  added AS (
    INSERT INTO message AS m
      (key, id, received, sender, params, origin, message_id, prefix, size, content, bytes)
    SELECT g.key, g.id, g.received, g.sender, g.params, g.origin, g.message_id,
      substring($15 FROM g.prefix_at FOR g.prefix_length), g.size, g.content,
      CASE WHEN NOT g.is_shared THEN substring($15 FROM g.bytes_at FOR g.bytes_length) END
    FROM given g ON CONFLICT (key) DO NOTHING RETURNING m.key),
  kept AS (
    INSERT INTO content (id, size, bytes)
    SELECT g.content, g.size, substring($15 FROM g.bytes_at FOR g.bytes_length)
    FROM given g JOIN added USING (key) WHERE g.is_shared AND g.bytes_at IS NOT NULL),
  addressed AS (
    INSERT INTO recipient AS t (message, idx, address, params, delivery, destination, original,
      at, owner, fence, held, attempts, priority, release, account, room)
    SELECT r.* FROM unnest($16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31) AS r (message)
    JOIN added ON added.key = r.message)
  SELECT added.key FROM added;
END $$;

-- Recipients that leave the queue, each the only one of its settlement, and messages whose last ones they were. Of each
-- that was ours: whether its message may be without recipients and there still. Losing this in a
-- power failure means a second delivery, so it waits for no disk.
CREATE FUNCTION queue_leave(messages bigint[], idxs integer[], fences bigint[], session bigint)
RETURNS TABLE (key bigint, stays boolean) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  gone bigint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH left_now AS (
    DELETE FROM recipient r USING unnest($1, $2, $3) AS g (message, idx, fence)
    WHERE r.message = g.message AND r.idx = g.idx AND r.fence = g.fence AND r.owner = $4
    RETURNING r.message)
  SELECT array_agg(l.message) INTO gone FROM left_now l;
  RETURN QUERY
  WITH ended AS (
    DELETE FROM message m USING unnest(gone) AS g (message)
    WHERE m.key = g.message AND m.content IS NULL
      AND NOT EXISTS (SELECT FROM recipient r WHERE r.message = m.key)
    RETURNING m.key)
  SELECT g.message, e.key IS NULL FROM unnest(gone) AS g (message) LEFT JOIN ended e ON e.key = g.message;
END $$;
