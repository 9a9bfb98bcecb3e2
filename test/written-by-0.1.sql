-- A database that version 0.1 wrote: two accounts, an alias address, a folder that is shared, a message copied, one expunged, one
-- that waits for another server (commit 7646619, the text of its dump).
PRAGMA foreign_keys = OFF;
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE content (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  size INTEGER NOT NULL,
  file TEXT,
  bytes BLOB
);
CREATE TABLE message (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  received INTEGER NOT NULL,
  sender TEXT NOT NULL,
  params TEXT NOT NULL,
  origin TEXT NOT NULL,
  message_id TEXT,
  prefix TEXT NOT NULL,
  size INTEGER NOT NULL,
  content INTEGER,
  bytes BLOB
);
CREATE INDEX message_content ON message (content) WHERE content IS NOT NULL;
CREATE TABLE recipient (
  message INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  address TEXT NOT NULL,
  params TEXT NOT NULL,
  destination TEXT NOT NULL,
  original TEXT,
  due INTEGER,
  held INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL,
  warned INTEGER NOT NULL DEFAULT 0,
  reply TEXT,
  PRIMARY KEY (message, idx)
) WITHOUT ROWID;
CREATE INDEX recipient_due ON recipient (destination, due) WHERE due IS NOT NULL AND held = 0;
CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE
);
CREATE TABLE folder (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  path TEXT NOT NULL,
  special_use TEXT,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL DEFAULT 1,
  modseq INTEGER NOT NULL DEFAULT 1,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0, expunges INTEGER NOT NULL DEFAULT 0, forgotten INTEGER NOT NULL DEFAULT 0,
  UNIQUE (mailbox, path)
);
CREATE TABLE email (
  id INTEGER PRIMARY KEY,
  content INTEGER NOT NULL,
  thread INTEGER,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  prefix TEXT NOT NULL,
  envelope TEXT,
  structure TEXT
);
CREATE INDEX email_content ON email (content);
CREATE TABLE mail (
  folder INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  email INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  received INTEGER NOT NULL,
  saved INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
CREATE INDEX mail_email ON mail (email);
CREATE INDEX mail_modseq ON mail (folder, modseq);
CREATE TABLE expunged (
  folder INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (folder, modseq, uid)
) WITHOUT ROWID;
CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL
);
CREATE TABLE account_address (
  address TEXT PRIMARY KEY,
  account INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX account_address_account ON account_address (account);
CREATE TABLE credential (
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  argon2 TEXT NOT NULL,
  iterations INTEGER NOT NULL,
  salt BLOB NOT NULL,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE subscription (
  mailbox INTEGER NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (mailbox, path)
) WITHOUT ROWID;
CREATE TABLE acl (
  folder INTEGER NOT NULL,
  identifier TEXT NOT NULL,
  rights TEXT NOT NULL,
  PRIMARY KEY (folder, identifier)
) WITHOUT ROWID;
CREATE INDEX acl_identifier ON acl (identifier);
CREATE TABLE annotation (
  mailbox INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  entry TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (mailbox, folder, entry)
) WITHOUT ROWID;
INSERT INTO account VALUES (1, 'ann@example.org', 1795990965856);
INSERT INTO account VALUES (2, 'bob@example.org', 1795990969980);
INSERT INTO account_address VALUES ('ann@example.org', 1);
INSERT INTO account_address VALUES ('post@example.org', 1);
INSERT INTO account_address VALUES ('bob@example.org', 2);
INSERT INTO acl VALUES (14, 'bob@example.org', 'lr');
INSERT INTO content VALUES (1, 148, NULL, x'446174653a204672692c2032204a616e20323032362030333a30343a3035202b303030300d0a46726f6d3a20426f62203c626f62406578616d706c652e6f72673e0d0a546f3a20616e6e406578616d706c652e6f72670d0a5375626a6563743a2046697273740d0a4d6573736167652d49443a203c35406578616d706c652e6f72673e0d0a0d0a48656c6c6f2c20416e6e2e0d0a');
INSERT INTO content VALUES (3, 266, NULL, x'446174653a204672692c2032204a616e20323032362030333a30343a3035202b303030300d0a46726f6d3a20426f62203c626f62406578616d706c652e6f72673e0d0a546f3a20616e6e406578616d706c652e6f72670d0a5375626a6563743a203d3f7574662d383f513f47723d43333d42433d43333d3946653f3d0d0a4d6573736167652d49443a203c3237406578616d706c652e6f72673e0d0a4d494d452d56657273696f6e3a20312e300d0a436f6e74656e742d547970653a20746578742f706c61696e3b20636861727365743d7574662d380d0a436f6e74656e742d5472616e736665722d456e636f64696e673a20386269740d0a0d0a5669656c65204772c3bcc39f650d0a');
INSERT INTO content VALUES (4, 55, NULL, x'46726f6d3a20666172406578616d706c652e6e65740d0a5375626a6563743a2064656c6976657265640d0a0d0a427920534d54502e0d0a');
INSERT INTO credential VALUES (1, '', '$argon2id$v=19$m=19456,t=2,p=1$nQeaOQ4z/MhKvpSZ3stSrA$KDF/f0rQpFldS/XIQqsTFzfjS4R82SxY6OCgOzi0fYI', 65536, x'2772b42070f328f5a5b889355fdab1bb', x'3b2ad8b81b87cf66df476bf7abec80f3eeab6b05fc00eb7f9c7ac9364e039806', x'9ba1c7df73aba263c3acedc21f5cf6c6c1e98b99154207155b7df96c0397f38f', 1795990965856);
INSERT INTO credential VALUES (2, '', '$argon2id$v=19$m=19456,t=2,p=1$rkEOjDZYjzPVOuF4vsGWNA$HsZbZQoBeJdAQMa/IkNgUgv4jqz0oOWRG5YLyakmZJo', 65536, x'7426f26328902f0b6b43ab88e5514e3e', x'a20fd8f2369661a810310bf8ffad9a250b8e650a333d35ea63e7afe62e857b45', x'4c0d35e7a608b357a51f370e04a3c8b67ed90fe1705218fcea75c131353f5f38', 1795990969980);
INSERT INTO email VALUES (1, 1, NULL, 'Bob <bob@example.org>', 'First', '', NULL, NULL);
INSERT INTO email VALUES (3, 3, NULL, 'Bob <bob@example.org>', 'Grüße', '', NULL, NULL);
INSERT INTO email VALUES (4, 4, NULL, 'far@example.net', 'delivered', 'Return-Path: <far@example.net>
Delivered-To: post@example.org
Received: from c ([127.0.0.1])
	by mx.example.org with ESMTP id 0scp04s1977
	for <post@example.org>;
	Sun, 29 Nov 2026 22:22:58 +0000
', NULL, NULL);
INSERT INTO expunged VALUES (1, 6, 2);
INSERT INTO folder VALUES (1, 1, 'INBOX', NULL, 1795990966, 5, 7, 3, 2, 671, 0, 1, 0);
INSERT INTO folder VALUES (2, 1, 'Sent', 'Sent', 1795990967, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (3, 1, 'Drafts', 'Drafts', 1795990968, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (4, 1, 'Junk', 'Junk', 1795990969, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (5, 1, 'Trash', 'Trash', 1795990970, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (6, 1, 'Archive', 'Archive', 1795990971, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (7, 2, 'INBOX', NULL, 1795990972, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (8, 2, 'Sent', 'Sent', 1795990973, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (9, 2, 'Drafts', 'Drafts', 1795990974, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (10, 2, 'Junk', 'Junk', 1795990975, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (11, 2, 'Trash', 'Trash', 1795990976, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (12, 2, 'Archive', 'Archive', 1795990977, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (13, 1, 'Work', NULL, 1795990978, 1, 1, 0, 0, 0, 0, 0, 0);
INSERT INTO folder VALUES (14, 1, 'Work/2026', NULL, 1795990979, 2, 2, 1, 0, 148, 0, 0, 0);
INSERT INTO mail VALUES (1, 1, 1, 2, 5, '', 1795990978436, 1795990978449, 148);
INSERT INTO mail VALUES (1, 3, 3, 4, 0, '$Forwarded', 1795990978522, 1795990978522, 266);
INSERT INTO mail VALUES (1, 4, 4, 7, 0, '', 1795990978862, 1795990978866, 257);
INSERT INTO mail VALUES (14, 1, 1, 2, 5, '', 1795990978436, 1795990978544, 148);
INSERT INTO mailbox VALUES (1, 'ann@example.org');
INSERT INTO mailbox VALUES (2, 'bob@example.org');
INSERT INTO message VALUES (893559515915935, '0scp04rg9mz', 1795990978690, 'ann@example.org', '', '{"session":"1dcb460000","service":"submission","clientAddress":"127.0.0.1","hello":"c","protocol":"ESMTPA","account":"ann@example.org"}', '<0scp04rg9mz@mx.example.org>', 'Received: from c ([127.0.0.1])
	by mx.example.org with ESMTPA id 0scp04rg9mz
	for <far@example.net>;
	Sun, 29 Nov 2026 22:22:58 +0000
Date: Sun, 29 Nov 2026 22:22:58 +0000
Message-ID: <0scp04rg9mz@mx.example.org>
', 54, NULL, x'46726f6d3a20616e6e406578616d706c652e6f72670d0a5375626a6563743a2077616974730d0a0d0a5374696c6c20686572652e0d0a');
INSERT INTO meta VALUES ('accounts', 3);
INSERT INTO meta VALUES ('email', 1000);
INSERT INTO meta VALUES ('epoch', 4);
INSERT INTO meta VALUES ('flush', 0);
INSERT INTO meta VALUES ('identity', 1612735829477586);
INSERT INTO meta VALUES ('uid_validity', 1795990979);
INSERT INTO recipient VALUES (893559515915935, 0, 'far@example.net', '', 'host:127.0.0.1:15981#0', NULL, 1795991276342, 0, 1, 0, '{"code":451,"detail":"4.1","lines":["No connection to 127.0.0.1: [127.0.0.1]: connection refused"]}');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES ('folder', 14);
INSERT INTO sqlite_sequence VALUES ('content', 4);
INSERT INTO subscription VALUES (1, 'Archive');
INSERT INTO subscription VALUES (1, 'Drafts');
INSERT INTO subscription VALUES (1, 'INBOX');
INSERT INTO subscription VALUES (1, 'Junk');
INSERT INTO subscription VALUES (1, 'Sent');
INSERT INTO subscription VALUES (1, 'Trash');
INSERT INTO subscription VALUES (1, 'Work/2026');
INSERT INTO subscription VALUES (2, 'Archive');
INSERT INTO subscription VALUES (2, 'Drafts');
INSERT INTO subscription VALUES (2, 'INBOX');
INSERT INTO subscription VALUES (2, 'Junk');
INSERT INTO subscription VALUES (2, 'Sent');
INSERT INTO subscription VALUES (2, 'Trash');
PRAGMA application_id = 0;
PRAGMA user_version = 2;
