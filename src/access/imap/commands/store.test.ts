import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { CommandOf } from '../../../imap/command.ts';
import { openInMemory } from '../../../store/sqlite/test-stores.ts';
import { storeBut, TestConversation, testProcess, untoldStore } from '../test-conversation.ts';
import { ann, bob, dialogue } from '../test-dialogue.ts';

describe('keywords', () => {
  dialogue(
    `RFC 9051 §2.3.2: one is the same in upper and lower case
    A! SELECT INBOX
    A! STORE 1 +FLAGS.SILENT (work)
    A> a STORE 1 +FLAGS (Work)
    A< * 1 FETCH (FLAGS (work))
    A< a OK …
    A> b STORE 2 +FLAGS (WORK)
    A< * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft work)
    A< * OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft work \\*)] …
    A< * 2 FETCH (FLAGS (WORK))
    A< b OK …`,
  );
});

describe('STORE', () => {
  dialogue(
    `RFC 9051 §6.4.6: adds, removes, replaces; .SILENT says nothing
    A! SELECT INBOX
    A> a STORE 1:2 +FLAGS (\\Flagged work)
    A< * FLAGS (… work)
    A< * OK [PERMANENTFLAGS (…work \\*)] …
    A< * 1 FETCH (FLAGS (\\Flagged work))
    A< * 2 FETCH (FLAGS (\\Flagged work))
    A< a OK …
    A> b STORE 1 -FLAGS (\\flagged)
    A< * 1 FETCH (FLAGS (work))
    A< b OK …
    A> c UID STORE 2 FLAGS (\\Draft)
    A< * 2 FETCH (UID 2 FLAGS (\\Draft))
    A< c OK …
    A> d STORE 1:3 FLAGS.SILENT ()
    A< d OK …
    A> e FETCH 1:3 FLAGS
    A< * 1 FETCH (FLAGS ())
    A< * 2 FETCH (FLAGS ())
    A< * 3 FETCH (FLAGS ())
    A< e OK …
    A> f UID STORE 77 +FLAGS (\\Seen)
    A< f OK …
    A> g STORE 1 +FLAGS (\\Recent)
    A< * 1 FETCH (FLAGS ())
    A< g OK …`,
  );
  dialogue(
    `RFC 9051 §6.4.6: with .SILENT what another session changed meanwhile is told
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Seen)
    A> a STORE 1 +FLAGS.SILENT (\\Flagged)
    A< * 1 FETCH (FLAGS (\\Seen \\Flagged))
    A< a OK …
    B> b NOOP
    B< * 1 FETCH (FLAGS (\\Seen \\Flagged))
    B< b OK …
    A> c NOOP
    A< c OK …`,
  );
  dialogue(
    `RFC 7162 §3.1.3: UNCHANGEDSINCE, MODIFIED, and the new mod-sequences
    A! SELECT INBOX (CONDSTORE)
    B! SELECT INBOX
    B! STORE 2 +FLAGS.SILENT (\\Seen)
    A> a STORE 1:3 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Flagged)
    A< * 1 FETCH (MODSEQ (7))
    A< * 3 FETCH (MODSEQ (7))
    A< * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (6))
    A< a OK [MODIFIED 2] …
    A> b UID STORE 2 (UNCHANGEDSINCE 6) +FLAGS (\\Flagged)
    A< * 2 FETCH (UID 2 FLAGS (\\Seen \\Flagged) MODSEQ (8))
    A< b OK …
    A> c UID STORE 1:4 (UNCHANGEDSINCE 0) +FLAGS (work)
    A< c OK [MODIFIED 1:4] …`,
  );
});

const words = (count: number, name = 'k') =>
  Array.from({ length: count }, (_, i) => `${name}${i}`).join(' ');

describe('RFC 5530 §3 LIMIT: more keywords than a message can have', () => {
  dialogue(
    `STORE is NO for all its messages, and what was there stays
    A! SELECT INBOX
    A! STORE 2 FLAGS.SILENT (${words(64)})
    A> a STORE 1:3 +FLAGS (\\Seen one-more)
    A< a NO [LIMIT] A message can have 64 keywords, and would have 65
    A> b STORE 1 FLAGS (${words(65)})
    A< b NO [LIMIT] …
    A> c STORE 1 +FLAGS.SILENT (<x256>)
    A< c NO [LIMIT] A keyword can have 255 octets
    A> d FETCH 1,3 FLAGS
    A< * 1 FETCH (FLAGS ())
    A< * 3 FETCH (FLAGS ())
    A< d OK …`,
  );
  dialogue(
    `nor does rights' leave to change only some of the flags half of it
    B! SELECT "Other Users/bob@example.org/Team"
    B> b STORE 1 FLAGS (${words(65)})
    B< b NO [LIMIT] …
    B> c FETCH 1 FLAGS
    B< * 1 FETCH (FLAGS (\\Recent \\Seen old))
    B< c OK …`,
    {
      prepare: async (store) => {
        const { id } = await store.create(bob, 'Team', undefined);
        await store.setAcl(id, 'ann@example.org', 'lrw');
        const bytes = Buffer.from('Subject: x\r\n\r\n');
        const flags = ['\\Seen', 'old'];
        await store.append(id, [{ content: { kind: 'inline', bytes }, flags, received: 0 }]);
      },
    },
  );
  dialogue(
    `APPEND and REPLACE are NO, and store none of their messages
    A! SELECT INBOX
    A> a APPEND Archive {3+}
    A> one (${words(65)}) {3+}
    A> two
    A< a NO [LIMIT] …
    A> b REPLACE 1 Archive (${words(65)}) {3+}
    A> one
    A< b NO [LIMIT] …
    A> c STATUS Archive (MESSAGES)
    A< * STATUS "Archive" (MESSAGES 0)
    A< c OK …
    A> d FETCH 1 UID
    A< * 1 FETCH (UID 1)
    A< d OK …`,
  );
});

describe('STORE', () => {
  dialogue(
    `RFC 9051 §2.3.2: a system flag that there is not is refused, and nothing is changed
    A! SELECT INBOX
    A> a STORE 1 +FLAGS (\\Seen \\Foo)
    A< a NO [CANNOT] There is no system flag \\Foo
    A> b STORE 1 FLAGS.SILENT \\Foo
    A< b NO [CANNOT] …
    A> c STORE 1 +FLAGS (\\Recent)
    A< * 1 FETCH (FLAGS ())
    A< c OK …
    A> d APPEND INBOX (\\Foo) {3}
    A< d NO [CANNOT] …
    A> e APPEND INBOX (\\Foo) {3+}
    A< e NO [CANNOT] …
    A> abc
    A> f NOOP
    A< f OK …`,
  );
  dialogue(
    `RFC 4314 §4: STORE changes the flags that the rights are for, and is NO where there are none
    A! SELECT INBOX
    A! STORE 2:3 FLAGS.SILENT (\\Flagged \\Deleted)
    A! SETACL INBOX ${bob} lrs
    B! SELECT "Other Users/${ann}/INBOX"
    B> a STORE 1 +FLAGS (\\Seen \\Flagged)
    B< * 1 FETCH (FLAGS (\\Seen))
    B< a OK …
    B> b STORE 1 +FLAGS (\\Flagged)
    B< b NO [NOPERM] …
    B> c STORE 2 FLAGS (\\Seen)
    B< * 2 FETCH (FLAGS (\\Seen \\Flagged \\Deleted))
    B< c OK …
    B> d STORE 2 FLAGS ()
    B< * 2 FETCH (FLAGS (\\Flagged \\Deleted))
    B< d OK …
    A! SETACL INBOX ${bob} lrsw
    B> e STORE 3 FLAGS (\\Seen)
    B< * FLAGS …
    B< * OK [PERMANENTFLAGS …] …
    B< * 3 FETCH (FLAGS (\\Seen \\Deleted))
    B< e OK …
    B> f STORE 3 +FLAGS (\\Flagged)
    B< * 3 FETCH (FLAGS (\\Seen \\Flagged \\Deleted))
    B< f OK …
    B> g STORE 3 -FLAGS (\\Seen \\Deleted)
    B< * 3 FETCH (FLAGS (\\Flagged \\Deleted))
    B< g OK …
    A! SETACL INBOX ${bob} lr
    B> h STORE 3 FLAGS ()
    B< * FLAGS …
    B< * OK [PERMANENTFLAGS ()] …
    B< h NO [NOPERM] …`,
    { accounts: { B: bob } },
  );
  dialogue(
    `RFC 2180 §4.2.3: messages that are gone are left out, the others are changed; not so COPY
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> a STORE 1:2 +FLAGS (\\Seen)
    A< * 2 FETCH (FLAGS (\\Seen))
    A< a OK [EXPUNGEISSUED] …
    A> b STORE 1 +FLAGS.SILENT (\\Seen)
    A< b OK [EXPUNGEISSUED] …
    A> c COPY 1:2 Archive
    A< * 1 EXPUNGE
    A< c NO [EXPUNGEISSUED] …
    A> d STATUS Archive (MESSAGES)
    A< * STATUS "Archive" (MESSAGES 0)
    A< d OK …`,
  );
});

async function inboxOf(messages: number) {
  const test = await openInMemory();
  const { folders } = test.stores;
  await folders.ensure(ann);
  const { id } = (await folders.find(ann, 'INBOX'))!;
  const content = { kind: 'inline', bytes: Buffer.from('x') } as const;
  const mails = Array.from({ length: messages }, () => ({ content, flags: [], received: 0 }));
  await folders.append(id, mails);
  await folders.leaveRecent(id, messages + 1);
  return { folders, id, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}

const storeCommand = (
  [from, to]: readonly [number, number],
  flags: readonly string[],
  silent = false,
): CommandOf<'STORE'> => ({
  ...{ name: 'STORE', uid: false, change: 'add', silent, flags, unchangedSince: undefined },
  set: { kind: 'ranges', ranges: [{ from, to }] },
});

describe('STORE beside other sessions', () => {
  it('RFC 9051 §6.4.6: what was changed is told of, though it was expunged right after', async () => {
    await using inbox = await inboxOf(2);
    const { folders, id } = inbox;
    // Another session is faster than the columns of this one.
    const store = storeBut(folders, {
      async store(...given) {
        const result = await folders.store(...given);
        await folders.store(id, [1], [{ kind: 'add', flags: ['\\Deleted'] }]);
        await folders.expunge(id, [1]);
        return result;
      },
    });
    const client = new TestConversation(testProcess(store), ann);
    await client.select('INBOX');
    const said = await client.run(storeCommand([1, 2], ['\\Seen', 'work']));
    assert.deepEqual(said.slice(-3), [
      '1 FETCH (FLAGS (\\Seen work))',
      '2 FETCH (FLAGS (\\Seen work))',
      'OK STORE completed',
    ]);
    client.close();
  });

  it('RFC 9051 §6.4.6: with .SILENT what is other than the client reckons is told, flag or keyword', async () => {
    await using inbox = await inboxOf(3);
    const { folders, id } = inbox;
    const store = storeBut(folders, {
      async store(...given) {
        await folders.store(id, [1], [{ kind: 'add', flags: ['\\Seen'] }]);
        await folders.store(id, [2], [{ kind: 'add', flags: ['work'] }]);
        return await folders.store(...given);
      },
    });
    const client = new TestConversation(testProcess(store), ann);
    await client.select('INBOX');
    const said = await client.run(storeCommand([1, 3], ['\\Flagged'], true));
    assert.deepEqual(said.slice(-3), [
      '1 FETCH (FLAGS (\\Seen \\Flagged))',
      '2 FETCH (FLAGS (\\Flagged work))',
      'OK STORE completed',
    ]);
    client.close();
  });

  it('RFC 9051 §6.4.6: the flags that are told are the new ones, however late the store tells of them', async () => {
    await using inbox = await inboxOf(1);
    const client = new TestConversation(testProcess(untoldStore(inbox.folders)), ann);
    await client.select('INBOX');
    assert.deepEqual(await client.run(storeCommand([1, 1], ['\\Seen'])), [
      '1 FETCH (FLAGS (\\Seen))',
      'OK STORE completed',
    ]);
    client.close();
  });

  for (const silent of [false, true])
    it(`says no more than the client reads${silent ? ', of mod-sequences, too' : ''}`, async () => {
      await using inbox = await inboxOf(1500);
      const client = new TestConversation(testProcess(inbox.folders), ann, ['CONDSTORE']);
      await client.select('INBOX');
      client.taken();
      const reading = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      client.context.room = () => {
        asked.resolve();
        return reading.promise;
      };
      const done = client.run(storeCommand([1, 1500], ['\\Seen'], silent));
      await asked.promise;
      await setImmediate();
      assert.equal(client.taken().length, 1000);
      reading.resolve();
      assert.equal((await done).length, 501);
      client.close();
    });
});

describe('STORE', () => {
  dialogue(
    `RFC 9586 §3, RFC 7162 §3.1.3: with UIDONLY the new mod-sequence is said of a UID
    A! ENABLE UIDONLY CONDSTORE
    A! SELECT INBOX
    A> a UID STORE 3 +FLAGS.SILENT (\\Seen)
    A< * 3 UIDFETCH (MODSEQ (6))
    A< a OK …
    A> b STORE 3 +FLAGS (\\Flagged)
    A< b BAD [UIDREQUIRED] …
    A> c COPY 3 Archive
    A< c BAD [UIDREQUIRED] …
    A> d MOVE 3 Archive
    A< d BAD [UIDREQUIRED] …`,
  );
});

describe('COPY and MOVE', () => {
  dialogue(
    `RFC 9051 §6.4.7 and §6.4.8, RFC 4315 §3, RFC 6851 §4.3: COPYUID, and the expunges of MOVE behind it
    A! SELECT INBOX
    A! STORE 2 +FLAGS.SILENT (\\Seen work)
    A> a COPY 2:3 Archive
    A< a OK [COPYUID … 2:3 1:2] …
    A> b UID MOVE 1,3:9 Archive
    A< * OK [COPYUID … 1,3:4 3:5] …
    A< * 4 EXPUNGE
    A< * 3 EXPUNGE
    A< * 1 EXPUNGE
    A< b OK …
    A> c COPY 1 Nowhere
    A< c NO [TRYCREATE] …
    A> d UID COPY 99 Archive
    A< d OK …
    A> e COPY 1 INBOX
    A< * 2 EXISTS
    A< * … RECENT
    A< e OK [COPYUID {v} 2 5] …
    A! SELECT Archive
    A> f FETCH 1:* (UID FLAGS)
    A< * 1 FETCH (UID 1 FLAGS (\\Recent \\Seen work))
    A< * 2 FETCH (UID 2 FLAGS (\\Recent))
    A< * 3 FETCH (UID 3 FLAGS (\\Recent))
    A< * 4 FETCH (UID 4 FLAGS (\\Recent))
    A< * 5 FETCH (UID 5 FLAGS (\\Recent))
    A< f OK …`,
  );
  dialogue(
    `RFC 7162 §3.2.7 and §3.2.10: with QRESYNC VANISHED and HIGHESTMODSEQ
    A! ENABLE QRESYNC
    A! SELECT INBOX
    A> a MOVE 2:3 Archive
    A< * OK [COPYUID … 2:3 1:2] …
    A< * VANISHED 2:3
    A< a OK [HIGHESTMODSEQ 6] …
    A> b STORE 1 +FLAGS.SILENT (\\Deleted)
    A< * 1 FETCH (UID 1 MODSEQ (7))
    A< b OK …
    A> c EXPUNGE
    A< * VANISHED 1
    A< c OK [HIGHESTMODSEQ 8] …`,
  );
  dialogue(
    `RFC 9051 §6.4.7, RFC 6851 §3.3: UIDs whose messages have just gone copy and move nothing, and nothing is said of them
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1:2 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> a UID COPY 1 Archive
    A< * 2 EXPUNGE
    A< * 1 EXPUNGE
    A< a OK COPY completed
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> b UID MOVE 3 Archive
    A< * 1 EXPUNGE
    A< b OK MOVE completed
    A> c UID COPY 1:3 Archive
    A< c OK COPY completed
    A> d STATUS Archive (MESSAGES)
    A< * STATUS "Archive" (MESSAGES 0)
    A< d OK …`,
  );

  dialogue(
    `RFC 4314 §4, §6: into a mailbox of another only with "i"; who may not list it does not hear that there is one
    A! CREATE Team
    A! CREATE Hidden
    A! SETACL Team ${bob} lr
    A! SETACL Hidden ${bob} r
    A! SETACL INBOX ${bob} lrswite
    B! SELECT "Other Users/${ann}/INBOX"
    B> a COPY 1 "Other Users/${ann}/Team"
    B< a NO [NOPERM] …
    B> b MOVE 1 "Other Users/${ann}/Hidden"
    B< b NO [TRYCREATE] There is no such mailbox
    B> c COPY 1 "Other Users/${ann}/Nowhere"
    B< c NO [TRYCREATE] There is no such mailbox
    A! SETACL INBOX ${bob} lrswie
    B> d MOVE 1 INBOX
    B< * FLAGS …
    B< * OK [PERMANENTFLAGS …] …
    B< d NO [NOPERM] …
    A! SETACL INBOX ${bob} lrswit
    B> e MOVE 1 INBOX
    B< * FLAGS …
    B< * OK [PERMANENTFLAGS …] …
    B< e NO [NOPERM] …
    A! SETACL INBOX ${bob} lrswite
    B! EXAMINE "Other Users/${ann}/INBOX"
    B> f MOVE 1 INBOX
    B< f NO [READ-ONLY] …
    B! COPY 1 INBOX`,
    { accounts: { B: bob } },
  );

  it('RFC 6851 §4.3: MOVE says what it removed before its OK, however late the store tells of it', async () => {
    await using inbox = await inboxOf(3);
    const client = new TestConversation(testProcess(untoldStore(inbox.folders)), ann);
    await client.select('INBOX');
    const put = (name: 'COPY' | 'MOVE', mailbox: string) =>
      client.run({
        ...{ name, uid: false, mailbox },
        set: { kind: 'ranges', ranges: [{ from: 1, to: 2 }] },
      });
    assert.match(
      (await put('MOVE', 'Archive')).join(),
      /^OK \[COPYUID .*\] Moved,2 EXPUNGE,1 EXPUNGE,OK /,
    );
    await client.select('Archive');
    assert.match((await put('COPY', 'Archive')).join(), /^4 EXISTS,4 RECENT,OK \[COPYUID .*\]$/);
    client.close();
  });
});
