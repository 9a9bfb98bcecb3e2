-- Of keys that mail is signed with, made or changed at one node, all are told.
INSERT INTO meta (name, value) VALUES ('records dkim-keys', 0);
