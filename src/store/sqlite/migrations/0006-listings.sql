-- Up to this email, sender and subject for listings were read as version 0.1 did it. They are read again
-- each time that they are listed; raise it when they are read better once more.

INSERT INTO meta (name, value) SELECT 'listed_by_0_1', coalesce(max(id), 0) FROM email;
