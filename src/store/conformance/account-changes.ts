// What every FolderStore must tell of an account's changes: RFC 8620 §5.2. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { FolderStore, NewMail } from '../folder-store.ts';
import { emailId, mailboxId } from '../object-id.ts';
import type { OpenTestStores, TestStores } from './harness.ts';
import { delivered, message, removed, settlement, text } from './harness.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';
const all = 1000;

const mail = (flags: readonly string[] = []): NewMail => ({
  ...{ content: text('Subject: x\r\n\r\nx'), flags, received: 0 },
});

const nothing = { created: [], updated: [], destroyed: [], hasMore: false, complete: true };

async function folderOf(folders: FolderStore, path = 'INBOX', account = ann): Promise<number> {
  await folders.ensure(account);
  return (await folders.find(account, path))!.id;
}

/** Ids of the emails in a folder, by UID. */
const idsIn = async (folders: FolderStore, folder: number): Promise<string[]> =>
  Array.from((await folders.index(folder))!.email, emailId);

/** What the changes since `since` are, without their state, which is the present one. */
async function changesSince(folders: FolderStore, since: string, account = ann) {
  const { state, ...emails } = await folders.changedEmails(account, since, all);
  const { state: same, ...boxes } = await folders.changedFolders(account, since, all);
  assert.deepEqual([state, same], Array(2).fill(await folders.accountState(account)));
  return { emails, folders: boxes };
}

export function testAccountChanges(open: OpenTestStores): void {
  testWrites(open);
  testCopies(open);
  testPages(open);
  testUnknownStates(open);
}

function testWrites(open: OpenTestStores): void {
  it('every write of mail and folders makes another state; what changes nothing does not', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await folderOf(folders);
    const sent = await folderOf(folders, 'Sent');
    const writes: readonly (() => Promise<unknown>)[] = [
      () => folders.append(inbox, [mail(), mail(['\\Deleted']), mail(), mail()]),
      () => folders.deliver({ ...mail(), account: ann, folder: 'INBOX', prefix: '' }),
      () => settled(test),
      () => folders.copy(inbox, [1], sent),
      () => folders.move(inbox, [3], sent),
      () => folders.store(inbox, [1], { kind: 'add', flags: ['\\Seen'] }),
      () => folders.replace(inbox, 1, sent, mail()),
      () => folders.expunge(inbox),
      () => folders.removeMessages(inbox, [4]),
      () => folders.create(ann, 'new', undefined),
      () => folders.rename(ann, 'new', 'newer'),
      () => folders.subscribe(ann, 'newer', true),
      () => folders.subscribe(ann, 'newer', false),
      () => folders.subscribe(ann, 'no such folder', true),
      () => folders.setAcl(sent, bob, 'lr'),
      () => folders.setAcl(sent, bob, ''),
      () => folders.annotate(ann, sent, new Map([['/shared/comment', Buffer.from('x')]])),
      () => folders.remove(ann, 'newer'),
      () => folders.rename(ann, 'INBOX', 'old'),
      () => folders.removeAll(ann),
    ];
    const states = new Set([await folders.accountState(ann)]);
    for (const [i, write] of writes.entries()) {
      await write();
      states.add(await folders.accountState(ann));
      assert.equal(states.size, i + 2, String(write));
    }
    await folders.ensure(ann);
    const again = await folderOf(folders);
    await folders.append(again, [mail()]);
    const state = await folders.accountState(ann);
    await folders.ensure(ann);
    await folders.leaveRecent(again, 2);
    await folders.store(again, [1], { kind: 'remove', flags: ['\\Seen'] });
    await folders.subscribe(ann, 'INBOX', true);
    await folders.expunge(again);
    await folders.copy(again, [99], again);
    assert.equal(await folders.accountState(ann), state);
    assert.deepEqual((await changesSince(folders, state)).emails, nothing);
  });

  it('folders: their messages, and what else changed of them', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await folderOf(folders);
    const junk = await folderOf(folders, 'Junk');
    let state = await folders.accountState(ann);
    const next = async () => {
      const found = (await changesSince(folders, state)).folders;
      state = await folders.accountState(ann);
      return found;
    };
    await folders.append(inbox, [mail()]);
    const of = (id: number) => [mailboxId(id)];
    assert.deepEqual(await next(), { ...nothing, updated: of(inbox), messagesOnly: true });
    await folders.subscribe(ann, 'Junk', false);
    assert.deepEqual(await next(), { ...nothing, updated: of(junk), messagesOnly: false });
    const { id } = await folders.create(ann, 'a', undefined);
    await folders.rename(ann, 'a', 'b');
    assert.deepEqual(await next(), { ...nothing, created: of(id), messagesOnly: true });
    await folders.append(id, [mail()]);
    await folders.remove(ann, 'b');
    assert.deepEqual(await next(), { ...nothing, destroyed: of(id), messagesOnly: true });
    await folders.create(ann, 'c', undefined);
    await folders.remove(ann, 'c');
    assert.deepEqual(await next(), { ...nothing, messagesOnly: true }, 'it came and went');
    await folders.setAcl(junk, bob, 'lr');
    await next();
    await folders.removeAll(bob);
    assert.deepEqual((await next()).updated, of(junk), 'whoever has no account has no rights');
  });
}

/** A message of the queue is settled, and lies in INBOX with that. */
async function settled({ stores: { queue, folders } }: TestStores): Promise<void> {
  const { messages } = (await folders.find(ann, 'INBOX'))!;
  const [lease] = await queue.enqueue(message('m1'), { leaseUntil: 5000 });
  const arriving = { ...mail(), account: ann, folder: 'INBOX', prefix: '' };
  assert.ok(await queue.settle(settlement(lease!, delivered, { append: [arriving] })));
  assert.equal((await folders.find(ann, 'INBOX'))!.messages, messages + 1);
}

function testCopies(open: OpenTestStores): void {
  it('RFC 8621 §4: an email in several folders is one, and goes with its last copy', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await folderOf(folders);
    const sent = await folderOf(folders, 'Sent');
    const before = await folders.accountState(ann);
    await folders.append(inbox, [mail(), mail()]);
    const [one, two] = (await idsIn(folders, inbox)) as [string, string];
    let state = await folders.accountState(ann);
    const next = async () => {
      const found = (await changesSince(folders, state)).emails;
      state = await folders.accountState(ann);
      return found;
    };
    await folders.copy(inbox, [1, 2], sent);
    assert.deepEqual(await next(), { ...nothing, updated: [one, two] });
    const copied = state;
    await removed(folders, ann, [1]);
    assert.deepEqual(await next(), { ...nothing, updated: [one] }, 'a copy is left');
    await folders.remove(ann, 'Sent');
    assert.deepEqual(await next(), { ...nothing, updated: [two], destroyed: [one] });
    const since = async (from: string) => (await changesSince(folders, from)).emails;
    assert.deepEqual(await since(copied), { ...nothing, updated: [two], destroyed: [one] });
    assert.deepEqual(await since(before), { ...nothing, created: [two] }, 'one came and went');
    await folders.rename(ann, 'INBOX', 'old');
    assert.deepEqual(await next(), { ...nothing, updated: [two] });
    await test.restart();
    const again = test.stores.folders;
    assert.equal(await again.accountState(ann), state);
    assert.deepEqual((await changesSince(again, copied)).emails.destroyed, [one]);
  });

  it('what another account copies comes and goes there by itself', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await folderOf(folders);
    const bobs = await folderOf(folders, 'INBOX', bob);
    await folders.append(inbox, [mail()]);
    const [id] = (await idsIn(folders, inbox)) as [string];
    const [annsState, bobsState] = [
      await folders.accountState(ann),
      await folders.accountState(bob),
    ];
    await folders.copy(inbox, [1], bobs);
    assert.equal(await folders.accountState(ann), annsState);
    const bobsChanges = async (since: string) => (await changesSince(folders, since, bob)).emails;
    assert.deepEqual(await bobsChanges(bobsState), { ...nothing, created: [id] });
    const copied = await folders.accountState(bob);
    await folders.move(bobs, [1], inbox);
    assert.deepEqual((await changesSince(folders, annsState)).emails, {
      ...nothing,
      updated: [id],
    });
    assert.deepEqual(await bobsChanges(copied), { ...nothing, destroyed: [id] });
    assert.deepEqual(await bobsChanges(bobsState), nothing);
    const gone = await folders.accountState(bob);
    await folders.copy(inbox, [1], bobs);
    assert.deepEqual(await bobsChanges(gone), { ...nothing, created: [id] }, 'it is there again');
    assert.deepEqual(await bobsChanges(copied), { ...nothing, updated: [id] }, 'it was there');
  });
}

function testPages(open: OpenTestStores): void {
  it('at most so many ids at once, also of what one change did, until the present is reached', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await folderOf(folders);
    await folders.append(inbox, [mail(), mail()]);
    const [first, second] = (await idsIn(folders, inbox)) as [string, string];
    let state = await folders.accountState(ann);
    await folders.append(
      inbox,
      Array.from({ length: 7 }, () => mail()),
    );
    const ids = (await idsIn(folders, inbox)).slice(2);
    // What is new keeps the place it came in, whatever happens to it later.
    await folders.store(inbox, [1, 4], { kind: 'add', flags: ['\\Seen'] });
    await removed(folders, ann, [2]);
    const pages = [];
    for (;;) {
      const { state: end, ...page } = await folders.changedEmails(ann, state, 3);
      pages.push(page);
      state = end;
      if (pages.length === 1) await removed(folders, ann, [3]);
      if (!page.hasMore) break;
    }
    const more = { ...nothing, hasMore: true };
    assert.deepEqual(pages, [
      { ...more, created: ids.slice(0, 3) },
      { ...more, created: ids.slice(3, 6) },
      { ...more, created: [ids[6]], updated: [ids[1], first].toSorted(), destroyed: [] },
      { ...nothing, destroyed: [second, ids[0]] },
    ]);
    assert.equal(state, await folders.accountState(ann));
    const page = await folders.changedFolders(ann, state, 1);
    assert.deepEqual([page.state, page.hasMore], [state, false]);
  });
}

function testUnknownStates(open: OpenTestStores): void {
  it('RFC 8620 §5.2, cannotCalculateChanges: of states that nobody was told', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const unborn = await folders.accountState(ann);
    assert.deepEqual((await changesSince(folders, unborn)).emails, nothing);
    const inbox = await folderOf(folders);
    await folders.append(inbox, [mail()]);
    const state = await folders.accountState(ann);
    assert.equal((await changesSince(folders, unborn)).emails.created.length, 1);
    assert.equal((await changesSince(folders, unborn)).folders.created.length, 6);
    const unknown = { ...nothing, complete: false };
    for (const odd of ['', '-1', 'x', `${state} `, `${state}0`, '9'.repeat(99), '1e1', '1.', '.1'])
      assert.deepEqual((await changesSince(folders, odd)).emails, unknown, odd);
    await folders.removeAll(ann);
    assert.deepEqual((await changesSince(folders, state)).emails, unknown, 'nothing is there');
    // Somebody else may have the address now, and his states are none of those.
    await folderOf(folders);
    assert.deepEqual((await changesSince(folders, state)).emails, unknown);
    assert.deepEqual((await changesSince(folders, unborn)).emails, unknown);
  });
}
