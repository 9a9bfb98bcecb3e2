-- Whose mailbox a recipient of the queue has room in, and how many octets of it: so that what was
-- accepted is not promised to somebody else before it is delivered. Null: no room was asked for.
ALTER TABLE recipient ADD COLUMN account TEXT;
ALTER TABLE recipient ADD COLUMN room INTEGER;
