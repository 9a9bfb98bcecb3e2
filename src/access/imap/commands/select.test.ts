import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../../../smtp/smtp-error.ts';
import type { FolderStore } from '../../../store/folder-store.ts';
import { openInMemory } from '../../../store/sqlite/test-stores.ts';
import { storeBut, TestConversation, testProcess } from '../test-conversation.ts';
import { ann, bob, dialogue, fill } from '../test-dialogue.ts';

const flagged = [
  { text: 'Subject: one\r\n\r\n', flags: ['\\Seen'] },
  { text: 'Subject: two\r\n\r\n', flags: ['\\Seen', '$Work'] },
  { text: 'Subject: three\r\n\r\n', flags: ['Junk'] },
];

describe('SELECT and EXAMINE', () => {
  dialogue(
    `RFC 3501 §6.3.1, RFC 7162 §3.1.2, RFC 8474 §4.1: what an IMAP4rev1 client is told
    A> a SELECT INBOX
    A< * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Work Junk)
    A< * 3 EXISTS
    A< * 0 RECENT
    A< * OK [UNSEEN 3] …
    A< * OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Work Junk \\*)] …
    A< * OK [UIDVALIDITY {v}] …
    A< * OK [UIDNEXT 4] …
    A< * OK [HIGHESTMODSEQ …] …
    A< * OK [MAILBOXID (F…)] …
    A< * OK [URLMECH INTERNAL] …
    A< a OK [READ-WRITE] …`,
    { mails: flagged },
  );
  dialogue(
    `RFC 9051 §6.3.2 and §6.3.3: an IMAP4rev2 client gets a LIST response; EXAMINE is READ-ONLY
    A> a ENABLE IMAP4rev2
    A< * ENABLED IMAP4rev2
    A< a OK …
    A> b EXAMINE inbox
    A< * FLAGS (…)
    A< * 3 EXISTS
    A< * OK [PERMANENTFLAGS ()] …
    A< * OK [UIDVALIDITY {v}] …
    A< * OK [UIDNEXT 4] …
    A< * OK [HIGHESTMODSEQ …] …
    A< * OK [MAILBOXID (F…)] …
    A< * OK [URLMECH INTERNAL] …
    A< * LIST (\\Subscribed \\HasNoChildren) "/" "INBOX" ("OLDNAME" ("inbox"))
    A< b OK [READ-ONLY] …
    A> c STORE 1 FLAGS ()
    A< c NO [READ-ONLY] …
    A> d EXPUNGE
    A< d NO [READ-ONLY] …`,
    { mails: flagged },
  );
  dialogue(
    `RFC 9051 §6.3.2: of the mailbox that is opened LIST says whether it is subscribed and has others below
    A! CREATE sub/below
    A! UNSUBSCRIBE sub
    A> a ENABLE IMAP4rev2
    A< * ENABLED IMAP4rev2
    A< a OK …
    A> d SELECT Sub
    A< d NO …
    A> e SELECT sub
    A< * FLAGS (…)
    A< * 0 EXISTS
    A< * OK [PERMANENTFLAGS (…)] …
    A< * OK [UIDVALIDITY …] …
    A< * OK [UIDNEXT 1] …
    A< * OK [HIGHESTMODSEQ …] …
    A< * OK [MAILBOXID (F…)] …
    A< * OK [URLMECH INTERNAL] …
    A< * LIST (\\HasChildren) "/" "sub"
    A< e OK [READ-WRITE] …`,
  );
  dialogue(
    `RFC 9051 §6.3.2: another SELECT closes the mailbox, also when it fails
    A> a EXAMINE Sent
    A< * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)
    A< * 0 EXISTS
    A< * 0 RECENT
    A< * OK [PERMANENTFLAGS ()] …
    A< * OK [UIDVALIDITY …] …
    A< * OK [UIDNEXT 1] …
    A< * OK [HIGHESTMODSEQ …] …
    A< * OK [MAILBOXID (F…)] …
    A< * OK [URLMECH INTERNAL] …
    A< a OK [READ-ONLY] …
    A> b SELECT Nowhere
    A< * OK [CLOSED] …
    A< b NO [NONEXISTENT] …
    A> c FETCH 1 FLAGS
    A< c BAD …`,
  );
  dialogue(
    `RFC 4314 §5.2: rights decide what can be changed
    A> a SELECT "Other Users/bob@example.org/Team"
    A< * FLAGS (…)
    A< * 2 EXISTS
    A< * 0 RECENT
    A< * OK [UNSEEN 1] …
    A< * OK [PERMANENTFLAGS (\\Seen)] …
    A< * OK [UIDVALIDITY …] …
    A< * OK [UIDNEXT 3] …
    A< * OK [HIGHESTMODSEQ …] …
    A< * OK [MAILBOXID (F…)] …
    A< * OK [URLMECH INTERNAL] …
    A< a OK [READ-WRITE] …
    A> b STORE 1 +FLAGS (\\Seen \\Flagged \\Deleted)
    A< * 1 FETCH (FLAGS (\\Seen))
    A< b OK …
    A> c STORE 1 +FLAGS (\\Flagged)
    A< c NO [NOPERM] …
    A> d STORE 2 FLAGS (\\Seen \\Answered)
    A< * 2 FETCH (FLAGS (\\Seen \\Draft))
    A< d OK …
    A> e STORE 2 FLAGS ()
    A< * 2 FETCH (FLAGS (\\Draft))
    A< e OK …
    A> f EXPUNGE
    A< f NO [NOPERM] …
    A> g MOVE 1 INBOX
    A< g NO [NOPERM] …
    A> h COPY 2 INBOX
    A< h OK [COPYUID {v} 2 5] …
    A> i COPY 2 "Other Users/bob@example.org/Team"
    A< i NO [NOPERM] …
    A> j SELECT "Other Users/bob@example.org/Secret"
    A< * OK [CLOSED] …
    A< j NO [NONEXISTENT] …`,
    {
      prepare: async (store) => {
        const team = await store.create(bob, 'Team', undefined);
        await store.setAcl(team.id, 'ann@example.org', 'lrs');
        await fill(store, team.id, [
          { text: 'Subject: x\r\n\r\n' },
          { text: 'Subject: y\r\n\r\n', flags: ['\\Draft'] },
        ]);
        await store.create(bob, 'Secret', undefined);
      },
    },
  );
});

const failing = () => Promise.reject(new StorageError('the disk fails'));

describe('a SELECT that fails', () => {
  dialogue(
    `RFC 9051 §6.3.2: leaves no mailbox selected, and nothing is told of the one before
    A! SELECT INBOX
    A> a SELECT Nowhere
    A< * OK [CLOSED] …
    A< a NO [NONEXISTENT] …
    B! SELECT INBOX
    B! COPY 1 INBOX
    A> b NOOP
    A< b OK …`,
  );
});

for (const [title, others, enabled, code] of [
  ['before it is open', { snapshot: failing }, [], 'UNAVAILABLE'],
  ['because it has just gone', { snapshot: async () => undefined }, [], 'NONEXISTENT'],
  ['behind its numbers', { subscriptions: failing }, ['IMAP4REV2'], 'UNAVAILABLE'],
  ['at what has changed', { changes: failing }, ['QRESYNC'], 'UNAVAILABLE'],
] as const)
  it(`RFC 9051 §6.3.2: a SELECT that fails ${title} leaves no mailbox selected`, async () => {
    await using test = await openInMemory();
    const { folders } = test.stores;
    for (const account of [ann, bob]) await folders.ensure(account);
    const { id, uidValidity } = (await folders.find(ann, 'INBOX'))!;
    await fill(folders, id, [{ text: 'x' }]);
    let fails = false;
    const store = storeBut(
      folders,
      Object.fromEntries(
        Object.entries(others).map(([name, fail]) => [
          name,
          (...given: unknown[]) =>
            fails
              ? fail()
              : (Reflect.get(folders, name) as (...all: unknown[]) => unknown).apply(
                  folders,
                  given,
                ),
        ]),
      ),
    );
    const client = new TestConversation(testProcess(store), ann, enabled);
    await client.select('Sent');
    fails = true;
    const qresync = { uidValidity, modseq: 1, knownUids: undefined, match: undefined };
    const completion = await client.execute({
      ...{ name: 'SELECT', mailbox: 'INBOX', condstore: false },
      qresync: enabled[0] === 'QRESYNC' ? qresync : undefined,
    });
    assert.deepEqual(
      [completion.status, completion.code, completion.state],
      ['NO', code, 'unselected'],
    );
    assert.equal(client.context.selected, undefined);
    fails = false;
    client.taken();
    await fill(folders, id, [{ text: 'y' }]);
    assert.deepEqual(await client.run({ name: 'NOOP' }), ['OK NOOP completed']);
    assert.match((await client.select('INBOX')).at(-1)!, /^OK /);
    client.close();
  });

describe('CONDSTORE', () => {
  dialogue(
    `RFC 7162 §3.1: who enables it while a mailbox is selected is told HIGHESTMODSEQ, once
    A! SELECT INBOX
    A> a ENABLE CONDSTORE
    A< * ENABLED CONDSTORE
    A< * OK [HIGHESTMODSEQ 5] …
    A< a OK …
    A> b ENABLE QRESYNC
    A< * ENABLED QRESYNC
    A< b OK …
    A> c FETCH 1 (MODSEQ)
    A< * 1 FETCH (MODSEQ (2))
    A< c OK …`,
  );
  dialogue(
    `RFC 7162 §3.1: SELECT has said it already
    A> a ENABLE CONDSTORE
    A< * ENABLED CONDSTORE
    A< a OK …
    A! SELECT INBOX
    A> c FETCH 1 (MODSEQ)
    A< * 1 FETCH (MODSEQ (2))
    A< c OK …`,
  );
});

describe('rights on the selected mailbox', () => {
  const theirs = '"Other Users/ann@example.org/Team"';
  const shared = {
    accounts: { B: bob },
    prepare: async (store: FolderStore) => {
      const team = await store.create(ann, 'Team', undefined);
      await store.setAcl(team.id, bob, 'lrswite');
      await fill(store, team.id, [{ text: 'Subject: x\r\n\r\n' }]);
    },
  };
  dialogue(
    `RFC 4314 §5.1.1: what is taken away counts from the next command on
    B! SELECT ${theirs}
    A! SETACL Team ${bob} lrs
    B> a STORE 1 +FLAGS (\\Seen \\Deleted)
    B< * FLAGS (…)
    B< * OK [PERMANENTFLAGS (\\Seen)] …
    B< * 1 FETCH (FLAGS (\\Seen))
    B< a OK …
    B> b EXPUNGE
    B< b NO [NOPERM] …
    A! SETACL Team ${bob} +te
    B> c STORE 1 +FLAGS.SILENT (\\Deleted)
    B< * FLAGS (…)
    B< * OK [PERMANENTFLAGS (\\Seen \\Deleted)] …
    B< c OK …`,
    shared,
  );
  for (const [title, command] of [
    ['a command', 'FETCH 1 BODY.PEEK[]'],
    ['NOOP', 'NOOP'],
  ])
    dialogue(
      `RFC 4314 §5.1.1: who may not read it any more is told BYE, by ${title}
    B! SELECT ${theirs}
    A! DELETEACL Team ${bob}
    A! SELECT INBOX
    A! COPY 1 Team
    B> a ${command}
    B< * BYE You may not read the selected mailbox any more
    B< a NO [NOPERM] …`,
      shared,
    );
  dialogue(
    `RFC 4314 §5.1.1: in IDLE, too, and of new mail nothing is told
    B! SELECT ${theirs}
    B> a IDLE
    B< + …
    A! DELETEACL Team ${bob}
    A! SELECT INBOX
    A! COPY 1 Team
    B< * BYE You may not read the selected mailbox any more`,
    shared,
  );
  dialogue(
    `who may not read it any more can go elsewhere
    B! SELECT ${theirs}
    A! DELETEACL Team ${bob}
    B! SELECT INBOX
    B! NOOP`,
    shared,
  );
});

describe('CLOSE, UNSELECT, CHECK, EXPUNGE', () => {
  const select = `A< * FLAGS (…)
    A< * 4 EXISTS
    A< * 0 RECENT
    A< * OK [UNSEEN …] …
    A< * OK [PERMANENTFLAGS …] …
    A< * OK [UIDVALIDITY {v}] …
    A< * OK [UIDNEXT 5] …
    A< * OK [HIGHESTMODSEQ …] …
    A< * OK [MAILBOXID (F…)] …
    A< * OK [URLMECH INTERNAL] …`;
  dialogue(
    `RFC 9051 §6.4.1 and RFC 3691 §2: CLOSE expunges without a word, UNSELECT does not
    A> a SELECT INBOX
    ${select}
    A< a OK [READ-WRITE] …
    A> b STORE 2 +FLAGS.SILENT (\\Deleted)
    A< b OK …
    A> c UNSELECT
    A< c OK …
    A> d EXAMINE INBOX
    ${select}
    A< d OK [READ-ONLY] …
    A> e CLOSE
    A< e OK …
    A> f STATUS INBOX (MESSAGES)
    A< * STATUS "INBOX" (MESSAGES 4)
    A< f OK …
    A> g SELECT INBOX
    ${select}
    A< g OK [READ-WRITE] …
    A> h CHECK
    A< h OK …
    A> i CLOSE
    A< i OK …
    A> j STATUS INBOX (MESSAGES)
    A< * STATUS "INBOX" (MESSAGES 3)
    A< j OK …
    A> k CHECK
    A< k BAD …`,
  );
  dialogue(
    `RFC 9051 §6.4.3, RFC 4315 §2.1: EXPUNGE takes what is marked, UID EXPUNGE of some
    A> a SELECT INBOX
    ${select}
    A< a OK [READ-WRITE] …
    A> b STORE 1,2,4 +FLAGS.SILENT (\\Deleted)
    A< b OK …
    A> c UID EXPUNGE 2:3
    A< * 2 EXPUNGE
    A< c OK …
    A> d EXPUNGE
    A< * 3 EXPUNGE
    A< * 1 EXPUNGE
    A< d OK …
    A> e FETCH 1:* UID
    A< * 1 FETCH (UID 3)
    A< e OK …
    A> f UID EXPUNGE 1:*
    A< f OK …`,
  );
});
