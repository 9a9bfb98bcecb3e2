-- Which mail goes first, and not before when: of those whose senders asked for it.
ALTER TABLE recipient ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recipient ADD COLUMN release INTEGER;

-- The order in which a destination's mail is claimed: level by level, the oldest first.
DROP INDEX recipient_due;
CREATE INDEX recipient_due ON recipient (destination, priority, due) WHERE due IS NOT NULL AND held = 0;
