// The libraries and tools that programs read IMAP with: curl, Python's imaplib, imapflow, fetchmail.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ImapFlow } from 'imapflow';
import { eventually, mailbox, show } from '../process.ts';
import { ann, host, password, startImapServer } from './imap-server.ts';
import { run, without } from './peers.ts';

const subjectsOf = (mails: readonly { readonly subject: string }[]): string[] =>
  mails.map(({ subject }) => subject).sort();

describe('interop: IMAP', () => {
  it('curl: imap with STARTTLS, imaps; list, fetch byte for byte, search, append', {
    skip: without('curl'),
  }, async () => {
    await using test = await startImapServer();
    const { server, imap, implicit } = test;
    const curl = async (url: string, ...more: string[]) => {
      const common = ['-sS', '--ssl-reqd', '-k', '--user', `${ann}:${password}`];
      return (await run('curl', [...common, ...more, url], { maxBuffer: 2 ** 26 })).stdout;
    };
    const [, second] = await mailbox(server, ann);
    const file = join(server.directory, 'draft.eml');
    const urls = [`imap://${host}:${imap}`, `imaps://${host}:${implicit}`];
    for (const [index, url] of urls.entries()) {
      assert.match(await curl(`${url}/`), /^\* LIST \([^)]*\) "?\/"? "?INBOX"?\r$/m);
      assert.equal(
        await curl(`${url}/INBOX;MAILINDEX=2`),
        await show(server, ann, second!.id),
        'what the store has, octet for octet',
      );
      assert.match(await curl(`${url}/INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)`), /message 1/);
      assert.match(await curl(`${url}/INBOX?SUBJECT%20%22message%203%22`), /^\* SEARCH 3\r\n$/);
      assert.match(await curl(`${url}/INBOX`, '-X', 'EXAMINE INBOX'), /\* 3 EXISTS/);
      const draft = `Subject: from curl, ${url}\r\n\r\nA draft.\r\n`;
      writeFileSync(file, draft);
      await curl(`${url}/Drafts`, '-T', file);
      assert.equal(await curl(`${url}/Drafts;UID=${index + 1}`), draft);
    }
    await assert.rejects(
      run('curl', ['-sS', `imap://${host}:${imap}/`, '--user', `${ann}:${password}`]),
      'no passwords in the clear',
    );
    await assert.rejects(
      run('curl', ['-sSk', `imaps://${host}:${implicit}/`, '--user', `${ann}:wrong`]),
    );
  });

  it('Python’s imaplib: STARTTLS, folders, flags, search, sort, thread, copy, move, append', {
    skip: without('python3'),
  }, async () => {
    await using test = await startImapServer();
    const { server, imap, implicit } = test;
    const script = `
import imaplib, ssl, sys, time
imap, implicit, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl._create_unverified_context()
def ok(answer):
    assert answer[0] == 'OK', answer
    return answer[1]
box = imaplib.IMAP4('${host}', imap, timeout=20)
assert 'STARTTLS' in box.capabilities and 'LOGINDISABLED' in box.capabilities, box.capabilities
try:
    box.login(user, password); sys.exit('a password in the clear')
except imaplib.IMAP4.error: pass
ok(box.starttls(context))
assert 'AUTH=PLAIN' in box.capabilities, box.capabilities
ok(box.authenticate('PLAIN', lambda _: b'\\0' + user.encode() + b'\\0' + password.encode()))
assert ok(box.select('INBOX')) == [b'3']
assert ok(box.search(None, 'SUBJECT', '"message 3"')) == [b'3']
assert ok(box.uid('SORT', '(REVERSE ARRIVAL)', 'UTF-8', 'ALL')) == [b'3 2 1']
assert ok(box.thread('REFERENCES', 'UTF-8', 'ALL')) == [b'(1)(2)(3)']
raw = ok(box.fetch('2', '(RFC822)'))[0][1]
structure = ok(box.fetch('2', '(BODYSTRUCTURE ENVELOPE)'))[0]
assert b'"MIXED"' in structure.upper(), structure
assert len(ok(box.fetch('3', '(BODY.PEEK[TEXT]<10.100>)'))[0][1]) == 100
assert b'\\\\Flagged' in ok(box.store('1', '+FLAGS', '(\\\\Flagged work)'))[0]
ok(box.create('Projects/2026')); ok(box.subscribe('Projects/2026'))
assert len(ok(box.lsub())) >= 1
ok(box.copy('1,2', 'Projects/2026')); ok(box.uid('MOVE', '3', 'Archive'))
assert ok(box.select('Archive')) == [b'1']
date = imaplib.Time2Internaldate(time.time())
ok(box.append('Archive', '(\\\\Seen)', date, raw))
assert ok(box.status('Archive', '(MESSAGES UNSEEN UIDNEXT)'))[0].endswith(b'(MESSAGES 2 UNSEEN 1 UIDNEXT 3)')
assert ok(box.fetch('2', '(BODY.PEEK[])'))[0][1] == raw
ok(box.rename('Archive', 'Attic')); ok(box.select('Projects/2026'))
assert b'work' in ok(box.fetch('1', '(FLAGS)'))[0]
ok(box.store('1', '+FLAGS.SILENT', '(\\\\Deleted)'))
assert ok(box.expunge()) == [b'1']
other = imaplib.IMAP4_SSL('${host}', implicit, timeout=20, ssl_context=context)
ok(other.login(user, password)); ok(other.enable('UTF8=ACCEPT')); ok(other.select('INBOX'))
ok(box.select('INBOX')); ok(box.store('1', '+FLAGS', '(\\\\Deleted)')); ok(box.close())
ok(other.noop())
assert other.response('EXPUNGE')[1] == [b'1'], 'told of what another did'
ok(other.unselect()); ok(box.delete('Attic')); box.logout(); other.logout()
print('good')
`;
    const { stdout } = await run('python3', [
      ...['-c', script, String(imap), String(implicit), ann, password],
    ]);
    assert.equal(stdout, 'good\n');
    assert.deepEqual(
      subjectsOf(await mailbox(server, ann)),
      ['message 2 with Käse', 'message 2 with Käse'],
      'in INBOX, and its copy',
    );
  });

  it('imapflow: QRESYNC, IDLE, fetch, download, flags, move, append, search, quota', async () => {
    await using test = await startImapServer();
    const client = new ImapFlow({
      ...{ host, port: test.implicit, secure: true, logger: false, qresync: true },
      tls: { rejectUnauthorized: false },
      auth: { user: ann, pass: password },
    });
    await client.connect();
    try {
      assert.ok(client.enabled.has('QRESYNC'), [...client.enabled].join(' '));
      const uses = new Map((await client.list()).map(({ path, specialUse }) => [specialUse, path]));
      for (const [use, path] of [
        ['\\Sent', 'Sent'],
        ['\\Trash', 'Trash'],
        ['\\Drafts', 'Drafts'],
      ])
        assert.equal(uses.get(use!), path);
      const opened = await client.mailboxOpen('INBOX');
      assert.equal(opened.exists, 3);
      const second = await client.fetchOne('2', {
        ...{ uid: true, flags: true, envelope: true, bodyStructure: true, internalDate: true },
        ...{ size: true, threadId: true },
      });
      assert.ok(second !== false);
      assert.equal(second.envelope?.subject, 'message 2 with Käse');
      assert.equal(second.envelope?.from?.[0]?.address, 'bob@example.net');
      assert.equal(
        second.bodyStructure?.childNodes?.[1]?.dispositionParameters?.filename,
        'Einkäufe.csv',
      );
      const part = await client.download('2', '2');
      const pieces: Buffer[] = [];
      for await (const piece of part.content ?? []) pieces.push(piece);
      assert.equal(Buffer.concat(pieces).toString(), 'Käse;1\r\n');
      assert.deepEqual(await client.search({ subject: 'Käse' }), [2]);
      await client.messageFlagsAdd('1', ['\\Flagged']);
      const copied = await client.messageCopy('1', 'Archive');
      assert.deepEqual(copied !== false && copied.uidMap, new Map([[1, 1]]));
      const moved = await client.messageMove('3', 'Trash');
      assert.deepEqual(moved !== false && moved.uidMap, new Map([[3, 1]]));
      const appended = await client.append('Sent', 'Subject: sent\r\n\r\nx\r\n', ['\\Seen']);
      assert.equal(appended !== false && appended.uid, 1);
      const told = new Promise<number>((resolve) =>
        client.once('exists', ({ count }) => resolve(count)),
      );
      const idle = client.idle();
      await test.send('message 4', 'Are you there?');
      assert.equal(await told, 3);
      await client.noop();
      await idle;
      const status = await client.status('Trash', { messages: true, unseen: true });
      assert.ok(status !== false);
      assert.equal(status.messages, 1);
      assert.ok(await client.getQuota('INBOX'));
      await client.mailboxCreate('Kunden/Müller & Söhne');
      const paths = (await client.list()).map(({ path }) => path);
      assert.ok(paths.includes('Kunden/Müller & Söhne'), paths.join(', '));
    } finally {
      await client.logout().catch(() => client.close());
    }
  });

  it('fetchmail: fetches what is unseen and keeps it, then fetches all and removes it', {
    skip: without('fetchmail'),
  }, async () => {
    await using test = await startImapServer();
    const { server, imap, implicit } = test;
    const home = join(server.directory, 'fetchmail');
    const inbox = join(home, 'inbox');
    mkdirSync(inbox, { recursive: true });
    const rc = join(home, 'fetchmailrc');
    const poll = async (service: number, options: string) => {
      writeFileSync(
        rc,
        `poll ${host} service ${service} proto imap user "${ann}" password "${password}" ${options}
           no sslcertck mda "cat > ${inbox}/$(date +%s%N)"\n`,
      );
      chmodSync(rc, 0o600);
      const env = { ...process.env, HOME: home, FETCHMAILHOME: home };
      await run('fetchmail', ['-f', rc, '--nosyslog', '-i', join(home, 'ids')], { env });
    };
    const nothingNew = (error: { code: number }) => error.code === 1;
    await poll(imap, `keep sslproto 'auto'`);
    assert.equal(readdirSync(inbox).length, 3);
    await assert.rejects(poll(imap, `keep sslproto 'auto'`), nothingNew, 'seen is seen');
    await test.send('message 4', 'More.');
    await poll(imap, `keep sslproto 'auto'`);
    assert.equal(readdirSync(inbox).length, 4);
    await poll(implicit, 'nokeep fetchall ssl');
    assert.equal(readdirSync(inbox).length, 8);
    await eventually(
      async () => ((await mailbox(server, ann)).length === 0 ? true : undefined),
      'all to be removed',
    );
    const fetched = readdirSync(inbox).map((name) => readFileSync(join(inbox, name), 'utf8'));
    assert.equal(fetched.filter((text) => text.includes('Subject: message 4')).length, 2);
  });
});
