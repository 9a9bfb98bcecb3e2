// The queue's SQL, prepared once.

import type { DatabaseSync, StatementSync } from 'node:sqlite';

const leasedColumns =
  'idx, address, params, delivery, destination, original, attempts, warned, account';

export function prepareQueueStatements(database: DatabaseSync) {
  const prepare: Prepare = (sql) => database.prepare(sql);
  return {
    insertMessage: prepare(`
      INSERT INTO message
        (key, id, received, sender, params, origin, message_id, prefix, size, content, bytes)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    insertRecipient: prepare(`
      INSERT INTO recipient
        (message, idx, address, params, delivery, destination, original, due, attempts, account, room,
          priority, release)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    takeRoom: prepare(`
      UPDATE recipient SET account = ?, room = ? WHERE message = ? AND idx = ? RETURNING 1`),
    rooms: prepare('SELECT message, idx, account, room FROM recipient WHERE account IS NOT NULL'),
    selectMessage: prepare('SELECT * FROM message WHERE key = ?'),
    sizeOf: prepare('SELECT size FROM message WHERE key = ?'),
    selectEntry: prepare(`
      SELECT key, id, received, sender, params, origin, message_id, prefix, size
      FROM message WHERE key = ?`),
    recipientCount: prepare('SELECT coalesce(sum(recipients), 0) AS n FROM tally_destination'),
    newest: prepare('SELECT id FROM message ORDER BY key DESC LIMIT 1'),
    selectRecipients: prepare('SELECT * FROM recipient WHERE message = ? ORDER BY idx'),
    ...attempting(prepare),
    deleteRecipient: prepare('DELETE FROM recipient WHERE message = ? AND idx = ?'),
    anyRecipient: prepare('SELECT 1 FROM recipient WHERE message = ? LIMIT 1'),
    deleteMessage: prepare('DELETE FROM message WHERE key = ? RETURNING content'),
    share: prepare('UPDATE message SET content = ?, bytes = NULL WHERE key = ?'),
    ...steering(prepare),
    recover: prepare('UPDATE recipient SET due = max(?, coalesce(release, 0)) WHERE due IS NULL'),
    clamp: prepare(`
      UPDATE recipient SET due = max(?1, coalesce(release, 0))
      WHERE due > max(?1, coalesce(release, 0))`),
  };
}

type Prepare = (sql: string) => StatementSync;

/** Who is due, and what comes of their attempts. */
const attempting = (prepare: Prepare) => ({
  firstDues: prepare(`
    SELECT destination, min(due) AS due FROM recipient
    WHERE due IS NOT NULL AND held = 0 GROUP BY destination ORDER BY destination`),
  firstDue: prepare(`
    SELECT message, due FROM recipient
    WHERE destination = ? AND priority = ? AND due IS NOT NULL AND held = 0
    ORDER BY due LIMIT 1`),
  priorities: prepare('SELECT DISTINCT priority FROM recipient'),
  claim: prepare(`
    UPDATE recipient SET due = NULL, attempts = attempts + 1
    WHERE message = ? AND +destination = ? AND due <= ? AND held = 0
    RETURNING ${leasedColumns}`),
  take: prepare(`
    UPDATE recipient SET due = NULL WHERE message = ? AND due IS NOT NULL
    RETURNING ${leasedColumns}`),
  giveBack: prepare(`
    UPDATE recipient SET due = max(?, coalesce(release, 0)), attempts = max(attempts - ?, 0)
    WHERE message = ? AND idx = ? AND due IS NULL RETURNING destination, held, due`),
  defer: prepare(`
    UPDATE recipient SET due = ?, reply = ?, warned = coalesce(?, warned)
    WHERE message = ? AND idx = ? RETURNING destination, held`),
  skip: prepare(`
    UPDATE recipient
    SET due = ?, attempts = max(attempts - 1, 0), warned = coalesce(?, warned)
    WHERE message = ? AND idx = ? RETURNING destination, held`),
});

/** What an operator asks for. */
const steering = (prepare: Prepare) => ({
  retry: prepare(`
    UPDATE recipient SET due = max(?1, coalesce(release, 0))
    WHERE message = ?2 AND due > max(?1, coalesce(release, 0)) AND held = 0
    RETURNING destination, due`),
  pageEnd: prepare('SELECT key FROM message WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?'),
  retryRange: prepare(`
    UPDATE recipient SET due = max(?1, coalesce(release, 0))
    WHERE message > ?2 AND message <= ?3 AND due > max(?1, coalesce(release, 0)) AND held = 0`),
  hold: prepare(`
    UPDATE recipient SET held = 1 WHERE message = ? AND held = 0 RETURNING destination`),
  unhold: prepare(`
    UPDATE recipient SET held = 0, due = iif(due IS NULL, NULL, max(?, coalesce(release, 0)))
    WHERE message = ? AND held = 1 RETURNING destination`),
  routes: prepare(`
    SELECT message, idx, address, delivery, destination FROM recipient
    WHERE (message, idx) > (?, ?) ORDER BY message, idx LIMIT ?`),
  routesOf: prepare(`
    SELECT message, idx, address, delivery, destination FROM recipient
    WHERE message = ? AND due IS NOT NULL ORDER BY idx`),
  reroute: prepare(`
    UPDATE recipient SET delivery = ?, destination = ? WHERE message = ? AND idx = ?`),
});

export type QueueStatements = ReturnType<typeof prepareQueueStatements>;
