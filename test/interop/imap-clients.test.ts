// The programs that people read their mail with, in a terminal and offline: mbsync, mutt.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import type { ImapServer } from './imap-server.ts';
import { ann, host, password, startImapServer } from './imap-server.ts';
import { run, without } from './peers.ts';

/** Every message of a Maildir tree, with its time: what a sync that changes nothing leaves alone. */
function picture(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|\/)(cur|new)\//.test(name))
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .sort();
}

describe('interop: mbsync', () => {
  it('two ways: mail and flags down and up, and nothing at all when nothing changed', {
    skip: without('mbsync'),
  }, async () => {
    await using test = await startImapServer();
    const home = join(test.server.directory, 'mbsync');
    const maildir = join(home, 'mail');
    mkdirSync(maildir, { recursive: true });
    const rc = join(home, 'mbsyncrc');
    writeFileSync(
      rc,
      `
IMAPAccount ann
Host ${host}
Port ${test.implicit}
User ${ann}
Pass "${password}"
SSLType IMAPS
SystemCertificates no
CertificateFile ${await test.certificateFile()}

IMAPStore far
Account ann

MaildirStore near
Path ${maildir}/
Inbox ${maildir}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove None
Expunge Both
SyncState ${home}/state/
`,
    );
    chmodSync(rc, 0o600);
    mkdirSync(join(home, 'state'));
    const sync = async () => (await run('mbsync', ['-c', rc, '-V', 'all'])).stdout;
    const near = (folder: string) =>
      ['cur', 'new'].flatMap((sub) => {
        const dir = join(maildir, folder, sub);
        return existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [];
      });
    const named = (subject: RegExp) =>
      near('INBOX').find((path) => subject.test(readFileSync(path, 'utf8')));

    await sync();
    assert.equal(near('INBOX').length, 3);
    for (const folder of ['Sent', 'Drafts', 'Trash', 'Junk', 'Archive'])
      assert.ok(existsSync(join(maildir, folder)), folder);

    const client = await test.login();
    const far = async () => {
      await client.ask('EXAMINE INBOX');
      const items = '(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)';
      return (await client.ask(`UID FETCH 1:* ${items}`)).filter((line) =>
        /^\* \d+ FETCH /.test(line),
      );
    };
    const [before, there] = [picture(maildir), await far()];
    await sync();
    assert.deepEqual(picture(maildir), before, 'a second sync changes nothing here');
    assert.deepEqual(await far(), there, 'and nothing there');

    // Up: a flag, a new message, a deletion.
    const first = named(/^Subject: .*message.1/m)!;
    renameSync(first, join(maildir, 'INBOX/cur', `${basename(first).replace(/:2,.*$/, '')}:2,FS`));
    writeFileSync(join(maildir, 'Sent/cur/1.local:2,S'), 'Subject: mine\r\n\r\nWritten here.\r\n');
    unlinkSync(named(/^Subject: .*message.3/m)!);
    // Down: a flag and a message.
    await test.send('message 4', 'late');
    await client.ask('SELECT INBOX');
    await client.ask('UID STORE 2 +FLAGS (\\Answered)');
    await sync();
    assert.match(
      (await client.ask('UID FETCH 1 FLAGS'))[0]!,
      /\\Flagged.*\\Seen|\\Seen.*\\Flagged/,
    );
    assert.equal((await client.ask('UID SEARCH ALL'))[0], '* SEARCH 1 2 4');
    assert.ok(named(/^Subject: .*message.4/m));
    assert.match(named(/^Subject: .*message.2/m)!, /:2,.*R/);
    await client.ask('SELECT Sent');
    assert.match(
      (await client.ask('FETCH 1 (FLAGS BODY.PEEK[TEXT])')).join('\r\n'),
      /\\Seen.*Written here\./s,
    );
    // Down: a deletion.
    await client.ask('SELECT INBOX');
    await client.ask('UID STORE 2 +FLAGS (\\Deleted)');
    await client.ask('UID EXPUNGE 2');
    await sync();
    assert.equal(named(/^Subject: .*message.2/m), undefined);
    const [settled, settledThere] = [picture(maildir), await far()];
    await sync();
    assert.deepEqual(picture(maildir), settled, 'and once more nothing');
    assert.deepEqual(await far(), settledThere);
    client.close();
  });
});

describe('interop: mutt', () => {
  const ways = [
    ['imaps', (server: ImapServer) => `imaps://${host}:${server.implicit}`],
    ['STARTTLS', (server: ImapServer) => `imap://${host}:${server.imap}`],
  ] as const;
  for (const [way, urlOf] of ways)
    it(`reads, flags, saves to another folder and deletes, by ${way}`, {
      skip: without('mutt', 'script'),
    }, async () => {
      await using test = await startImapServer();
      const home = join(test.server.directory, 'mutt');
      mkdirSync(home);
      const read = join(home, 'read');
      const rc = join(home, 'muttrc');
      writeFileSync(
        rc,
        `
set folder = "${urlOf(test)}/"
set ssl_force_tls = yes
set spoolfile = "+INBOX"
set imap_user = "${ann}"
set imap_pass = "${password}"
set certificate_file = "${await test.certificateFile()}"
set ssl_verify_host = no
set header_cache = "${home}/cache"
set pipe_decode = no
set wait_key = no
set delete = yes
set quit = yes
set confirmappend = no
set copy = no
set sort = mailbox-order
push "\\
<first-entry><pipe-message>cat >> ${read}<enter>\\
<next-entry><pipe-message>cat >> ${read}<enter><flag-message>\\
<last-entry><pipe-message>cat >> ${read}<enter>\\
<save-message>=Archive<enter>\\
<limit>~s \\"message 2\\"<enter><copy-message>=Drafts<enter>\\
<limit>all<enter><first-entry><delete-message><sync-mailbox><quit>"
`,
      );
      const env = { ...process.env, HOME: home, TERM: 'xterm', LANG: 'C.UTF-8' };
      await run('script', ['-qec', `mutt -n -F ${rc}`, '/dev/null'], {
        ...{ env, timeout: 60_000, maxBuffer: 2 ** 26 },
      });
      const text = readFileSync(read, 'utf8');
      assert.match(text, /^Subject: message 1\r?$/m);
      assert.match(text, /^x{70}\r?$/m);
      const client = await test.login();
      await client.ask('SELECT INBOX');
      const left = await client.ask('FETCH 1:* (UID FLAGS)');
      assert.equal(left.length, 2, left.join('\n'));
      assert.match(left[0]!, /UID 2\b.*\\Flagged/);
      for (const [folder, subject] of [
        ['Archive', /message.3/],
        ['Drafts', /message.2/],
      ] as const) {
        await client.ask(`SELECT ${folder}`);
        const found = await client.ask('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
        assert.ok(
          found.some((line) => subject.test(line)),
          folder,
        );
      }
      client.close();
    });
});
