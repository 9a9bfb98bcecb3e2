-- What each node says of itself for the others: among which it divides limits (sessions; null of a version that does
-- not divide), and of what it has more under way than is its part (names, as JSON).
ALTER TABLE node ADD COLUMN members text;
ALTER TABLE node ADD COLUMN exceeding text NOT NULL DEFAULT '[]';

-- What each node has counted in its last seconds. Lost with a crash of the database, as what is in memory is.
CREATE UNLOGGED TABLE counted (
  session bigint PRIMARY KEY,
  number bigint NOT NULL,
  said text NOT NULL
);
