// \Recent, as IMAP4rev1 has it: RFC 3501 §2.3.2.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryDisk, openSqliteStores } from '../../store/sqlite/stores.ts';
import { TestConversation, testProcess } from './test-conversation.ts';
import { ann, dialogue } from './test-dialogue.ts';

const recent = { recent: true };

describe('\\Recent', () => {
  dialogue(
    `RFC 3501 §2.3.2: of two sessions one has it, which was told first
    A> s STATUS INBOX (RECENT UNSEEN)
    A< * STATUS "INBOX" (RECENT 4 UNSEEN 4)
    A< s OK …
    A> a SELECT INBOX
    A< * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)
    A< * 4 EXISTS
    A< * 4 RECENT
    A< …
    A< …
    A< …
    A< …
    A< …
    A< …
    A< * OK [URLMECH INTERNAL] …
    A< a OK …
    A> b FETCH 2:3 FLAGS
    A< * 2 FETCH (FLAGS (\\Recent))
    A< * 3 FETCH (FLAGS (\\Recent))
    A< b OK …
    A> c STORE 2 +FLAGS (\\Seen)
    A< * 2 FETCH (FLAGS (\\Recent \\Seen))
    A< c OK …
    A> d STORE 2 -FLAGS (\\Recent)
    A< * 2 FETCH (FLAGS (\\Recent \\Seen))
    A< d OK …
    A> e STATUS INBOX (RECENT)
    A< * STATUS "INBOX" (RECENT 0)
    A< e OK …
    B! SELECT INBOX
    B> a FETCH 1:* FLAGS
    B< * 1 FETCH (FLAGS ())
    B< * 2 FETCH (FLAGS (\\Seen))
    B< * 3 FETCH (FLAGS ())
    B< * 4 FETCH (FLAGS ())
    B< a OK …
    A! SELECT INBOX
    A> f SEARCH RECENT
    A< * SEARCH
    A< f OK …`,
    recent,
  );
  dialogue(
    `RFC 3501 §6.4.4: NEW, OLD, RECENT
    A! SELECT INBOX
    A! STORE 2 +FLAGS.SILENT (\\Seen)
    B> x APPEND INBOX {1+}
    B> x
    B< x OK …
    A> a NOOP
    A< * 5 EXISTS
    A< * 1 RECENT
    A< a OK …
    A> b SEARCH RECENT
    A< * SEARCH 5
    A< b OK …
    A> c SEARCH OLD SEEN
    A< * SEARCH 2
    A< c OK …
    A> d SEARCH NEW
    A< * SEARCH 5
    A< d OK …
    A! STORE 5 +FLAGS.SILENT (\\Seen \\Deleted)
    A> e SEARCH NEW
    A< * SEARCH
    A< e OK …
    A> f SEARCH NOT OLD
    A< * SEARCH 5
    A< f OK …
    A> g EXPUNGE
    A< * 5 EXPUNGE
    A< * 0 RECENT
    A< g OK …`,
  );
  dialogue(
    `RFC 3501 §6.3.2: EXAMINE shows it and takes it from nobody
    A> a EXAMINE INBOX
    A< …
    A< * 4 EXISTS
    A< * 4 RECENT
    A< …
    A< …
    A< …
    A< …
    A< …
    A< …
    A< * OK [URLMECH INTERNAL] …
    A< a OK [READ-ONLY] …
    A> b STATUS INBOX (RECENT)
    A< * STATUS "INBOX" (RECENT 4)
    A< b OK …
    B! SELECT INBOX
    B> c SEARCH RECENT
    B< * SEARCH 1 2 3 4
    B< c OK …`,
    recent,
  );
  dialogue(
    `RFC 2177 §3: of two that wait, the one that is told first
    A! SELECT INBOX
    B! SELECT INBOX
    A> a IDLE
    A< + …
    C> x APPEND INBOX {1+}
    C> x
    C< x OK …
    A< * 5 EXISTS
    A< * 1 RECENT
    A> DONE
    A< a OK …
    B> b NOOP
    B< * 5 EXISTS
    B< * 0 RECENT
    B< b OK …
    B> c FETCH 5 FLAGS
    B< * 5 FETCH (FLAGS ())
    B< c OK …`,
  );
  dialogue(
    `RFC 3501 §6.4.7: copies and what is moved are recent where they go, whatever they were
    A! SELECT INBOX
    A! COPY 1:2 Archive
    A> a MOVE 3 Archive
    A< …
    A< * 3 EXPUNGE
    A< a OK …
    A> b STATUS Archive (RECENT MESSAGES)
    A< * STATUS "Archive" (RECENT 3 MESSAGES 3)
    A< b OK …
    A! SELECT Archive
    A> c FETCH 1:* FLAGS
    A< * 1 FETCH (FLAGS (\\Recent))
    A< * 2 FETCH (FLAGS (\\Recent))
    A< * 3 FETCH (FLAGS (\\Recent))
    A< c OK …
    A! COPY 1 Archive
    A> d SEARCH RECENT
    A< * SEARCH 1 2 3 4
    A< d OK …`,
  );
  dialogue(
    `RFC 9051 App. E: with IMAP4rev2 there is none
    A! ENABLE IMAP4rev2
    A> s STATUS INBOX (RECENT)
    A< * STATUS "INBOX" (RECENT 0)
    A< s OK …
    A> a SELECT INBOX
    A< * FLAGS …
    A< * 4 EXISTS
    A< …
    A< …
    A< …
    A< …
    A< …
    A< * OK [URLMECH INTERNAL] …
    A< * LIST …
    A< a OK …
    A> b FETCH 1 FLAGS
    A< * 1 FETCH (FLAGS ())
    A< b OK …
    A> c SEARCH OR RECENT NEW
    A< * ESEARCH (TAG "c")
    A< c OK …
    A> d APPEND INBOX {1+}
    A> x
    A< * 5 EXISTS
    A< d OK …`,
    recent,
  );
  dialogue(
    `RFC 3501 §6.3.5: what INBOX gives away at a RENAME is as recent as it was
    A! SELECT INBOX
    B> x APPEND INBOX {1+}
    B> x
    B< x OK …
    B! RENAME INBOX Old
    B> a STATUS Old (MESSAGES RECENT)
    B< * STATUS "Old" (MESSAGES 5 RECENT 1)
    B< a OK …`,
  );
});

it('RFC 3501 §2.3.2: who was told is known after a restart, too', async () => {
  const disk = new MemoryDisk();
  const open = () =>
    openSqliteStores({ directory: ':memory:', disk, clock: new FakeClock(), log: silentLog });
  const recentIn = async (stores: Awaited<ReturnType<typeof open>>) => {
    const client = new TestConversation(testProcess(stores.folders), ann);
    const found = await client.run({
      ...{ name: 'STATUS', mailbox: 'INBOX', items: ['RECENT'] },
    });
    return found[0];
  };
  const mail = { content: { kind: 'inline' as const, bytes: Buffer.from('\r\nx') } };
  {
    await using stores = await open();
    await stores.folders.ensure(ann);
    const { id } = (await stores.folders.find(ann, 'INBOX'))!;
    const append = () => stores.folders.append(id, [{ ...mail, flags: [], received: 0 }]);
    await append();
    const client = new TestConversation(testProcess(stores.folders), ann);
    await client.run({ name: 'SELECT', mailbox: 'INBOX', condstore: false, qresync: undefined });
    client.close();
    await append();
    assert.equal(await recentIn(stores), 'STATUS "INBOX" (RECENT 1)');
  }
  await using stores = await open();
  assert.equal(await recentIn(stores), 'STATUS "INBOX" (RECENT 1)');
});
