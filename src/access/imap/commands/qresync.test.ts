import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { QresyncParam, Range, SequenceSet } from '../../../imap/command.ts';
import { openSqliteStores } from '../../../store/sqlite/stores.ts';
import { storeBut, TestConversation, testProcess } from '../test-conversation.ts';
import { ann, dialogue } from '../test-dialogue.ts';

const ranges = (...pairs: readonly (readonly [number, number])[]): readonly Range[] =>
  pairs.map(([from, to]) => ({ from, to }));

/** Ten messages, of which 3, 4 and 8 are gone; nobody remembers which. */
async function open() {
  const stores = await openSqliteStores({
    ...{ directory: ':memory:', clock: new FakeClock(), log: silentLog },
  });
  const { folders } = stores;
  await folders.ensure(ann);
  const inbox = await folders.find(ann, 'INBOX');
  const content = { kind: 'inline', bytes: Buffer.from('a: b\r\n\r\n') } as const;
  const mails = Array.from({ length: 10 }, () => ({ content, flags: [], received: 0 }));
  await folders.append(inbox!.id, mails, { bytes: 10_000, messages: 100 });
  await folders.removeMessages(inbox!.id, [3, 4, 8]);
  const store = storeBut(folders, {
    changes: async (...given) => ({ ...(await folders.changes(...given))!, complete: false }),
  });
  const conversation = new TestConversation(testProcess(store), ann, ['QRESYNC', 'CONDSTORE']);
  await conversation.select('INBOX');
  const fetch = (set: readonly Range[]) =>
    conversation.run({
      ...{ name: 'FETCH', uid: true, set: { kind: 'ranges', ranges: set } },
      ...{ items: [{ kind: 'UID' }], changedSince: 1, vanished: true, window: undefined },
    } as never);
  const select = (qresync: QresyncParam) =>
    conversation.run({ name: 'SELECT', mailbox: 'INBOX', condstore: false, qresync });
  return { stores, conversation, fetch, select, uidValidity: inbox!.uidValidity };
}

it('RFC 7162 §3.2.10.1: where expunges are forgotten, what is not there has vanished, each once', async () => {
  const { stores, fetch } = await open();
  for (const [set, told] of [
    [ranges([1, 0]), '3:4,8'],
    [ranges([4, 1], [3, 5], [8, 8], [9, 12]), '3:4,8'],
    [ranges([4, 7]), '4'],
    [ranges([4, 4], [3, 3]), '3:4'],
    [ranges([8, 8]), '8'],
    [ranges([5, 7], [20, 30]), undefined],
  ] as const)
    assert.equal(
      (await fetch(set)).find((line) => line.startsWith('VANISHED')),
      told && `VANISHED (EARLIER) ${told}`,
    );
  await stores[Symbol.asyncDispose]();
});

it('RFC 7162 §3.2.5: says no more than the client reads', async () => {
  const { stores, select, uidValidity, conversation } = await open();
  const reading = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  conversation.context.room = () => {
    asked.resolve();
    return reading.promise;
  };
  conversation.taken();
  const done = select({ uidValidity, modseq: 1, knownUids: undefined, match: undefined });
  await asked.promise;
  await setImmediate();
  const fetches = (said: readonly string[]) => said.filter((line) => line.includes('FETCH')).length;
  assert.equal(fetches(conversation.taken()), 1);
  reading.resolve();
  assert.equal(fetches(await done), 6);
  await stores[Symbol.asyncDispose]();
});

it('RFC 7162 §3.2.5.2: up to where numbers and UIDs of the client are right nothing has vanished', async () => {
  const { stores, select, uidValidity } = await open();
  const set = (...numbers: readonly number[]): SequenceSet => ({
    kind: 'ranges',
    ranges: numbers.map((number) => ({ from: number, to: number })),
  });
  const known = { uidValidity, modseq: 1, knownUids: undefined };
  const vanished = async (match: QresyncParam['match'], others: Partial<QresyncParam> = {}) =>
    (await select({ ...known, match, ...others }))
      .find((line) => line.startsWith('VANISHED'))
      ?.replace('VANISHED (EARLIER) ', '');
  // Numbers 1 to 7 are UIDs 1, 2, 5, 6, 7, 9 and 10.
  assert.equal(await vanished(undefined), '3:4,8');
  assert.equal(await vanished({ sequence: set(1, 3), uids: set(1, 5) }), '8');
  assert.equal(await vanished({ sequence: set(1, 3, 6), uids: set(1, 6, 9) }), '3:4,8');
  assert.equal(await vanished({ sequence: set(1, 3, 6), uids: set(1, 5, 9) }), undefined);
  assert.equal(await vanished({ sequence: set(1, 3, 6), uids: set(1, 5) }), '8');
  assert.equal(await vanished({ sequence: set(99), uids: set(99) }), '3:4,8');
  // RFC 9051 §9: 5:3 is 3:5.
  const range = (from: number, to: number): SequenceSet => ({
    kind: 'ranges',
    ranges: [{ from, to }],
  });
  assert.equal(await vanished({ sequence: range(3, 1), uids: set(1, 2, 5) }), '8');
  assert.equal(await vanished({ sequence: set(3, 4, 5), uids: range(7, 5) }), '8');
  // Limit: pairs that are looked at.
  const ones = Array.from({ length: 9_999 }, () => 1);
  assert.equal(await vanished({ sequence: set(...ones, 3), uids: set(...ones, 5) }), '8');
  const many = [...ones, 1];
  assert.equal(await vanished({ sequence: set(...many, 3), uids: set(...many, 5) }), '3:4,8');
  // RFC 7162 §3.2.5.1: of another mailbox nothing is said.
  assert.equal(await vanished(undefined, { uidValidity: uidValidity + 1 }), undefined);
  await stores[Symbol.asyncDispose]();
});

describe('what changed while a client was away', () => {
  const facts = `A< * FLAGS …
    A< * 2 EXISTS
    A< * 0 RECENT
    A< * OK [UNSEEN 1] …
    A< * OK [PERMANENTFLAGS …] …
    A< * OK [UIDVALIDITY {v}] …
    A< * OK [UIDNEXT 5] …
    A< * OK [HIGHESTMODSEQ 10] …
    A< * OK [MAILBOXID …] …
    A< * OK [URLMECH INTERNAL] …`;
  dialogue(
    `RFC 7162 §3.2.5: is told of the UIDs that the client knows, and of what is newer than it knows
    A! ENABLE QRESYNC
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Flagged)
    B! STORE 4 +FLAGS.SILENT (\\Flagged)
    B! STORE 2 +FLAGS.SILENT (\\Deleted)
    B! STORE 3 +FLAGS.SILENT (\\Deleted)
    B! UID EXPUNGE 2:3
    A> a SELECT INBOX (QRESYNC ({v} 5 1:2))
    ${facts}
    A< * VANISHED (EARLIER) 2
    A< * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (6))
    A< a OK [READ-WRITE] …
    A! UNSELECT
    A> b SELECT INBOX (QRESYNC ({v} 6))
    ${facts}
    A< * VANISHED (EARLIER) 2:3
    A< * 2 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ (7))
    A< b OK [READ-WRITE] …
    A! UNSELECT
    A> c SELECT INBOX (QRESYNC ({v} 10))
    ${facts}
    A< c OK [READ-WRITE] …
    A! UNSELECT
    A> d SELECT INBOX (QRESYNC (77 1))
    ${facts}
    A< d OK [READ-WRITE] …`,
  );
  dialogue(
    `RFC 7162 §3.2.6, §3.2.10: what goes while the mailbox is selected is no earlier VANISHED, and is told once
    A! ENABLE QRESYNC
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> a UID FETCH 1:2 (UID) (CHANGEDSINCE 1 VANISHED)
    A< * 2 FETCH (UID 2 MODSEQ (3))
    A< * VANISHED 1
    A< a OK …
    A> b UID FETCH 1:2 (UID) (CHANGEDSINCE 3 VANISHED)
    A< * VANISHED (EARLIER) 1
    A< b OK …
    B! STORE 3 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> c NOOP
    A< * VANISHED 4
    A< c OK …
    A> d UID FETCH 1:4 (UID) (CHANGEDSINCE 5 VANISHED)
    A< * VANISHED (EARLIER) 1,4
    A< d OK …`,
  );
});
