-- RFC 3501 §2.3.2: messages with this UID and above are \Recent, since no session has been told of them.

ALTER TABLE folder ADD COLUMN recent_from INTEGER NOT NULL DEFAULT 1;

-- Of all that is there already, sessions were told that it is not.
UPDATE folder SET recent_from = uid_next;
