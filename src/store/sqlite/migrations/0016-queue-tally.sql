-- How much of the queue is in which state, for which destination and after which reply: kept with every change, so that
-- nobody counts 100,000 rows to look at it. A state is this expression, whose values are the places in queueStates; a column
-- made of it would be in no index that covers a question.
CREATE INDEX recipient_state ON recipient (
  CASE WHEN due IS NULL THEN 2 WHEN held = 1 THEN 3 WHEN attempts > 0 THEN 1 ELSE 0 END, message);
CREATE INDEX recipient_destination ON recipient (destination, message);

CREATE TABLE tally_destination (
  destination TEXT NOT NULL, state INTEGER NOT NULL, recipients INTEGER NOT NULL,
  PRIMARY KEY (destination, state)
) WITHOUT ROWID;
CREATE TABLE tally_reply (
  reply TEXT NOT NULL, state INTEGER NOT NULL, recipients INTEGER NOT NULL,
  PRIMARY KEY (reply, state)
) WITHOUT ROWID;

INSERT INTO tally_destination
  SELECT destination,
    CASE WHEN due IS NULL THEN 2 WHEN held = 1 THEN 3 WHEN attempts > 0 THEN 1 ELSE 0 END AS state, count(*)
  FROM recipient GROUP BY destination, state;
INSERT INTO tally_reply
  SELECT reply,
    CASE WHEN due IS NULL THEN 2 WHEN held = 1 THEN 3 WHEN attempts > 0 THEN 1 ELSE 0 END AS state, count(*)
  FROM recipient WHERE reply IS NOT NULL GROUP BY reply, state;

CREATE TRIGGER destination_added AFTER INSERT ON recipient BEGIN
  INSERT INTO tally_destination VALUES (new.destination,
      CASE WHEN new.due IS NULL THEN 2 WHEN new.held = 1 THEN 3 WHEN new.attempts > 0 THEN 1 ELSE 0 END, 1)
    ON CONFLICT DO UPDATE SET recipients = recipients + 1;
END;

CREATE TRIGGER destination_gone AFTER DELETE ON recipient BEGIN
  UPDATE tally_destination SET recipients = recipients - 1
    WHERE destination = old.destination
      AND state = CASE WHEN old.due IS NULL THEN 2 WHEN old.held = 1 THEN 3 WHEN old.attempts > 0 THEN 1 ELSE 0 END;
  DELETE FROM tally_destination WHERE destination = old.destination AND recipients = 0;
END;

CREATE TRIGGER destination_changed AFTER UPDATE ON recipient
WHEN old.destination <> new.destination
  OR CASE WHEN old.due IS NULL THEN 2 WHEN old.held = 1 THEN 3 WHEN old.attempts > 0 THEN 1 ELSE 0 END
  <> CASE WHEN new.due IS NULL THEN 2 WHEN new.held = 1 THEN 3 WHEN new.attempts > 0 THEN 1 ELSE 0 END
BEGIN
  UPDATE tally_destination SET recipients = recipients - 1
    WHERE destination = old.destination
      AND state = CASE WHEN old.due IS NULL THEN 2 WHEN old.held = 1 THEN 3 WHEN old.attempts > 0 THEN 1 ELSE 0 END;
  DELETE FROM tally_destination WHERE destination = old.destination AND recipients = 0;
  INSERT INTO tally_destination VALUES (new.destination,
      CASE WHEN new.due IS NULL THEN 2 WHEN new.held = 1 THEN 3 WHEN new.attempts > 0 THEN 1 ELSE 0 END, 1)
    ON CONFLICT DO UPDATE SET recipients = recipients + 1;
END;

-- What has never been deferred has no reply, and costs nothing here.
CREATE TRIGGER reply_added AFTER INSERT ON recipient WHEN new.reply IS NOT NULL BEGIN
  INSERT INTO tally_reply VALUES (new.reply,
      CASE WHEN new.due IS NULL THEN 2 WHEN new.held = 1 THEN 3 WHEN new.attempts > 0 THEN 1 ELSE 0 END, 1)
    ON CONFLICT DO UPDATE SET recipients = recipients + 1;
END;

CREATE TRIGGER reply_gone AFTER DELETE ON recipient WHEN old.reply IS NOT NULL BEGIN
  UPDATE tally_reply SET recipients = recipients - 1
    WHERE reply = old.reply
      AND state = CASE WHEN old.due IS NULL THEN 2 WHEN old.held = 1 THEN 3 WHEN old.attempts > 0 THEN 1 ELSE 0 END;
  DELETE FROM tally_reply WHERE reply = old.reply AND recipients = 0;
END;

CREATE TRIGGER reply_left AFTER UPDATE ON recipient
WHEN old.reply IS NOT NULL AND (old.reply IS NOT new.reply
  OR CASE WHEN old.due IS NULL THEN 2 WHEN old.held = 1 THEN 3 WHEN old.attempts > 0 THEN 1 ELSE 0 END
  <> CASE WHEN new.due IS NULL THEN 2 WHEN new.held = 1 THEN 3 WHEN new.attempts > 0 THEN 1 ELSE 0 END)
BEGIN
  UPDATE tally_reply SET recipients = recipients - 1
    WHERE reply = old.reply
      AND state = CASE WHEN old.due IS NULL THEN 2 WHEN old.held = 1 THEN 3 WHEN old.attempts > 0 THEN 1 ELSE 0 END;
  DELETE FROM tally_reply WHERE reply = old.reply AND recipients = 0;
END;

CREATE TRIGGER reply_came AFTER UPDATE ON recipient
WHEN new.reply IS NOT NULL AND (old.reply IS NOT new.reply
  OR CASE WHEN old.due IS NULL THEN 2 WHEN old.held = 1 THEN 3 WHEN old.attempts > 0 THEN 1 ELSE 0 END
  <> CASE WHEN new.due IS NULL THEN 2 WHEN new.held = 1 THEN 3 WHEN new.attempts > 0 THEN 1 ELSE 0 END)
BEGIN
  INSERT INTO tally_reply VALUES (new.reply,
      CASE WHEN new.due IS NULL THEN 2 WHEN new.held = 1 THEN 3 WHEN new.attempts > 0 THEN 1 ELSE 0 END, 1)
    ON CONFLICT DO UPDATE SET recipients = recipients + 1;
END;
