import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SequenceSet } from '../imap/command.ts';
import type { SortedMessages } from '../policy/spam/junk-learner.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { TestConversation, testProcess } from './imap/test-conversation.ts';
import { fill } from './imap/test-dialogue.ts';
import { noteFlagged, noteMoved } from './sorting.ts';

const ann = 'ann@example.org';
const folder = (specialUse?: string, account = ann) => ({ id: 7, account, specialUse });

function noted(work: (context: Parameters<typeof noteMoved>[0]) => void): string | undefined {
  const all: SortedMessages[] = [];
  work({ account: ann, sorted: (messages) => all.push(messages) });
  for (const { account, folder: id, uids } of all)
    assert.deepEqual([account, id, uids], [ann, 7, [1, 2]]);
  assert(all.length <= 1);
  return all[0]?.is;
}

const moved = (from: ReturnType<typeof folder> | undefined, to: ReturnType<typeof folder>) =>
  noted((context) => noteMoved(context, { ...(from && { from }), to, uids: [1, 2] }));

describe('what is said by moving messages', () => {
  it('RFC 6154: is spam into Junk, ham out of there, and nothing into Trash or elsewhere', () => {
    assert.equal(moved(folder(), folder('Junk')), 'spam');
    assert.equal(moved(folder('Trash'), folder('Junk')), 'spam');
    assert.equal(moved(undefined, folder('Junk')), 'spam');
    assert.equal(moved(folder('Junk'), folder()), 'ham');
    assert.equal(moved(folder('Junk'), folder('Archive')), 'ham');
    assert.equal(moved(folder('Junk'), folder('Trash')), undefined);
    assert.equal(moved(folder('Junk'), folder('Junk')), undefined);
    assert.equal(moved(folder(), folder('Archive')), undefined);
    assert.equal(moved(undefined, folder()), undefined);
  });

  it('is not said by others than the owner of both folders', () => {
    assert.equal(moved(folder(), folder('Junk', 'bob@example.org')), undefined);
    assert.equal(moved(folder(undefined, 'bob@example.org'), folder('Junk')), undefined);
    assert.equal(moved(folder('Junk', 'bob@example.org'), folder()), undefined);
  });

  it('RFC 5788: is said by keywords too, unless they contradict each other', () => {
    const flagged = (...flags: string[]) =>
      noted((context) => noteFlagged(context, { folder: folder(), flags, uids: [1, 2] }));
    assert.equal(flagged('\\Seen', '$Junk'), 'spam');
    assert.equal(flagged('$JUNK'), 'spam');
    assert.equal(flagged('NonJunk'), 'ham');
    assert.equal(flagged('$NotJunk'), 'ham');
    assert.equal(flagged('$Junk', '$NotJunk'), undefined);
    assert.equal(flagged('\\Seen'), undefined);
  });
});

describe('who is told of it', () => {
  it('hears it of MOVE, COPY and STORE, by the UIDs that the messages have then', async () => {
    await using test = await openInMemory();
    const store = test.stores.folders;
    await store.ensure(ann);
    const [inbox, junk] = await Promise.all([store.find(ann, 'INBOX'), store.find(ann, 'Junk')]);
    await fill(store, inbox!.id, [{ text: 'a' }, { text: 'b' }, { text: 'c' }]);
    const told: SortedMessages[] = [];
    const sorted = (messages: SortedMessages) => void told.push(messages);
    const client = new TestConversation({ ...testProcess(store), sorted }, ann);
    const uids = (uid: number): SequenceSet => ({
      kind: 'ranges',
      ranges: [{ from: uid, to: uid }],
    });
    const select = (mailbox: string) =>
      client.run({ name: 'SELECT', mailbox, condstore: false, qresync: undefined });
    const put = (name: 'MOVE' | 'COPY', uid: number, mailbox: string) =>
      client.run({ name, uid: true, set: uids(uid), mailbox });
    const store3 = (change: 'add' | 'remove', flag: string) =>
      client.run({
        ...{ name: 'STORE', uid: true, change, silent: false, flags: [flag] },
        ...{ set: uids(3), unchangedSince: undefined },
      });
    await select('INBOX');
    await put('MOVE', 2, 'Junk');
    await put('COPY', 1, 'Junk');
    await put('COPY', 1, 'Sent');
    await store3('add', '$NotJunk');
    await store3('remove', '$Junk');
    await select('Junk');
    await put('MOVE', 1, 'INBOX');
    await put('MOVE', 2, 'Trash');
    client.close();
    assert.deepEqual(
      told.map(({ folder: id, uids: which, is }) => [id, which, is]),
      [
        [junk!.id, [1], 'spam'],
        [junk!.id, [2], 'spam'],
        [inbox!.id, [3], 'ham'],
        [inbox!.id, [4], 'ham'],
      ],
    );
  });
});
