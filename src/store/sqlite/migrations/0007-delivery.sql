-- How a recipient is delivered, which used to be told from the name of its destination.
ALTER TABLE recipient ADD COLUMN delivery TEXT NOT NULL DEFAULT 'remote';

UPDATE recipient SET delivery = destination WHERE destination IN ('local', 'discard');
