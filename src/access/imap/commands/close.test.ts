import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openInMemory } from '../../../store/sqlite/test-stores.ts';
import { storeBut, TestConversation, testProcess, untoldStore } from '../test-conversation.ts';
import { ann, bob, dialogue, fill } from '../test-dialogue.ts';

describe('EXPUNGE, CLOSE and UNSELECT', () => {
  dialogue(
    `RFC 9051 §6.4.1, §6.4.2: CLOSE expunges; UNSELECT does not, nor CLOSE behind EXAMINE
    A! SELECT INBOX
    A! STORE 2 +FLAGS.SILENT (\\Deleted)
    A! UNSELECT
    A> a STATUS INBOX (MESSAGES DELETED)
    A< * STATUS "INBOX" (MESSAGES 4 DELETED 1)
    A< a OK …
    A! EXAMINE INBOX
    A> b EXPUNGE
    A< b NO [READ-ONLY] …
    A! CLOSE
    A> c STATUS INBOX (MESSAGES DELETED)
    A< * STATUS "INBOX" (MESSAGES 4 DELETED 1)
    A< c OK …
    A! SELECT INBOX
    A! CLOSE
    A> d STATUS INBOX (MESSAGES DELETED)
    A< * STATUS "INBOX" (MESSAGES 3 DELETED 0)
    A< d OK …
    A> e FETCH 1 FLAGS
    A< e BAD …
    A! SELECT INBOX
    A! STORE 1:3 +FLAGS.SILENT (\\Deleted)
    A! CLOSE
    A> f STATUS INBOX (MESSAGES)
    A< * STATUS "INBOX" (MESSAGES 0)
    A< f OK …`,
  );
  dialogue(
    `RFC 9051 §6.4.1: CLOSE expunges what another session has marked meanwhile, and nothing else
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 4 +FLAGS.SILENT (\\Deleted)
    A! CLOSE
    A> a STATUS INBOX (MESSAGES DELETED)
    A< * STATUS "INBOX" (MESSAGES 3 DELETED 0)
    A< a OK …
    A! SELECT INBOX
    A! CLOSE
    B> b UID SEARCH ALL
    B< * SEARCH 1 2 3
    B< * 4 EXPUNGE
    B< b OK …`,
  );
  dialogue(
    `RFC 9051 §6.4.2: who has unselected a mailbox hears nothing of it
    A! SELECT INBOX
    A! UNSELECT
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> a NOOP
    A< a OK …
    A> b IDLE
    A< + …
    B! STORE 1 +FLAGS.SILENT (\\Seen)
    A> DONE
    A< b OK …`,
  );
  dialogue(
    `RFC 4314 §4: without "e" nothing is expunged
    A! SETACL INBOX ${bob} lrst
    B! SELECT "Other Users/${ann}/INBOX"
    B! STORE 1:2 +FLAGS.SILENT (\\Deleted)
    B> a EXPUNGE
    B< a NO [NOPERM] …
    B> b UID EXPUNGE 1
    B< b NO [NOPERM] …
    B! CLOSE
    A> c STATUS INBOX (MESSAGES DELETED)
    A< * STATUS "INBOX" (MESSAGES 4 DELETED 2)
    A< c OK …
    A! SETACL INBOX ${bob} lrste
    B! SELECT "Other Users/${ann}/INBOX"
    B! CLOSE
    A> d STATUS INBOX (MESSAGES DELETED)
    A< * STATUS "INBOX" (MESSAGES 2 DELETED 0)
    A< d OK …`,
    { accounts: { B: bob } },
  );
  dialogue(
    `RFC 4315 §2.1: UID EXPUNGE takes those of its UIDs that are marked
    A! SELECT INBOX
    A! STORE 1 +FLAGS.SILENT (\\Deleted)
    A> a EXPUNGE
    A< * 1 EXPUNGE
    A< a OK EXPUNGE completed
    A! UID STORE 3:4 +FLAGS.SILENT (\\Deleted)
    A> b UID EXPUNGE 2:3
    A< * 2 EXPUNGE
    A< b OK …
    A> c UID SEARCH ALL
    A< * SEARCH 2 4
    A< c OK …`,
  );
  dialogue(
    `RFC 9051 §6.3.5: a mailbox that is deleted is no longer selected; another one stays so
    A! CREATE x
    A! CREATE y
    A! SELECT x
    A! DELETE y
    A! SEARCH ALL
    A! DELETE x
    A> a SEARCH ALL
    A< a BAD …
    A> b CREATE inbox
    A< b NO [ALREADYEXISTS] …`,
  );
  dialogue(
    `RFC 7162 §3.2.7: with QRESYNC the mod-sequence is said where something went
    A! ENABLE QRESYNC
    A! SELECT INBOX
    A> a EXPUNGE
    A< a OK EXPUNGE completed
    A! STORE 2:3 +FLAGS.SILENT (\\Deleted)
    A> b EXPUNGE
    A< * VANISHED 2:3
    A< b OK [HIGHESTMODSEQ …] EXPUNGE completed`,
  );
});

async function inboxOf(texts: readonly string[]) {
  const test = await openInMemory();
  const store = test.stores.folders;
  await store.ensure(ann);
  const { id } = (await store.find(ann, 'INBOX'))!;
  await fill(
    store,
    id,
    texts.map((text) => ({ text })),
  );
  return { store, id, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}

const marked = [{ kind: 'add', flags: ['\\Deleted'] }] as const;

it('RFC 9051 §6.4.1: CLOSE expunges what has just been marked, though this process has not read it yet', async () => {
  await using inbox = await inboxOf(['x', 'y']);
  const { store, id } = inbox;
  let isSlow = false;
  const never = new Promise<never>(() => {});
  const slow = storeBut(store, {
    changes: (...given) => (isSlow ? never : store.changes(...given)),
  });
  const client = new TestConversation(testProcess(slow), ann);
  await client.select('INBOX');
  isSlow = true;
  await store.store(id, [2], marked);
  assert.deepEqual(await client.run({ name: 'CLOSE' }), ['OK CLOSE completed']);
  const left = await store.snapshot(id);
  assert.deepEqual([...left!.messages.uid.subarray(0, left!.messages.length)], [1]);
});

it('RFC 9051 §6.4.3: EXPUNGE says what it removed before its OK, however late the store tells of it', async () => {
  await using inbox = await inboxOf(['x', 'y']);
  const client = new TestConversation(testProcess(untoldStore(inbox.store)), ann);
  await inbox.store.store(inbox.id, [1], marked);
  await client.select('INBOX');
  assert.deepEqual(await client.run({ name: 'EXPUNGE', uids: undefined }), [
    '1 EXPUNGE',
    'OK EXPUNGE completed',
  ]);
  client.close();
});
